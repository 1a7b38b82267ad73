// The page of one study. The server keeps it; the page shows what the server says, and asks it again and again.
import { drawCandidates, drawChances, drawCurve, drawn, heat } from "./analysis.js";
import { Board } from "./board.js";
import { Chooser, label } from "./choose.js";
import { ready } from "./dialogs.js";
import { Lines } from "./lines.js";
import { drawMoves, followers, lineOf } from "./moves.js";
import { drawReview } from "./review.js";
import { get, post } from "./talk.js";

const element = id => document.getElementById(id);
const id = location.pathname.split("/").at(-1);
const chooser = new Chooser();
const effects = new Map(); // by node and move: what the server says that a move would do
// asked: the move that was chosen by a button, where people want to see what it does before they choose it again.
// peeked: the position of a line that is shown instead.
let game = null, pointed = null, previewed = null, asked = null, peeked = null, sending = false, timer = null;

const board = new Board(element("board"), { pick, hover });
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
  board.build(game.board);
  if (moved) {
    asked = peeked = null;
    chooser.reset(game.choices);
    preview(null);
    element("says").textContent = "";
  }
  draw();
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
  drawSeats();
  element("turn").textContent = position.over ? "The end" :
    `Turn ${position.turn}, seat ${position.seat}${game.human ? "" : ` (${nameOf(position.seat)})`}`;
  say("do", task.do);
  say("why", task.why);
  drawChoices();
  drawProgram(program);
  drawLine();
  drawAnalysis();
}

function drawBoard() {
  const { position } = game, options = chooser.options();
  if (peeked) {
    board.show(peeked.contents, new Set());
    board.mark({ changed: peeked.changed });
    return;
  }
  board.show(position.contents, options);
  const marks = { changed: game.came ? Object.keys(game.came.after).map(Number) : [], options, focus: position.focus,
    slide: position.slide, chosen: chooser.picked.slice(chooser.implied) };
  if (game.analysis && element("heat").checked) marks.heat = heat(game.analysis, game.choices);
  if (game.analysis && element("arrows").checked) Object.assign(marks, drawn(game.analysis, game.choices));
  board.mark(marks);
}

function peek(step) {
  if (!step && !peeked) return;
  peeked = step;
  if (step) board.preview(null);
  say("says", step ? `Seat ${step.seat}: ${step.says}` : "");
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

function drawSeats() {
  const goal = (name, now, most, value) => {
    const row = document.createElement("div"), bar = document.createElement("progress");
    row.className = "goal";
    Object.assign(bar, { max: most, value: now });
    bar.setAttribute("aria-label", name);
    const title = document.createElement("span"), number = document.createElement("output");
    [title.textContent, number.textContent] = [name, value];
    row.append(title, bar, number);
    return row;
  };
  const { board: { rings, eliminated_to_win: out, territory_to_win: land }, position } = game;
  element("seats").replaceChildren(...position.counts.map((count, index) => {
    const item = document.createElement("li"), name = document.createElement("b");
    item.className = `seat seat${index + 1}${position.seat === index + 1 ? " now" : ""}`;
    const won = position.winner === index + 1 ? " – wins" : "";
    name.textContent = `Seat ${index + 1}: ${nameOf(index + 1)}${won}`;
    item.append(name, goal("in hand", count.hand, rings, count.hand),
      goal("eliminated", count.eliminated, out, `${count.eliminated} of ${out}`),
      goal("territory", count.territory, land, `${count.territory} of ${land}`));
    return item;
  }));
}

function drawChoices() {
  const complete = chooser.complete(), moves = [...complete, ...chooser.words()];
  element("choices").replaceChildren(...moves.map((move, index) => {
    const button = document.createElement("button");
    const done = asked === move.move || (complete.length === 1 && complete[0] === move);
    button.textContent = done ? `Play ${label(move.move)}` : label(move.move);
    button.title = `${move.move}${index < 9 ? ` (key ${index + 1})` : ""}`;
    button.dataset.move = move.move;
    if (done) button.className = "main";
    button.onclick = () => choose(move, done);
    button.onpointerenter = event => { if (event.pointerType === "mouse") show(move.move); };
    button.onfocus = () => show(move.move);
    button.onpointerleave = button.onblur = () => show(null);
    return button;
  }));
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
  drawCurve(element("curve"), game.chances, lineOf(game.tree, game.at), game.at, go);
  drawReview({ button: element("review"), progress: element("review-progress"), place: element("review-told") },
    game, seat => `Seat ${seat + 1} (${nameOf(seat + 1)})`, go);
}

// The table of moves stays as it is while somebody looks at it, unless it is about another position.
function drawLines() {
  const table = element("candidates"), of = String(game.at);
  if (table.dataset.of === of && table.matches(":hover, :focus-within")) return;
  table.dataset.of = of;
  const asks = pointer => element("confirm").checked || pointer === "touch";
  drawCandidates(table, game.analysis, { play: move => send("play", { node: game.at, move }), show,
    follow: (place, moves) => lines.draw(place, `/api/games/${id}`, game.at, moves, { first: 1, asks }) });
}

// Chooses a cell; a move that is clear is made, or first shown, if people want that.
function pick(cell, pointer) {
  if (!game || sending) return;
  const ask = element("confirm").checked || pointer === "touch";
  const done = chooser.complete();
  if (ask && done.length === 1 && chooser.picked.at(-1) === cell) { play(done[0]); return; }
  if (!chooser.options().has(cell) && chooser.picked.length > chooser.implied && chooser.picked.at(-1) === cell) {
    clear();
    return;
  }
  const before = chooser.picked;
  asked = null;
  if (!chooser.pick(cell)) { explain(cell, before); return; }
  const complete = chooser.complete();
  if (complete.length === 1 && chooser.fits().length === 1) {
    if (!ask) { play(complete[0]); return; }
    show(complete[0].move);
  } else {
    show(complete.length ? complete[0].move : null);
  }
  draw();
}

// A choice by its button.
function choose(move, sure) {
  if (element("confirm").checked && !sure) {
    asked = move.move;
    show(move.move);
    drawChoices();
  } else play(move);
}

function play(move) {
  send("play", { node: game.at, move: move.move });
}

function clear() {
  asked = null;
  chooser.clear();
  show(null);
  say("says", "");
  draw();
}

async function explain(cell, picked) {
  if (!game.choices.length && !game.position.over) {
    say("says", `${nameOf(game.position.seat)} is to move. Pause to move in its place.`);
    return;
  }
  const origin = picked.length ? `&origin=${picked[0]}` : "";
  try {
    const { why } = await get(`/api/games/${id}/why?node=${game.at}&cell=${cell}${origin}`);
    say("says", why || "This cell cannot be chosen now.");
  } catch (refused) { problem(refused.message); }
}

// Pointing at a cell shows the move that it would make, if there is one.
function hover(cell) {
  pointed = cell;
  if (!game) return;
  const moves = cell === null ? chooser.complete() : chooser.before(cell);
  show(moves.length ? moves[0].move : null);
}

// Shows what a move would do, or nothing.
async function show(move) {
  previewed = move;
  if (move === null) { preview(null); return; }
  const node = game.at, key = `${id} ${game.tree.length} ${node} ${move}`;
  try {
    if (!effects.has(key)) effects.set(key, await get(`/api/games/${id}/effect?node=${node}&move=${encodeURIComponent(move)}`));
  } catch (refused) { return; }
  if (previewed === move && game.at === node) preview(effects.get(key));
}

function preview(effect) {
  board.preview(effect);
  if (effect) say("says", effect.says);
  else if (pointed === null) say("says", "");
}

function step(forward) {
  const { tree, at } = game, next = followers(tree)[at][0];
  if (forward && next !== undefined) send("go", { node: next });
  if (!forward && at > 0) send("go", { node: tree[at].parent });
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("theme", name);
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
element("theme").onclick = () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
for (const name of ["heat", "arrows", "confirm"]) {
  element(name).checked = kept(name, name === "heat" ? "false" : name === "arrows" ? "true" :
    String(matchMedia("(pointer: coarse)").matches)) === "true";
  element(name).onchange = () => { localStorage.setItem(name, element(name).checked); draw(); };
}
theme(kept("theme", matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
ready(() => game, told => problem(told.message));

const keys = {
  ArrowLeft: () => step(false), ArrowRight: () => step(true), Home: () => element("first").click(),
  End: () => element("last").click(), u: () => element("undo").click(), " ": () => element("pause").click(),
  a: () => element("analysing").click(), r: () => element("review").click(), m: () => element("heat").click(), Escape: clear, "?": () => element("help").click(),
};
document.addEventListener("keydown", event => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]");
  if (!game || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target.closest("button, a, [role=button]");
  const number = Number(event.key), button = element("choices").children[number - 1];
  if (number && button) button.click();
  else if (keys[event.key] && !(event.key === " " && onButton)) keys[event.key]();
  else return;
  event.preventDefault();
});

poll(0);
