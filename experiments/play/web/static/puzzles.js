// The puzzles: wins and defences of one turn, by board and difficulty. What was solved, and in a row, is kept in this browser.
import { colour, Exercise } from "./exercise.js";
import { get } from "./talk.js";

const element = id => document.getElementById(id);
const KEY = "puzzles";
const kept = { solved: [], streak: 0, best: 0, series: "", level: "all", ...JSON.parse(localStorage.getItem(KEY) || "{}") };
const solved = new Set(kept.solved);
let puzzles = [], now = null;

function keep() {
  kept.solved = [...solved];
  localStorage.setItem(KEY, JSON.stringify(kept));
}

const exercise = new Exercise("puzzles", {
  judged: ({ state }, shown) => {
    if (state === "wrong" || state === "shown") kept.streak = 0;
    if (state === "solved" && !shown && !solved.has(now.name)) {
      solved.add(now.name);
      kept.streak += 1;
      kept.best = Math.max(kept.best, kept.streak);
    }
    keep();
    drawCounts();
  },
});

function chosen() {
  return puzzles.filter(({ series, level }) => series === kept.series && (kept.level === "all" || level === kept.level));
}

function drawCounts() {
  const those = chosen(), done = those.filter(({ name }) => solved.has(name)).length;
  element("progress").textContent = `${done} of ${those.length} solved`;
  element("streak").textContent = `${kept.streak} in a row${kept.best ? `, ${kept.best} at best` : ""}`;
  element("next").classList.toggle("main", solved.has(now.name));
}

function drawChoice() {
  const all = [...new Set(puzzles.map(({ series }) => series))];
  element("series").replaceChildren(...all.map(name => new Option(name)));
  element("series").value = kept.series;
  const there = new Set(puzzles.filter(({ series }) => series === kept.series).map(({ level }) => level));
  const levels = ["all", ...["easy", "medium", "hard", "unrated"].filter(level => there.has(level))];
  if (!levels.includes(kept.level)) kept.level = "all";
  element("level").replaceChildren(...levels.map(name => new Option(name)));
  element("level").value = kept.level;
}

function facts({ goal, level, keep, of, moves, source }) {
  const rare = goal === "win"
    ? `${level}: ${keep} of ${of} first decisions can win, the shortest win takes ${moves} decisions. `
    : `${level}: of ${of} turns played at random ${keep} leave no win. `;
  return (of ? rare : "") + (source ? `From ${source}.` : "");
}

function wanted(goal, seat) {
  if (goal === "win") return `${colour(seat)} is to move, and wins in this turn.`;
  return `${colour(seat)} is to move, cannot win in this turn, and must leave the next player no win.`;
}

async function go(puzzle) {
  now = puzzle;
  if (location.hash !== `#${puzzle.name}`) history.pushState(null, "", `#${puzzle.name}`);
  kept.series = puzzle.series;
  drawChoice();
  if (!chosen().includes(puzzle)) { kept.level = "all"; element("level").value = "all"; }
  keep();
  drawCounts();
  const number = chosen().indexOf(puzzle) + 1;
  element("puzzle-title").textContent = `Puzzle ${number} of ${chosen().length}${solved.has(puzzle.name) ? " ✓" : ""}`;
  element("puzzle-facts").textContent = facts(puzzle);
  await exercise.open(puzzle.name);
  if (exercise.told) element("puzzle-task").textContent = wanted(puzzle.goal, exercise.told.position.seat);
}

// The next one that is not solved, else the next one.
function next() {
  const those = chosen(), from = those.indexOf(now) + 1, round = [...those.slice(from), ...those.slice(0, from)];
  go(round.find(({ name }) => !solved.has(name)) ?? round[0]);
}

function addressed() {
  return puzzles.find(({ name }) => `#${name}` === location.hash);
}

element("next").onclick = next;
element("series").onchange = () => { kept.series = element("series").value; now = null; next(); };
element("level").onchange = () => { kept.level = element("level").value; now = null; next(); };

puzzles = await get("/api/puzzles");
addEventListener("popstate", () => { if (addressed()) go(addressed()); });
if (!puzzles.some(({ series }) => series === kept.series)) kept.series = puzzles[0].series;
if (!chosen().length) kept.level = "all";
if (addressed()) go(addressed());
else next();
