// Lines of moves from the position that is shown. Pointing at a move of one shows the position after it on the board.
import { get } from "./talk.js";

export class Lines {
  // handlers: peek(step or null), which shows a position of a line instead of the game's, or no more; enter(moves)
  constructor(handlers) {
    this.handlers = handlers;
    this.played = new Map(); // by where a line begins and its moves: what the server says of its positions
    this.wanted = null;
  }

  // A line as buttons, without its first moves. asks(pointer): whether a move is shown first and entered when it is
  // chosen again.
  draw(place, path, node, moves, { first = 0, asks }) {
    place.replaceChildren(...moves.slice(first).map((move, index) => {
      const button = document.createElement("button"), until = moves.slice(0, first + index + 1);
      const show = () => this.show(path, node, moves, until.length, button);
      button.className = "move";
      button.textContent = move;
      button.onpointerenter = event => { if (event.pointerType === "mouse") show(); };
      button.onfocus = show;
      button.onpointerleave = event => { if (event.pointerType === "mouse") this.leave(); };
      button.onblur = () => this.leave();
      button.onclick = event => {
        if (asks(event.pointerType) && this.chosen !== button) show().then(() => { this.chosen = button; });
        else this.enter(until);
      };
      return button;
    }));
  }

  async show(path, node, moves, length, button) {
    const key = JSON.stringify([path, node, moves]), wanted = { key, length };
    this.wanted = wanted;
    if (!this.played.has(key)) {
      const query = new URLSearchParams([["node", node], ...moves.map(move => ["move", move])]);
      try { this.played.set(key, await get(`${path}/line?${query}`)); } catch (refused) { return; }
    }
    if (this.wanted !== wanted) return;
    const step = this.played.get(key)[length - 1];
    if (step) this.handlers.peek(step);
    else button.disabled = true; // it cannot be played so far
  }

  leave() {
    this.wanted = this.chosen = null;
    this.handlers.peek(null);
  }

  enter(moves) {
    this.leave();
    this.handlers.enter(moves);
  }
}
