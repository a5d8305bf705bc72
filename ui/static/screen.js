// Draws the shared view into the page. All text goes in as text, never as markup.

import { coursePlot } from "./course.js";
import { Turns } from "./turns.js";

const NOTHING = { turns: {}, notices: [], course: [], settings: {} };
const NOTE_MS = 15_000;

export class Screen {
  constructor(root, { onCorrect }) {
    this.root = root;
    this.view = { ...structuredClone(NOTHING), floor: "getting ready" };
    this.turns = new Turns(root.querySelector("#a-log"), onCorrect);
  }

  change(change) {
    const { turns = {}, ...rest } = change;
    Object.assign(this.view, rest);
    for (const [index, turn] of Object.entries(turns)) {
      if (turn === null) {
        delete this.view.turns[index];
        this.turns.remove(index);
      } else {
        this.view.turns[index] = turn;
        this.turns.draw(index, turn);
      }
    }
    if (rest.course) this.drawCourse(rest.course);
    if (rest.notices) this.drawNotices(rest.notices);
    this.showWays();
  }

  clear() {
    this.view = { ...structuredClone(NOTHING), floor: "listening" };
    this.turns.clear();
    this.drawCourse([]);
    this.drawNotices([]);
    this.showWays();
  }

  get isEmpty() {
    return !Object.keys(this.view.turns).length;
  }

  // Ways to begin while nothing is said; ways to save from then on.
  showWays() {
    const { isEmpty } = this;
    this.root.querySelector("#a-welcome").hidden = !isEmpty;
    this.root.querySelector(".a-save").hidden = isEmpty;
    // What was said needs the room from then on.
    this.root.classList.toggle("a-in-talk", !isEmpty);
  }

  drawCourse(course) {
    const figure = this.root.querySelector("#a-course");
    const plot = this.root.querySelector("#a-course-plot");
    figure.hidden = course.length < 2;
    plot.setAttribute(
      "aria-label",
      `Course of emotion: ${course.map((point) => point.emotion).join(", ")}`,
    );
    plot.replaceChildren(...coursePlot(course));
  }

  drawNotices(notices) {
    const help = notices.filter((notice) => notice.urgency === "help").map((n) => n.text);
    const box = this.root.querySelector("#a-help");
    box.hidden = !help.length;
    box.textContent = help.join("\n");
    const warning = notices.filter((notice) => notice.urgency === "warning").at(-1);
    if (warning) this.problem(warning.text);
    this.note(notices.filter((notice) => notice.urgency === "note").at(-1)?.text ?? "");
  }

  // Each note stands for a while, once: a change of the others does not bring it back.
  note(text) {
    const box = this.root.querySelector("#a-note");
    if (text === box.textContent) return;
    box.textContent = text;
    box.hidden = !text;
    clearTimeout(this.noteEnds);
    if (text) this.noteEnds = setTimeout(() => (box.hidden = true), NOTE_MS);
  }

  status(text) {
    const status = this.root.querySelector("#a-status");
    if (status.textContent !== text) status.textContent = text;
  }

  problem(text) {
    const box = this.root.querySelector("#a-problem");
    box.hidden = !text;
    box.textContent = text || "";
  }
}
