// A tree of moves to click through, where no server is: in notebooks, whose kernel answers, and on pages with a game.
//
// The model is that of anywidget. It has "board", "tree" and "view" (ringrift_jax.interactive.tree says what is in them),
// and may have "marks" of moves and "charts" (ringrift_jax.interactive.replay says what). It takes {ask: "go", node},
// {ask: "play", move}, and {ask: "effect", move} and {ask: "why", cell, origin}, which are answered by messages.
import { drawCandidates, drawn } from "./analysis.js";
import { make } from "./board.js";
import { drawCurves } from "./curves.js";
import { drawMoves, followers, lineOf } from "./moves.js";
import { Table } from "./table.js";

const PACE = 700; // milliseconds for which a position is shown while the game plays

function tag(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

// Whether the place where the board is drawn is dark: JupyterLab, MkDocs and VS Code say so, else the system does.
function isDark() {
  const { jpThemeLight, mdColorScheme, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight !== undefined) return jpThemeLight === "false";
  if (mdColorScheme !== undefined) return mdColorScheme === "slate";
  if (vscodeThemeKind !== undefined) return vscodeThemeKind.includes("dark");
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

class Viewer {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.marks = model.get("marks") ?? {};
    this.awaited = new Map(); // by node and what was asked there: who waits for the answer
    this.build();
    this.table = new Table({ board: this.place, choices: this.choices, says: this.says }, {
      redraw: () => this.draw(),
      play: move => this.make(move),
      effect: move => this.ask({ ask: "effect", move }),
      why: (cell, origin) => this.ask({ ask: "why", cell, origin }),
      rest: () => this.came(),
    });
    this.heard = told => this.hear(told);
    this.changed = () => this.take();
    model.on("change:view", this.changed);
    model.on("msg:custom", this.heard);
    this.take();
  }

  close() {
    this.stop();
    this.model.off("change:view", this.changed);
    this.model.off("msg:custom", this.heard);
  }

  build() {
    const button = (text, name, act) => tag("button", { type: "button", textContent: text, title: name, ariaLabel: name, onclick: act });
    // Who chooses cells with the pointer steps through the game with the keys.
    this.place = tag("div", { className: "place", onclick: () => this.root.focus({ preventScroll: true }) });
    this.seats = tag("div", { className: "seats" });
    this.task = tag("details", { className: "task" }, tag("summary"), tag("p"));
    this.problem = tag("p", { className: "problem", role: "alert", hidden: true });
    this.choices = tag("div", { className: "choices" });
    this.says = tag("p", { className: "says", ariaLive: "polite" });
    this.slider = tag("input", { type: "range", min: 0, ariaLabel: "move",
      oninput: () => this.go(this.line[Number(this.slider.value)]) });
    this.number = tag("output");
    this.player = button("play", "play the game (space)", () => this.play());
    this.controls = tag("div", { className: "controls" },
      button("|◀", "start (Home)", () => this.go(0)), button("◀", "back (←)", () => this.step(-1)), this.player,
      button("▶", "on (→)", () => this.step(1)), button("▶|", "end (End)", () => this.go(this.line.at(-1))), this.slider, this.number);
    this.candidates = tag("table", { className: "candidates" }, tag("thead"), tag("tbody"));
    this.about = tag("p", { className: "about" });
    this.lined = tag("input", { type: "checkbox", checked: true, onchange: () => this.draw() });
    this.search = tag("div", { className: "search" }, this.about,
      tag("label", {}, this.lined, " draw the line that it expects"), tag("div", { className: "scroll" }, this.candidates));
    this.moves = tag("div", { className: "moves" });
    this.charts = tag("div", { className: "charts" });
    this.root.replaceChildren(this.place, tag("div", { className: "beside" }, this.seats, this.task, this.problem, this.says, this.choices,
      this.controls, this.search, this.moves, this.charts));
    this.root.tabIndex = 0;
    this.root.addEventListener("keydown", event => this.key(event));
  }

  take() {
    const moved = !this.view || this.view.at !== this.model.get("view").at;
    this.view = this.model.get("view");
    this.tree = this.model.get("tree");
    this.line = lineOf(this.tree, this.view.at);
    this.table.board.build(this.model.get("board"));
    const focused = this.root.contains(document.activeElement);
    if (moved) {
      this.table.reset(this.view.choices);
      this.tell("");
    }
    this.draw();
    // The button that was chosen may be gone; the keys go on.
    if (focused && !this.root.contains(document.activeElement)) this.root.focus({ preventScroll: true });
  }

  draw() {
    const { view, table } = this, { position, analysis } = view;
    const marks = { changed: view.came ? Object.keys(view.came.after).map(Number) : [] };
    if (analysis && this.lined.checked) marks.line = view.line;
    else if (analysis) Object.assign(marks, drawn(analysis, view.choices));
    // While a line is drawn, cells to choose would hide it; they still answer to the pointer.
    if (analysis) marks.options = new Set();
    table.draw(position, marks);
    this.seats.replaceChildren(...view.legend.map(([seat, text], index) => tag("p", { className:
      index < view.position.counts.length ? "" : "doing" }, tag("i", { className: seat ? `back${seat}` : "" }), text)));
    this.task.hidden = !view.task;
    if (view.task) [this.task.children[0].textContent, this.task.children[1].textContent] = [view.task.do, view.task.why];
    if (!table.previewed) table.say(this.came());
    this.drawSearch(analysis);
    this.controls.hidden = this.moves.hidden = this.tree.length < 2;
    Object.assign(this.slider, { max: this.line.length - 1, value: this.line.indexOf(view.at) });
    this.number.textContent = `${this.line.indexOf(view.at)} / ${this.line.length - 1}`;
    if (this.tree.length < 2) return;
    drawMoves(this.moves, { tree: this.tree, at: view.at, marks: this.marks }, node => this.go(node));
    this.drawCharts();
  }

  drawCharts() {
    for (const [number, { title, curves }] of (this.model.get("charts") ?? []).entries()) {
      if (!this.charts.children[number]) this.charts.append(tag("figure", {}, tag("figcaption"), make("svg", { class: "curves" })));
      const [caption, svg] = this.charts.children[number].children;
      this.charts.children[number].hidden = !drawCurves(svg, title, curves, this.line, this.view.at, node => this.go(node));
      if (caption.textContent) continue;
      caption.append(`${title}: `, ...curves.map(({ label, colour }) => {
        const name = tag("span", { textContent: label });
        name.style.borderColor = colour;
        return name;
      }));
    }
  }

  drawSearch(analysis) {
    this.search.hidden = !analysis;
    if (!analysis) return;
    this.about.textContent = `${analysis.simulations} simulations`;
    this.candidates.tHead.replaceChildren(tag("tr", {}, ...["move", `seat ${analysis.seat} wins`, "visits", "prior", "what may follow"]
      .map(text => tag("th", { scope: "col", textContent: text }))));
    drawCandidates(this.candidates, analysis, { play: move => this.make(move), show: move => this.table.show(move),
      follow: (place, moves) => { place.textContent = moves.slice(1).join("  "); } });
  }

  // The move that led here, and what it did.
  came() {
    const { came } = this.view;
    if (!came) return "";
    const { sign, why } = this.marks[this.view.at] ?? {};
    return `Seat ${came.seat}: ${came.move}${sign ? ` ${sign} (${why})` : ""}. ${came.says}`;
  }

  tell(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = problem;
  }

  hear(told) {
    if (told.problem) { this.tell(told.problem); return; }
    const key = `${told.at} ${JSON.stringify(told.asked)}`;
    for (const hear of this.awaited.get(key) || []) hear(told.told);
    this.awaited.delete(key);
  }

  go(node) {
    if (node !== undefined && node !== this.view.at) this.model.send({ ask: "go", node });
  }

  make(move) {
    this.stop();
    this.model.send({ ask: "play", move });
  }

  step(by) {
    this.go(by < 0 ? this.tree[this.view.at].parent : followers(this.tree)[this.view.at][0]);
  }

  // What the model answers about the position that is shown.
  ask(content) {
    const key = `${this.view.at} ${JSON.stringify(content)}`, waiting = this.awaited.get(key);
    if (!waiting) this.model.send(content);
    return new Promise(hear => this.awaited.set(key, [...waiting || [], hear]));
  }

  play() {
    if (this.timer) { this.stop(); return; }
    if (this.view.at === this.line.at(-1)) this.go(0);
    this.player.textContent = "pause";
    this.timer = setInterval(() => {
      if (this.view.at === this.line.at(-1)) this.stop();
      else this.step(1);
    }, PACE);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.player.textContent = "play";
  }

  key(event) {
    const keys = { ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), Home: () => this.go(0),
      End: () => this.go(this.line.at(-1)), " ": () => this.play() };
    const own = event.key === " " ? event.target.closest("button, input") : event.target === this.slider;
    if (own || event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys[event.key]) keys[event.key]();
    else if (!this.table.key(event.key)) return;
    event.preventDefault();
    event.stopPropagation(); // a notebook has keys too
  }
}

export function render({ model, el }) {
  const root = tag("div", { className: "ringrift viewer" });
  const paint = () => { root.dataset.theme = isDark() ? "dark" : "light"; };
  const painter = new MutationObserver(paint);
  painter.observe(document.body, { attributes: true });
  paint();
  el.append(root);
  const viewer = new Viewer(model, root);
  return () => { painter.disconnect(); viewer.close(); };
}

export default { render };
