// The moves of a study as text: the main line by turns, and variations below the move that they replace.
export function followers(tree) {
  const found = tree.map(() => []);
  tree.forEach((branch, node) => { if (branch.parent >= 0) found[branch.parent].push(node); });
  return found;
}

// The line that a node is on: the way to it, and its main continuation.
export function lineOf(tree, at) {
  const line = [at], following = followers(tree);
  while (line[0] > 0) line.unshift(tree[line[0]].parent);
  while (following[line.at(-1)].length) line.push(following[line.at(-1)][0]);
  return line;
}

// Draws the tree. go(node) shows a node.
export function drawMoves(place, { tree, at, marks }, go) {
  const following = followers(tree);
  const button = node => {
    const { move, seat } = tree[node], element = document.createElement("button");
    element.className = `move${node === at ? " now" : ""}`;
    element.dataset.node = node;
    element.textContent = move;
    element.setAttribute("aria-label", `seat ${seat}: ${move}`);
    if (node === at) element.setAttribute("aria-current", "step");
    const { sign, why } = marks[node] || {};
    if (sign) {
      const mark = document.createElement("span");
      mark.className = sign === "?!" ? "mark doubtful" : "mark";
      mark.textContent = ` ${sign}`;
      element.append(mark);
      element.title = why;
      element.setAttribute("aria-label", `seat ${seat}: ${move}, marked ${sign}, ${why}`);
    }
    element.onclick = () => go(node);
    return element;
  };
  const draw = (node, into, fresh) => {
    while (node !== undefined) {
      const { turn, seat, parent } = tree[node], others = following[parent].filter(other => other !== node);
      if (fresh || turn !== tree[parent].turn || parent === 0) {
        const number = document.createElement("span");
        number.className = "number";
        number.textContent = `${turn}.`;
        number.title = `turn ${turn}, seat ${seat}`;
        into.append(number);
      }
      into.append(button(node));
      if (following[parent][0] === node) {
        for (const other of others) {
          const variation = document.createElement("div");
          variation.className = "variation";
          draw(other, variation, true);
          into.append(variation);
        }
        fresh = others.length > 0;
      } else fresh = false;
      node = following[node][0];
    }
  };
  place.replaceChildren();
  draw(following[0][0], place, true);
  const now = place.querySelector(".now");
  if (now) place.scrollTop += now.getBoundingClientRect().top - place.getBoundingClientRect().top - place.clientHeight / 2;
  else place.scrollTop = 0;
}
