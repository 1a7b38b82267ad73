// The dialogs: a new game, the games there are, loading a record, saving and sharing, keys.
import { get, post } from "./talk.js";

const element = id => document.getElementById(id);
let known = null; // what can be begun

function option(text, value = text) {
  return new Option(text, value);
}

// The players that can sit at a game: people, programs without a run, and runs that play it.
function players() {
  const [board, number, swap] = [element("new-board").value, Number(element("new-players").value), element("new-swap").checked];
  const offered = known.offered.filter(({ rules }) =>
    rules.board === board && rules.players === number && rules.swap_rule === swap);
  return [...known.programs.map(name => [name === "human" ? "you" : name, { name }]),
    ...offered.map(({ player }) => [player.name, player])];
}

function drawSeats() {
  const found = players(), before = [...element("new-seats").querySelectorAll("select")].map(select => select.selectedIndex);
  const number = Number(element("new-players").value);
  element("new-swap").disabled = number !== 2;
  if (number !== 2) element("new-swap").checked = false;
  element("new-seats").replaceChildren(...Array.from({ length: number }, (_, seat) => {
    const label = document.createElement("label"), select = document.createElement("select");
    select.append(...found.map(([text], index) => option(text, index)));
    const usual = seat ? Math.max(1, found.length - (found.length > known.programs.length ? 1 : 0)) : 0;
    select.selectedIndex = Math.min(before[seat] ?? (seat && found.length === known.programs.length ? 1 : usual), found.length - 1);
    label.append(`seat ${seat + 1} `, select);
    return label;
  }));
}

export function ready(current, tell) {
  element("new").onclick = async () => {
    try { known = await get("/api/games"); } catch (problem) { tell(problem); return; }
    const game = current();
    element("new-board").replaceChildren(...known.boards.map(name => option(name)));
    if (game) [element("new-board").value, element("new-players").value] = [game.board.name, game.board.seats];
    element("new-problem").textContent = "";
    drawSeats();
    element("new-dialog").showModal();
  };
  for (const id of ["new-board", "new-players", "new-swap"]) element(id).onchange = drawSeats;
  element("new-begin").onclick = async event => {
    event.preventDefault();
    const found = players(), start = element("new-start").value.trim();
    const seats = [...element("new-seats").querySelectorAll("select")].map(select => found[select.selectedIndex][1]);
    const rules = { board: element("new-board").value, players: Number(element("new-players").value),
      swap_rule: element("new-swap").checked, start: start || null };
    try {
      location.assign(`/games/${(await post("/api/games", { rules, seats })).id}`);
    } catch (problem) { element("new-problem").textContent = problem.message; }
  };

  element("open").onclick = async () => {
    try { known = await get("/api/games"); } catch (problem) { tell(problem); return; }
    drawGames(current);
    element("open-dialog").showModal();
  };

  element("load").onclick = () => { element("load-problem").textContent = ""; element("load-dialog").showModal(); };
  element("load-begin").onclick = async event => {
    event.preventDefault();
    const [file] = element("load-file").files;
    if (!file) { element("load-problem").textContent = "Choose a file first."; return; }
    const number = encodeURIComponent(element("load-game").value);
    try {
      const { id } = await post(`/api/records?game=${number}`, await file.arrayBuffer(), "application/octet-stream");
      location.assign(`/games/${id}`);
    } catch (problem) { element("load-problem").textContent = problem.message; }
  };

  element("share").onclick = () => {
    const game = current();
    element("share-page").href = `/api/games/${game.id}/game.html`;
    element("share-record").href = `/api/games/${game.id}/record.jsonl.gz`;
    element("share-text").value = game.position.text;
    element("share-dialog").showModal();
  };
  element("share-copy").onclick = async () => {
    element("share-text").select();
    await navigator.clipboard.writeText(element("share-text").value);
    element("share-copy").textContent = "Copied";
  };
  element("help").onclick = () => element("help-dialog").showModal();
}

function drawGames(current) {
  element("games").replaceChildren(...known.games.map(game => {
    const item = document.createElement("li");
    if (game.problem) { item.textContent = game.problem; return item; }
    const link = document.createElement("a"), gone = document.createElement("button");
    link.href = `/games/${game.id}`;
    const state = game.winner ? `won by seat ${game.winner}` : `${game.moves} moves`;
    link.textContent = `${game.board}: ${game.players.join(", ")} (${state}), ${new Date(game.made).toLocaleString()}`;
    if (game.id === current().id) link.setAttribute("aria-current", "page");
    gone.textContent = "Delete";
    gone.disabled = game.id === current().id;
    gone.onclick = async () => {
      // The first click asks, the second deletes.
      if (gone.textContent === "Delete") { gone.textContent = "Really?"; return; }
      await post(`/api/games/${game.id}/delete`, {});
      item.remove();
    };
    item.append(link, gone);
    return item;
  }));
}
