// Choosing a move cell by cell. Each move has steps, in each of which one of some cells is chosen.
export class Chooser {
  constructor() {
    this.reset([]);
  }

  // The moves of another position. What all of them begin with needs no choosing.
  reset(moves) {
    this.moves = moves;
    this.clear();
  }

  clear() {
    this.picked = [];
    const begun = this.moves.filter(move => move.steps.length);
    const first = new Set(begun.flatMap(move => move.steps[0]));
    if (first.size === 1 && begun.every(move => move.steps.length > 1)) this.picked = [...first];
    this.implied = this.picked.length;
  }

  fits(picked = this.picked) {
    return this.moves.filter(move => move.steps.length >= picked.length &&
      picked.every((cell, step) => move.steps[step].includes(cell)));
  }

  // Cells that can be chosen next.
  options() {
    return new Set(this.fits().flatMap(move => move.steps[this.picked.length] || []));
  }

  // Moves that are chosen, if nothing is added.
  complete(picked = this.picked) {
    return this.fits(picked).filter(move => move.steps.length === picked.length && picked.length);
  }

  // Moves without a cell.
  words() {
    return this.moves.filter(move => !move.steps.length);
  }

  // Chooses a cell; false if that leads nowhere. A cell that begins another move begins anew.
  pick(cell) {
    for (const picked of [[...this.picked, cell], [...this.picked.slice(0, this.implied), cell], [cell]]) {
      if (this.fits(picked).length) {
        this.picked = picked;
        return true;
      }
    }
    return false;
  }

  // The moves that a cell would make.
  before(cell) {
    return this.complete([...this.picked, cell]);
  }
}

// What a button says.
export function label(move) {
  const [kind, ...rest] = move.split(" ");
  const fixed = { SKIP_PLACE: "Skip placing", SKIP_CAPTURE: "Do not capture", SKIP_TERR: "Leave the regions",
    SKIP_RECOVERY: "Do nothing", SWAP: "Swap sides" }[kind];
  if (fixed) return fixed;
  if (kind === "P") return rest[1] === "1" ? "1 ring" : `${rest[1]} rings`;
  if (kind === "L") return rest[0].includes("/") ? `Take ${rest[0].split("/")[1]}, free` : "Take the whole line";
  if (kind === "T") return `Claim ${rest[1]} cells`;
  return move;
}
