// A board whose cells are too small for a finger can be made larger, in a frame that is scrolled.
import { CELL } from "./board.js";

const SMALL = 26, LARGE = 44; // CSS pixels

export class Zoom {
  constructor(place, button) {
    Object.assign(this, { place, button, on: false });
    button.onclick = () => {
      this.on = !this.on;
      this.follow();
    };
    new ResizeObserver(() => this.fit()).observe(place);
  }

  get picture() { return this.place.querySelector("svg"); }

  // As large as it has to be in its place.
  fit() {
    if (!this.picture) return;
    const { width, height } = this.picture.viewBox.baseVal, { style } = this.picture;
    this.place.classList.toggle("enlarged", this.on);
    style.width = this.on ? `${width * LARGE / CELL}px` : "";
    style.height = this.on ? `${height * LARGE / CELL}px` : "";
    this.button.textContent = this.on ? "Whole board" : "Enlarge the board";
    this.button.setAttribute("aria-pressed", this.on);
    this.button.hidden = !this.on && CELL * this.picture.getScreenCTM().a >= SMALL;
  }

  // After the board was drawn: shows what has been chosen or has changed in the middle of the frame, or else the middle
  // of the board.
  follow() {
    this.fit();
    if (!this.on) return;
    const cell = this.place.querySelector(".chosen, .changed, .focused") || this.picture;
    const at = cell.getBoundingClientRect(), frame = this.place.getBoundingClientRect();
    this.place.scrollBy(at.x + at.width / 2 - frame.x - frame.width / 2, at.y + at.height / 2 - frame.y - frame.height / 2);
  }
}
