// The tutorial: lessons one after the other. Which are solved is kept in this browser.
import { Exercise } from "./exercise.js";
import { get } from "./talk.js";

const element = id => document.getElementById(id);
const KEY = "lessons";
const solved = new Set(JSON.parse(localStorage.getItem(KEY) || "[]"));
let lessons = [], at = 0;

const exercise = new Exercise("lessons", {
  look: () => lessons[at].look,
  judged: (verdict, shown) => {
    if (verdict.state === "solved" && !shown) {
      solved.add(lessons[at].name);
      localStorage.setItem(KEY, JSON.stringify([...solved]));
    }
    drawSteps();
  },
});

function drawSteps() {
  element("steps").replaceChildren(...lessons.map((lesson, index) => {
    const item = document.createElement("li"), button = document.createElement("button"), done = solved.has(lesson.name);
    button.textContent = index + 1;
    button.className = done ? "done" : "";
    button.setAttribute("aria-label", `lesson ${index + 1}, ${lesson.title}${done ? ", solved" : ""}`);
    button.title = lesson.title;
    if (index === at) button.setAttribute("aria-current", "step");
    button.onclick = () => go(index);
    item.append(button);
    return item;
  }));
  element("progress").textContent = `${solved.size} of ${lessons.length} solved`;
  element("next").classList.toggle("main", solved.has(lessons[at].name));
}

function go(index) {
  at = index;
  const lesson = lessons[at];
  if (location.hash !== `#${lesson.name}`) history.pushState(null, "", `#${lesson.name}`);
  document.title = `${lesson.title} – RingRift`;
  element("lesson-title").textContent = `${at + 1}. ${lesson.title}`;
  element("lesson-text").textContent = lesson.text;
  element("section").textContent = `(rulebook section ${lesson.section})`;
  element("lesson-task").textContent = lesson.task;
  element("hint-text").textContent = "";
  element("previous").disabled = at === 0;
  element("next").hidden = at === lessons.length - 1;
  element("after").hidden = at !== lessons.length - 1;
  drawSteps();
  return exercise.open(lesson.name);
}

function addressed() {
  return lessons.findIndex(lesson => `#${lesson.name}` === location.hash);
}

element("previous").onclick = () => go(at - 1);
element("next").onclick = () => go(at + 1);
element("hint").onclick = () => { element("hint-text").textContent = lessons[at].hint; };

lessons = await get("/api/lessons");
const unsolved = lessons.findIndex(lesson => !solved.has(lesson.name));
addEventListener("popstate", () => go(Math.max(0, addressed())));
go(addressed() >= 0 ? addressed() : Math.max(0, unsolved));
