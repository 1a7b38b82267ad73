// The page of one study. The server keeps it; the page shows what the server says, and asks it again and again.
import { drawCandidates, drawChances, drawn, heat } from "./analysis.js";
import { drawCurves } from "./curves.js";
import { ready } from "./dialogs.js";
import { Lines } from "./lines.js";
import { drawMoves, followers, lineOf } from "./moves.js";
import { drawReview } from "./review.js";
import { drawSeats } from "./seats.js";
import { Table } from "./table.js";
import { get, post } from "./talk.js";
import { themed } from "./theme.js";
import { Zoom } from "./zoom.js";

const element = id => document.getElementById(id);
const id = location.pathname.split("/").at(-1);
// peeked: the position of a line that is shown instead.
let game = null, peeked = null, sending = false, timer = null;

const table = new Table({ board: element("board"), choices: element("choices"), says: element("says") }, {
  busy: () => !game || sending,
  careful: () => element("confirm").checked,
  redraw: draw,
  play: move => send("play", { node: game.at, move }),
  effect: async move => {
    try {
      return await get(`/api/games/${id}/effect?node=${game.at}&move=${encodeURIComponent(move)}`);
    } catch (refused) { return null; }
  },
  why,
});
const zoom = new Zoom(element("board"), element("enlarge"));
const lines = new Lines({ peek, enter: moves => send("line", { node: game.at, moves }) });
const kept = (key, usual) => localStorage.getItem(key) ?? usual;

function problem(told) {
  element("problem").hidden = !told;
  element("problem").textContent = told || "";
}

// Takes a new state. What was chosen stays chosen while the position is the same.
function take(told) {
  if (!told.board) return;
  const moved = !game || game.at !== told.at || game.tree.length !== told.tree.length ||
    game.choices.length !== told.choices.length;
  game = told;
  table.board.build(game.board);
  if (moved) {
    peeked = null;
    table.reset(game.choices);
  }
  draw();
  if (moved) zoom.follow();
}

async function send(what, body) {
  if (sending) return;
  sending = true;
  try {
    take(await post(`/api/games/${id}/${what}`, body));
    problem("");
  } catch (refused) {
    problem(refused.refused ? refused.message : "The server does not answer.");
  } finally { sending = false; }
  poll(50);
}

// Asks again soon while a program works, else now and then, in case the game goes on in another window.
function poll(wait) {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    try {
      if (!document.hidden) {
        const told = await get(`/api/games/${id}?seen=${game ? game.version : -1}`);
        if (!sending) take(told);
        if (!element("problem").dataset.refused) problem("");
      }
    } catch (refused) {
      problem(refused.refused ? refused.message : "The server does not answer; the page goes on when it does.");
    }
    poll(game && (game.program || game.analysing || game.reviewing) ? 250 : 1500);
  }, wait);
}

function draw() {
  const { position, task, program } = game;
  document.title = `${position.over ? "" : `seat ${position.seat}: `}RingRift ${game.board.name}`;
  element("title").textContent = `${game.board.name}, ${game.board.seats} players`;
  drawBoard();
  drawSeats(element("seats"), game, nameOf);
  element("turn").textContent = position.over ? "The end" :
    `Turn ${position.turn}, seat ${position.seat}${game.human ? "" : ` (${nameOf(position.seat)})`}`;
  say("do", task.do);
  say("why", task.why);
  drawProgram(program);
  drawLine();
  drawAnalysis();
}

function drawBoard() {
  if (peeked) {
    table.board.show(peeked.contents, new Set());
    table.board.mark({ changed: peeked.changed });
    return;
  }
  const marks = { changed: game.came ? Object.keys(game.came.after).map(Number) : [] };
  if (game.analysis && element("heat").checked) marks.heat = heat(game.analysis, game.choices);
  if (game.analysis && element("arrows").checked) Object.assign(marks, drawn(game.analysis, game.choices));
  table.draw(game.position, marks);
}

function peek(step) {
  if (!step && !peeked) return;
  peeked = step;
  if (step) table.show(null); // nor what is still asked for
  table.say(step ? `Seat ${step.seat}: ${step.says}` : "");
  drawBoard();
}

function say(where, text) {
  // Writing the same text again would have it read out again.
  if (element(where).textContent !== text) element(where).textContent = text;
}

function go(node) {
  send("go", { node });
}

function nameOf(seat) {
  const { name } = game.players[seat - 1];
  const people = game.players.filter(player => player.human).length;
  return name !== "human" ? name.split("/").at(-1) : people === 1 ? "you" : "a person";
}

function drawProgram(program) {
  const box = element("program");
  box.hidden = !program || !(program.stage || program.thinking || program.problem);
  if (box.hidden) return;
  box.classList.toggle("busy", !program.problem);
  const name = program.name.split("/").at(-1), seconds = program.seconds > 2 ? `, ${program.seconds} s` : "";
  say("program", program.problem ? `${name} cannot play: ${program.problem}` : program.stage
    ? `${name} is getting ready: ${program.stage}${seconds}. You can go on meanwhile.` : `${name} thinks`);
}

function drawLine() {
  const { tree, at } = game, first = followers(tree)[at][0];
  drawMoves(element("moves"), game, go);
  element("first").disabled = element("back").disabled = at === 0;
  element("on").disabled = element("last").disabled = first === undefined;
  element("remove").disabled = at === 0;
  element("undo").disabled = ownMove() === null;
  const watched = game.players.some(player => !player.human);
  element("pause").hidden = element("pace-label").hidden = !watched;
  element("pause").textContent = game.paused ? "Go on" : "Pause";
  if (document.activeElement !== element("pace")) element("pace").value = 10 - game.pace;
  const came = game.came;
  say("came", came ? `Seat ${came.seat}: ${came.move}. ${came.says}` : tree.length > 1 ? "The start." : "");
  say("judged", game.judged);
  element("judged").hidden = !game.judged;
}

// The node before the last move of a person on the way here, where that can be made anew; null if there is none.
function ownMove() {
  for (let node = game.at; node > 0; node = game.tree[node].parent) {
    const player = game.players[game.tree[node].seat - 1];
    if (player.human) return game.tree[node].parent;
  }
  return null;
}

function drawAnalysis() {
  const { analysis, analysing } = game, over = game.position.over;
  if (element("analysing").checked !== analysing) element("analysing").checked = analysing;
  element("let").disabled = over || Boolean(game.program && game.program.thinking);
  drawChances(element("chances"), analysis && analysis.chances);
  const win = analysis && analysis.win.length ? `Seat ${game.position.seat} wins this turn: ${analysis.win.join(", ")}` : "";
  element("win").hidden = !win;
  say("win", win);
  const name = game.analyst.split("/").at(-1);
  say("simulations", !analysing ? "" : over ? "the game is over" : !analysis ? `${name} starts`
    : `${name}: ${analysis.simulations ? `${analysis.simulations} simulations` : "no search"}${analysis.more ? " …" : ""}`);
  drawLines();
  const curves = game.players.map((_, seat) => ({ label: `seat ${seat + 1}`, colour: `var(--seat${seat + 1})`,
    values: game.tree.map((_, node) => game.chances[node]?.[seat]) }));
  drawCurves(element("curve"), "chance of winning", curves, lineOf(game.tree, game.at), game.at, go);
  drawReview({ button: element("review"), progress: element("review-progress"), place: element("review-told") },
    game, seat => `Seat ${seat + 1} (${nameOf(seat + 1)})`, go);
}

// The table of moves stays as it is while somebody looks at it, unless it is about another position.
function drawLines() {
  const place = element("candidates"), of = String(game.at);
  if (place.dataset.of === of && place.matches(":hover, :focus-within")) return;
  place.dataset.of = of;
  const asks = pointer => element("confirm").checked || pointer === "touch";
  drawCandidates(place, game.analysis, { play: move => send("play", { node: game.at, move }), show: move => table.show(move),
    follow: (field, moves) => lines.draw(field, `/api/games/${id}`, game.at, moves, { first: 1, asks }) });
}

async function why(cell, origin) {
  if (!game.choices.length && !game.position.over) {
    return `${nameOf(game.position.seat)} is to move. Pause to move in its place.`;
  }
  const from = origin === undefined ? "" : `&origin=${origin}`;
  try {
    return (await get(`/api/games/${id}/why?node=${game.at}&cell=${cell}${from}`)).why;
  } catch (refused) {
    problem(refused.message);
    return "";
  }
}

function step(forward) {
  const { tree, at } = game, next = followers(tree)[at][0];
  if (forward && next !== undefined) send("go", { node: next });
  if (!forward && at > 0) send("go", { node: tree[at].parent });
}

element("first").onclick = () => send("go", { node: 0 });
element("last").onclick = () => send("go", { node: lineOf(game.tree, game.at).at(-1) });
element("back").onclick = () => step(false);
element("on").onclick = () => step(true);
element("undo").onclick = () => { const node = ownMove(); if (node !== null) send("go", { node }); };
element("remove").onclick = () => send("remove", { node: game.at });
element("pause").onclick = () => send("settings", { paused: !game.paused });
element("pace").onchange = () => send("settings", { pace: 10 - Number(element("pace").value) });
element("analysing").onchange = () => send("settings", { analysing: element("analysing").checked });
element("review").onclick = () => send("settings", { reviewing: !game.reviewing });
element("let").onclick = () => send("reply", { node: game.at });
for (const name of ["heat", "arrows", "confirm"]) {
  element(name).checked = kept(name, name === "heat" ? "false" : name === "arrows" ? "true" :
    String(matchMedia("(pointer: coarse)").matches)) === "true";
  element(name).onchange = () => { localStorage.setItem(name, element(name).checked); draw(); };
}
themed(element("theme"));
ready(() => game, told => problem(told.message));

const keys = {
  ArrowLeft: () => step(false), ArrowRight: () => step(true), Home: () => element("first").click(),
  End: () => element("last").click(), u: () => element("undo").click(), " ": () => element("pause").click(),
  a: () => element("analysing").click(), r: () => element("review").click(),
  m: () => element("heat").click(), "?": () => element("help").click(),
};
document.addEventListener("keydown", event => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]");
  if (!game || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target.closest("button, a, [role=button]");
  if (!table.key(event.key)) {
    if (!keys[event.key] || (event.key === " " && onButton)) return;
    keys[event.key]();
  }
  event.preventDefault();
});

poll(0);
