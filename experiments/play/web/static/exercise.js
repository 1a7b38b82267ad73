// One exercise on the board. Its moves are kept here; what they lead to and whether they solve it the server says.
import { drawSeats } from "./seats.js";
import { Table } from "./table.js";
import { get, post } from "./talk.js";
import { themed } from "./theme.js";
import { Zoom } from "./zoom.js";

const element = id => document.getElementById(id);
const COLOURS = ["blue", "orange", "green", "violet"];
const PACE = 1300; // milliseconds between the moves of a solution

export function colour(seat) {
  return COLOURS[seat - 1];
}

export class Exercise {
  // kind: lessons or puzzles. look(): cells to mark. judged(verdict, shown): called with each verdict that is not open;
  // shown tells that the solution was played.
  constructor(kind, { look = () => [], judged }) {
    Object.assign(this, { kind, look, judged });
    [this.name, this.told, this.moves, this.turn, this.shown, this.busy] = [null, null, [], 0, false, false];
    this.table = new Table({ board: element("board"), choices: element("choices"), says: element("says") }, {
      busy: () => !this.told || this.busy,
      careful: () => matchMedia("(pointer: coarse)").matches,
      redraw: () => this.draw(),
      play: move => this.go([...this.moves, move]),
      effect: move => this.ask("effect", { moves: this.moves, move }),
      why: async (cell, origin) => this.told.verdict.state === "open"
        ? (await this.ask("why", { moves: this.moves, cell, origin: origin ?? null }))?.why : "Take the move back first.",
    });
    this.zoom = new Zoom(element("board"), element("enlarge"));
    element("again").onclick = () => this.go(this.moves.slice(0, -1));
    element("restart").onclick = () => this.open(this.name);
    element("solution").onclick = () => this.solve();
    themed(element("theme"));
    document.addEventListener("keydown", event => {
      if (!this.told || event.target.closest("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "u" && this.moves.length) element("again").click();
      else if (!this.table.key(event.key)) return;
      event.preventDefault();
    });
  }

  async ask(what, body) {
    try {
      const found = await post(`/api/exercises/${this.kind}/${encodeURIComponent(this.name)}/${what}`, body);
      element("problem").hidden = true;
      return found;
    } catch (refused) {
      element("problem").hidden = false;
      element("problem").textContent = refused.refused ? refused.message : "The server does not answer.";
      return null;
    }
  }

  // Begins an exercise.
  open(name) {
    [this.name, this.shown] = [name, false];
    return this.go([]);
  }

  // Shows what some moves lead to. Whether they can still solve it may take longer to find out, and is told then.
  async go(moves) {
    const turn = this.turn += 1;
    this.busy = true;
    const told = await this.ask("show", { moves });
    if (turn !== this.turn) return;
    this.busy = false;
    if (!told) return;
    [this.told, this.moves] = [told, moves];
    this.table.board.build(told.board);
    this.table.reset(told.choices);
    this.decide(told.verdict);
    this.zoom.follow();
    if (told.verdict.state !== "open" || !moves.length || (this.shown && told.choices.length)) return;
    const verdict = await this.ask("check", { moves });
    if (verdict && turn === this.turn) this.decide(verdict);
  }

  decide(verdict) {
    if (verdict.state !== "open") this.table.reset([]);
    this.told.verdict = verdict;
    this.draw();
    if (verdict.state === "open") return;
    element("verdict").scrollIntoView({ block: "nearest" });
    this.judged(verdict, this.shown);
  }

  // Plays the solution, from where it begins to differ.
  async solve() {
    let solution;
    try {
      solution = await get(`/api/exercises/${this.kind}/${encodeURIComponent(this.name)}/solution`);
    } catch (refused) { return; }
    const along = this.moves.every((move, index) => solution[index] === move) && this.moves.length < solution.length;
    this.shown = true;
    this.judged({ state: "shown", says: "" }, true);
    let moves = along ? this.moves : [], turn;
    do {
      await this.go(moves);
      turn = this.turn;
      this.table.reset([]);
      this.draw();
      await new Promise(done => setTimeout(done, PACE));
      if (turn !== this.turn) return; // somebody did something else
      moves = solution.slice(0, moves.length + 1);
    } while (this.moves.length < solution.length);
  }

  draw() {
    const { position, verdict, came, task, board } = this.told;
    drawSeats(element("seats"), { board, position }, colour);
    this.table.draw(position, { changed: [...(came ? Object.keys(came.after).map(Number) : []), ...this.look()] });
    element("do").textContent = verdict.state !== "open" ? "" : this.shown ? "This is how it goes." : task.do;
    element("why").textContent = verdict.state !== "open" || this.shown ? "" : task.why;
    element("came").textContent = came ? `${colour(came.seat)}: ${came.move}. ${came.says}` : "";
    element("verdict").className = verdict.state;
    const word = { solved: this.shown ? "So it is done. " : "Right. ", wrong: "Not yet. " }[verdict.state] || "";
    element("verdict").textContent = word + verdict.says;
    element("again").hidden = !this.moves.length || this.shown;
    element("again").textContent = verdict.state === "wrong" ? "Try again" : "Take back";
    element("again").classList.toggle("main", verdict.state === "wrong");
    element("restart").hidden = !this.moves.length;
    element("restart").textContent = this.shown ? "Now you" : "Start again";
  }
}
