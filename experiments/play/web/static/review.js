// The review of a whole game, in words.
const per = share => `${Math.round(100 * share)}\u00a0%`;
const count = (number, one, more) => number ? [`${number} ${number === 1 ? one : more}`] : [];

// What a review says of one player.
function judged({ decisions, loss, signs }) {
  if (!decisions) return "no decision yet";
  const found = [...count(signs["?"], "overlooked win (?)", "overlooked wins (?)"),
    ...count(signs["??"], "move that cost much (??)", "moves that cost much (??)"),
    ...count(signs["?!"], "doubtful move (?!)", "doubtful moves (?!)")];
  const cost = loss === null ? [] : [`lost ${(100 * loss).toFixed(1)} points of its chance a decision`];
  return `${[...cost, ...(found.length ? found : ["nothing is marked"])].join(", ")} (${decisions} decisions)`;
}

// Draws button and summary. nameOf(player) names who sits at a seat at first; go(node) shows a node.
export function drawReview({ button, progress, place }, game, nameOf, go) {
  const { review, reviewing, tree } = game, left = review ? review.positions - review.done : tree.length;
  button.textContent = reviewing ? "Stop the review" : review && left ? "Go on with the review" : "Review this game";
  button.disabled = !reviewing && (!left || tree.length < 2);
  button.setAttribute("aria-pressed", reviewing);
  progress.hidden = !reviewing;
  if (reviewing) Object.assign(progress, { max: review ? review.positions : 1, value: review ? review.done : 0 });
  place.hidden = !review;
  if (!review) return;
  const told = JSON.stringify(review);
  if (place.dataset.told === told) return; // so that the focus stays on its button
  place.dataset.told = told;
  const by = review.by.map(name => name.split("/").at(-1)).join(", "), chances = review.players.some(({ loss }) => loss !== null);
  const line = text => Object.assign(document.createElement("p"), { textContent: text });
  const lines = review.players.map((player, seat) => {
    const item = line(` ${judged(player)}`), name = document.createElement("b");
    name.textContent = `${nameOf(seat)}:`;
    item.prepend(name);
    return item;
  });
  if (review.turning) {
    const { node, before, after } = review.turning, { turn, seat, move } = tree[node];
    const item = line("Turning point: "), link = document.createElement("button");
    link.className = "link";
    link.textContent = `turn ${turn}, ${move}`;
    link.onclick = () => go(node);
    item.append(link, `, where seat ${seat} fell from ${per(before)} to ${per(after)}`);
    lines.push(item);
  }
  const how = !chances ? `${by} has no chances of winning: only overlooked wins are marked.`
    : `By ${by}, ${review.simulations} simulations for each position.`;
  const end = left ? ` ${review.done} of ${review.positions} positions are judged.` : "";
  lines.push(Object.assign(line(how + end), { className: "faint" }));
  place.replaceChildren(...lines);
}
