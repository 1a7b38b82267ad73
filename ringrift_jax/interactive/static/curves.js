// Numbers that change over a game, as curves over the moves of a line.
import { make } from "./board.js";

const WIDE = 400, HIGH = 90, MARGIN = 5;

// svg: of the class curves. curves: {label, colour, values}, the values by node, null or none where nothing is known. They
// are drawn from 0 to 1, or further if they go further. go(node) shows the node that was pointed at. Returns whether there
// was anything to draw.
export function drawCurves(svg, title, curves, line, at, go) {
  const known = curves.map(({ values }) => [...line.entries()].filter(([, node]) => (values[node] ?? null) !== null)
    .map(([index, node]) => [index, values[node]]));
  const shown = known.some(points => points.length > 1);
  svg.toggleAttribute("hidden", !shown);
  if (!shown) return false;
  const all = known.flat().map(([, value]) => value), low = Math.min(0, ...all), high = Math.max(1, ...all);
  const most = Math.max(1, line.length - 1), here = WIDE * line.indexOf(at) / most;
  const x = index => WIDE * index / most, y = value => HIGH - MARGIN - (HIGH - 2 * MARGIN) * (value - low) / (high - low);
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${title} of ${curves.map(({ label }) => label).join(", ")} over the moves`);
  svg.replaceChildren(
    make("line", { x1: 0, x2: WIDE, y1: y((low + high) / 2), y2: y((low + high) / 2), class: "grid" }),
    make("line", { x1: here, x2: here, y1: 0, y2: HIGH, class: "here" }),
    ...curves.map(({ colour }, number) => {
      const points = known[number].map(([index, value]) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      const curve = make("polyline", { points });
      curve.style.stroke = colour;
      return curve;
    }));
  svg.onclick = event => {
    const { left, width } = svg.getBoundingClientRect();
    go(line[Math.min(most, Math.max(0, Math.round(most * (event.clientX - left) / width)))]);
  };
  return true;
}
