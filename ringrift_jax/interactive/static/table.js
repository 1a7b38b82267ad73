// A board at which moves are chosen, by cells, buttons and keys. What a move would do is shown before it is made.
import { Board } from "./board.js";
import { Chooser, label } from "./choose.js";

export class Table {
  // places: the elements {board, choices, says}. asks: effect(move) and why(cell, origin) ask what a move would do and why
  // a cell cannot be chosen; play(move) makes a move; careful() tells whether moves are shown before they are made, busy()
  // whether nothing can be chosen now; redraw() draws everything after something was chosen; rest() is what is said while
  // nothing is pointed at.
  constructor(places, asks) {
    Object.assign(this, { places, asks: { busy: () => false, careful: () => false, rest: () => "", ...asks } });
    this.board = new Board(places.board, { pick: (cell, pointer) => this.pick(cell, pointer), hover: cell => this.hover(cell) });
    this.chooser = new Chooser();
    this.effects = new Map();
    // asked: the move that was chosen by a button, where people want to see what it does before they choose it again.
    this.pointed = this.previewed = this.asked = null;
  }

  say(text) {
    // Writing the same text again would have it read out again.
    if (this.places.says.textContent !== text) this.places.says.textContent = text;
  }

  // Another position, with its moves.
  reset(moves) {
    this.effects = new Map();
    this.asked = this.previewed = null;
    this.chooser.reset(moves);
    this.board.preview(null);
    this.say("");
  }

  // marks: what else is drawn over the cells.
  draw(position, marks) {
    const { chooser } = this, options = chooser.options();
    this.board.show(position.contents, options);
    this.board.mark({ options, focus: position.focus, slide: position.slide, chosen: chooser.picked.slice(chooser.implied), ...marks });
    this.drawChoices();
  }

  drawChoices() {
    const complete = this.chooser.complete(), moves = [...complete, ...this.chooser.words()];
    this.places.choices.replaceChildren(...moves.map((move, index) => {
      const button = document.createElement("button");
      const done = this.asked === move.move || (complete.length === 1 && complete[0] === move);
      button.textContent = done ? `Play ${label(move.move)}` : label(move.move);
      button.title = `${move.move}${index < 9 ? ` (key ${index + 1})` : ""}`;
      button.dataset.move = move.move;
      if (done) button.className = "main";
      button.onclick = () => this.choose(move.move, done);
      button.onpointerenter = event => { if (event.pointerType === "mouse") this.show(move.move); };
      button.onfocus = () => this.show(move.move);
      button.onpointerleave = button.onblur = () => this.show(null);
      return button;
    }));
  }

  // Chooses a cell; a move that is clear is made, or first shown, if people want that.
  pick(cell, pointer) {
    if (this.asks.busy()) return;
    const { chooser } = this, ask = this.asks.careful() || pointer === "touch", done = chooser.complete();
    if (ask && done.length === 1 && chooser.picked.at(-1) === cell) { this.asks.play(done[0].move); return; }
    if (!chooser.options().has(cell) && chooser.picked.length > chooser.implied && chooser.picked.at(-1) === cell) {
      this.clear();
      return;
    }
    const before = chooser.picked;
    this.asked = null;
    if (!chooser.pick(cell)) { this.explain(cell, before[0]); return; }
    const complete = chooser.complete();
    if (complete.length === 1 && chooser.fits().length === 1 && !ask) { this.asks.play(complete[0].move); return; }
    this.show(complete.length ? complete[0].move : null);
    this.asks.redraw();
  }

  // A choice by its button.
  choose(move, sure) {
    if (this.asks.careful() && !sure) {
      this.asked = move;
      this.show(move);
      this.drawChoices();
    } else this.asks.play(move);
  }

  clear() {
    this.asked = null;
    this.chooser.clear();
    this.show(null);
    this.say("");
    this.asks.redraw();
  }

  // Digits choose a button, and Escape begins anew; whether a key was one of these.
  key(name) {
    const button = this.places.choices.children[Number(name) - 1];
    if (name === "Escape") this.clear();
    else if (button) button.click();
    else return false;
    return true;
  }

  async explain(cell, origin) {
    this.say(await this.asks.why(cell, origin) || "This cell cannot be chosen now.");
  }

  // Pointing at a cell shows the move that it would make, if there is one.
  hover(cell) {
    this.pointed = cell;
    const moves = cell === null ? this.chooser.complete() : this.chooser.before(cell);
    this.show(moves.length ? moves[0].move : null);
  }

  // Shows what a move would do, or nothing.
  async show(move) {
    this.previewed = move;
    if (move === null) {
      this.board.preview(null);
      if (this.pointed === null) this.say(this.asks.rest());
      return;
    }
    const { effects } = this; // another position has others
    const effect = effects.get(move) ?? await this.asks.effect(move);
    if (effect) effects.set(move, effect);
    if (!effect || this.previewed !== move || this.effects !== effects) return;
    this.board.preview(effect);
    this.say(effect.says);
  }
}
