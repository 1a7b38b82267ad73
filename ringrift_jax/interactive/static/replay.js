// Games on a page that nobody answers: an element of the class ringrift-replay shows the game at the address that it names,
// which ringrift_jax.interactive.replay makes. Until then it shows what it contains; one that can be opened waits for that.
import { render } from "./widget.js";

// A model of what is known in advance (widget.js says what a model is).
function still({ views, ...known }) {
  const data = { ...known, view: views[0] }, heard = [];
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

async function load(address) {
  const { headers, body } = await fetch(address), packed = headers.get("content-type") === "application/gzip";
  return new Response(packed ? body.pipeThrough(new DecompressionStream("gzip")) : body).json();
}

async function show(el) {
  const game = await load(el.dataset.game), place = document.createElement("div");
  el.replaceChildren(...el.querySelectorAll(":scope > summary"), place);
  render({ model: still(game), el: place });
  if (el.autofocus) place.firstChild.focus({ preventScroll: true });
}

for (const el of document.querySelectorAll(".ringrift-replay")) {
  if (el.tagName === "DETAILS") el.addEventListener("toggle", () => show(el), { once: true });
  else show(el);
}
