// The board as SVG: cells that can be chosen by mouse, touch and keyboard, what is on them, and what is drawn over them.
const NAME = "http://www.w3.org/2000/svg";
export const CELL = 44; // distance of neighbouring cells, in units of the picture

export function make(name, attributes = {}, ...children) {
  const element = document.createElementNS(NAME, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function words(content, name) {
  const kind = content[0], rest = content.slice(1);
  if (kind === "c") return `${name}: territory of seat ${rest}`;
  if (kind === "m") return `${name}: marker of seat ${rest}`;
  if (kind === "s") {
    return `${name}: stack ${[...rest].join(" ")} from bottom to top, height ${rest.length}, cap ${capOf(rest)}, ` +
      `controlled by seat ${rest.at(-1)}`;
  }
  return `${name}: empty`;
}

function capOf(rings) {
  let cap = 1;
  while (cap < rings.length && rings.at(-cap - 1) === rings.at(-1)) cap += 1;
  return cap;
}

export class Board {
  // handlers: pick(cell), hover(cell or null)
  constructor(place, handlers) {
    this.place = place;
    this.handlers = handlers;
    this.shape = "";
  }

  // Builds the picture of a board, once for each.
  build(board) {
    const key = `${board.name} ${board.seats}`;
    if (this.shape === key) return;
    this.shape = key;
    this.board = board;
    this.points = new Map(board.cells.map(cell => [cell, this.point(Math.floor(cell / board.size), cell % board.size)]));
    this.names = new Map(board.cells.map((cell, index) => [cell, board.names[index]]));
    this.shown = new Map();
    const xs = [...this.points.values()].map(at => at[0]), ys = [...this.points.values()].map(at => at[1]);
    const left = Math.min(...xs) - 54, top = Math.min(...ys) - 34;
    const box = [left, top, Math.max(...xs) + 34 - left, Math.max(...ys) + 54 - top];
    this.cells = new Map();
    const grid = make("g", { role: "group", "aria-label": `board ${board.name}` });
    this.pieces = make("g", { "pointer-events": "none" });
    this.groups = new Map();
    this.grounds = new Map();
    for (const cell of board.cells) {
      const [x, y] = this.points.get(cell), outline = this.outline(x, y);
      const ground = make("polygon", { points: outline, class: "ground" });
      const group = make("g", { class: "cell", "data-cell": cell, role: "button", tabindex: -1 }, ground,
        make("polygon", { points: outline, class: "hit" }));
      group.addEventListener("click", event => {
        group.blur(); // arrow keys go on stepping through the game, unless the keyboard came here
        this.handlers.pick(cell, event.pointerType);
      });
      group.addEventListener("pointerenter", event => { if (event.pointerType === "mouse") this.handlers.hover(cell); });
      group.addEventListener("focus", () => { if (group.matches(":focus-visible")) this.handlers.hover(cell); });
      group.addEventListener("keydown", event => this.key(event, cell));
      this.cells.set(cell, group);
      this.grounds.set(cell, ground);
      this.groups.set(cell, make("g"));
      this.pieces.append(this.groups.get(cell));
      grid.append(group);
    }
    grid.addEventListener("pointerleave", () => this.handlers.hover(null));
    const middle = [box[0] + box[2] / 2, box[1] + box[3] / 2];
    const far = cell => Math.hypot(this.points.get(cell)[0] - middle[0], this.points.get(cell)[1] - middle[1]);
    this.cells.get(board.cells.reduce((one, other) => far(other) < far(one) ? other : one)).setAttribute("tabindex", 0);
    this.ghosts = make("g", { class: "ghosts" });
    this.overlay = make("g", { class: "overlay" });
    this.under = make("g", { "pointer-events": "none" });
    this.svg = make("svg", { viewBox: box.map(number => number.toFixed(1)).join(" ") }, this.labels(), grid, this.under,
      this.pieces, this.overlay, this.ghosts);
    this.place.replaceChildren(this.svg);
  }

  point(x, y) {
    return this.board.shape === "square" ? [x * CELL, y * CELL] : [(x + y / 2) * CELL, y * CELL * Math.sqrt(0.75)];
  }

  outline(x, y) {
    const half = CELL / 2, high = CELL / Math.sqrt(3), low = high / 2;
    const corners = this.board.shape === "square"
      ? [[-half, -half], [half, -half], [half, half], [-half, half]]
      : [[0, -high], [half, -low], [half, low], [0, high], [-half, low], [-half, -low]];
    return corners.map(([a, b]) => `${(x + a).toFixed(2)},${(y + b).toFixed(2)}`).join(" ");
  }

  // Coordinates: y left of each row, x at the end of each column.
  labels() {
    const { size, shape, cells } = this.board, radius = shape === "hex" ? Math.floor(size / 2) : 0;
    const group = make("g", { "aria-hidden": "true" });
    for (let i = 0; i < size; i += 1) {
      const row = cells.filter(cell => cell % size === i).map(cell => Math.floor(cell / size));
      const column = cells.filter(cell => Math.floor(cell / size) === i).map(cell => cell % size);
      const places = [[this.point(Math.min(...row) - 0.85, i)], [this.point(i, Math.max(...column) + 0.85)]];
      for (const [[x, y]] of places) group.append(make("text", { x, y: y + 4, class: "label" }, String(i - radius)));
    }
    return group;
  }

  // Shows what is on the cells, and which of them can be chosen.
  show(contents, options) {
    for (const cell of this.board.cells) {
      const content = contents[cell] || "", option = options.has(cell);
      if (this.shown.get(cell) !== content) {
        this.shown.set(cell, content);
        this.grounds.get(cell).setAttribute("class", content[0] === "c" ? `land fill${content[1]}` : "ground");
        this.groups.get(cell).replaceChildren(...this.piece(cell, content));
      }
      const group = this.cells.get(cell);
      group.classList.toggle("option", option);
      group.setAttribute("aria-label", words(content, this.names.get(cell)) + (option ? ", can be chosen" : ""));
    }
  }

  piece(cell, content) {
    const [x, y] = this.points.get(cell), kind = content[0], rings = content.slice(1);
    if (kind === "c") return [make("text", { x, y: y + 4, class: "on" }, rings)];
    if (kind === "m") {
      return [make("circle", { cx: x, cy: y, r: 9, class: `rim fill${rings}` }),
        make("text", { x, y: y + 4, class: "on" }, rings)];
    }
    if (kind !== "s") return [];
    const height = rings.length, thick = Math.min(8, 34 / height), bottom = y + thick * height / 2;
    const left = height > 1 ? x - 19 : x - 12.5;
    const parts = [...rings].map((seat, level) => make("rect", { x: left, y: bottom - thick * (level + 1), width: 25,
      height: thick, rx: thick / 2, class: `rim fill${seat}` }));
    if (height > 1) {
      parts.push(make("text", { x: x + 14, y: y - 3, class: "cap" }, String(capOf(rings))),
        make("path", { d: `M${x + 8},${y}h12`, class: "bar" }),
        make("text", { x: x + 14, y: y + 12, class: "high" }, String(height)));
    }
    return parts;
  }

  // Draws over the cells: {changed, options, chosen, focus, slide, arrows: [[from, to, share]], spots: [[cell, share]],
  // heat: {cell: share}, line: [[from, to] or [cell] or []]}, which is numbered.
  mark({ changed = [], options = [], chosen = [], focus = null, slide = null, arrows = [], spots = [], heat = {},
    line = [] }) {
    this.under.replaceChildren(
      ...changed.map(cell => this.area(cell, "changed")),
      ...Object.entries(heat).map(([cell, share]) => {
        const area = this.area(Number(cell), "heat");
        area.setAttribute("fill-opacity", (0.08 + 0.62 * share).toFixed(3));
        return area;
      }));
    this.overlay.replaceChildren(
      ...(focus === null ? [] : [this.circle(focus, 19.5, "focused")]),
      ...(slide ? this.arrow(slide[0], slide[1], 0.4) : []),
      ...chosen.map(cell => this.circle(cell, 19, "chosen")),
      ...[...options].map(cell => this.circle(cell, options.size > 40 ? 3.5 : 5.5, "dot",
        this.shown.get(cell) ? 17 : 0)),
      ...spots.flatMap(([cell, share]) => this.spot(cell, share)),
      ...arrows.flatMap(([from, to, share]) => this.arrow(from, to, share)),
      ...this.steps(line));
  }

  // Shows what a move would do, as the server tells it; null for nothing.
  preview(effect) {
    this.ghosts.replaceChildren();
    if (!effect) return;
    for (const [key, content] of Object.entries(effect.after)) {
      const cell = Number(key);
      this.ghosts.append(this.area(cell, "erased"));
      if (content[0] === "c") this.ghosts.append(this.area(cell, `land fill${content[1]}`));
      this.ghosts.append(make("g", { class: "ghost" }, ...this.piece(cell, content)));
    }
    const { marks } = effect;
    for (const name of ["collapsed", "region", "border"]) {
      this.ghosts.append(...marks[name].map(cell => this.area(cell, `mark-${name}`)));
    }
    for (const name of ["flipped", "captured", "landing"]) {
      this.ghosts.append(...marks[name].map(cell => this.circle(cell, name === "flipped" ? 13 : 19, `mark-${name}`)));
    }
  }

  area(cell, name) {
    return make("polygon", { points: this.outline(...this.points.get(cell)), class: name });
  }

  circle(cell, radius, name, above = 0) {
    const [x, y] = this.points.get(cell);
    return make("circle", { cx: x, cy: y - above, r: radius, class: name });
  }

  spot(cell, share) {
    const [x, y] = this.points.get(cell), text = share >= 0.01 ? Math.round(100 * share) : "<1";
    return [make("rect", { x: x - 12, y: y + 6, width: 24, height: 14, rx: 4, class: "share",
      "fill-opacity": (0.35 + 0.65 * share).toFixed(2) }),
    make("text", { x, y: y + 17, class: "share-text" }, String(text))];
  }

  // The moves of a line, each weaker than the one before, and over them their numbers where they end.
  steps(line) {
    const numbers = new Map();
    const shapes = line.flatMap(([from, to], index) => {
      if (from === undefined) return [];
      numbers.set(to ?? from, [...(numbers.get(to ?? from) || []), index + 1]);
      return to === undefined ? [this.circle(from, 19, "chosen")] : this.arrow(from, to, 1 - index / line.length);
    });
    return [...shapes, ...[...numbers].flatMap(([cell, all]) => {
      const [x, y] = this.points.get(cell), text = all.join(" "), wide = 9 + 6.5 * text.length;
      return [make("rect", { x: x + 20 - wide, y: y - 20, width: wide, height: 15, rx: 6, class: "share" }),
        make("text", { x: x + 20 - wide / 2, y: y - 8.5, class: "share-text" }, text)];
    })];
  }

  arrow(from, to, share) {
    const [ax, ay] = this.points.get(from), [bx, by] = this.points.get(to), length = Math.hypot(bx - ax, by - ay);
    const [ux, uy] = [(bx - ax) / length, (by - ay) / length], wide = 1.5 + 3.5 * share, head = 9 + wide;
    const [ex, ey] = [bx - 6 * ux, by - 6 * uy], [nx, ny] = [ex - head * ux, ey - head * uy], side = 3 + wide;
    const tip = `${ex},${ey} ${nx - side * uy},${ny + side * ux} ${nx + side * uy},${ny - side * ux}`;
    return [make("path", { d: `M${ax + 9 * ux},${ay + 9 * uy}L${nx},${ny}`, class: "arrow", "stroke-width": wide,
      "stroke-opacity": 0.3 + 0.6 * share }),
    make("polygon", { points: tip, class: "arrow", "stroke-width": 0, "fill-opacity": 0.3 + 0.6 * share })];
  }

  // Arrow keys go to the nearest cell of that direction, Enter and space choose.
  key(event, cell) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Enter" || event.key === " ") this.handlers.pick(cell, "keyboard");
    else if (step) this.focus(this.beside(cell, step), cell);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  beside(cell, [sx, sy]) {
    const [x, y] = this.points.get(cell);
    let best = cell, least = Infinity;
    for (const [other, [a, b]] of this.points) {
      const along = (a - x) * sx + (b - y) * sy, across = Math.abs((a - x) * sy - (b - y) * sx);
      const far = along + 2.5 * across;
      if (along > 1 && far < least) [best, least] = [other, far];
    }
    return best;
  }

  focus(cell, before) {
    if (before !== undefined) this.cells.get(before).setAttribute("tabindex", -1);
    this.cells.get(cell).setAttribute("tabindex", 0);
    this.cells.get(cell).focus();
  }
}
