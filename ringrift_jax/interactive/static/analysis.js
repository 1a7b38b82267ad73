// What a program thinks of the position that is shown: chances and candidate moves.
const per = share => `${Math.round(100 * share)} %`;
const chance = value => (value + 1) / 2;

// A move as an arrow or a spot of a board: {arrow: [from, to]} or {spot: cell}; nothing for moves without cells.
export function shape(move) {
  const { steps, move: text } = move;
  if (!steps.length) return {};
  if ("MCKR".includes(text[0]) && steps.length > 1) return { arrow: [steps[0][0], steps[1][0]] };
  return { spot: steps[0][0] };
}

// The heaviest candidates as arrows and spots for Board.mark; what several share a cell is added up.
export function drawn(analysis, choices, most = 6) {
  const arrows = [], spots = new Map(), byName = new Map(choices.map(move => [move.move, move]));
  const total = analysis.candidates.reduce((sum, one, rank) => sum + weight(one, rank), 0) || 1;
  for (const [rank, one] of [...analysis.candidates.slice(0, most).entries()].reverse()) {
    const move = byName.get(one.move), share = weight(one, rank) / total;
    if (!move) continue;
    const { arrow, spot } = shape(move);
    if (arrow) arrows.push([...arrow, share]);
    if (spot !== undefined) spots.set(spot, (spots.get(spot) || 0) + share);
  }
  return { arrows, spots: [...spots] };
}

// How likely the network holds each cell for, where something ends or is placed.
export function heat(analysis, choices) {
  const found = {}, byName = new Map(choices.map(move => [move.move, move]));
  for (const [rank, one] of analysis.candidates.entries()) {
    const { arrow, spot } = shape(byName.get(one.move) || { steps: [], move: "" }), cell = arrow ? arrow[1] : spot;
    if (cell !== undefined) found[cell] = (found[cell] || 0) + (one.prior || weight(one, rank));
  }
  const most = Math.max(1e-9, ...Object.values(found));
  return Object.fromEntries(Object.entries(found).map(([cell, share]) => [cell, share / most]));
}

// Without visits, as the heuristic's, the first of the list counts most.
function weight(one, rank) {
  return one.visits || one.prior || 1 / (rank + 1) ** 2;
}

function worth(one) {
  if (one.score !== null) return (one.score > 0 ? "+" : "") + one.score.toFixed(1);
  return one.value === null ? "–" : per(chance(one.value));
}

export function drawChances(place, chances) {
  place.hidden = !chances;
  if (!chances) return;
  place.setAttribute("aria-label", `chances of winning: ${chances.map((c, i) => `seat ${i + 1} ${per(c)}`).join(", ")}`);
  place.replaceChildren(...chances.map((share, index) => {
    const part = document.createElement("div");
    part.className = `back${index + 1}`;
    part.style.width = `${100 * share}%`;
    part.textContent = per(share);
    return part;
  }));
}

// handlers: play(move), show(move or null), follow(place, moves), which puts what may follow there
export function drawCandidates(table, analysis, handlers) {
  table.hidden = !analysis || !analysis.candidates.length;
  if (table.hidden) return;
  table.tBodies[0].replaceChildren(...analysis.candidates.slice(0, 12).map(one => {
    const row = document.createElement("tr"), button = document.createElement("button");
    button.className = "move";
    button.textContent = one.move;
    button.onclick = () => handlers.play(one.move);
    button.onfocus = row.onpointerenter = () => handlers.show(one.move);
    button.onblur = row.onpointerleave = () => handlers.show(null);
    const first = document.createElement("td");
    first.append(button);
    row.append(first);
    for (const text of [worth(one), one.visits || "–", one.score === null ? per(one.prior) : "–"]) {
      const field = document.createElement("td");
      field.textContent = text;
      row.append(field);
    }
    const following = document.createElement("td");
    handlers.follow(following, one.line);
    row.append(following);
    return row;
  }));
}
