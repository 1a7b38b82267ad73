// Games on a page that nobody answers: an element of the class ringrift-replay is replaced by the game whose file it
// names, which ringrift_jax.interactive.replay makes. Until then it shows what it contains.
import { render } from "./widget.js";

// A model of what is known in advance (widget.js says what a model is).
function still({ board, tree, views }) {
  const data = { board, tree, view: views[0] }, heard = [];
  return {
    get: name => data[name],
    on: (name, act) => { if (name === "change:view") heard.push(act); },
    off: () => {},
    send: ({ ask, node }) => {
      if (ask !== "go") return;
      data.view = views[node];
      for (const act of heard) act();
    },
  };
}

for (const el of document.querySelectorAll(".ringrift-replay")) {
  fetch(el.dataset.game).then(response => response.json()).then(game => {
    el.replaceChildren();
    render({ model: still(game), el });
  });
}
