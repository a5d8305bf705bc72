// Draws the shared view into the page. All text goes in as text, never as markup.

import { coursePlot, courseWords } from "./course.js";
import { Facts } from "./facts.js";
import { flip } from "./flip.js";
import { withLinks } from "./help.js";
import { Turns } from "./turns.js";

const NOTHING = { turns: {}, notices: [], course: [], settings: {} };
const NOTE_MS = 15_000;
const NEAR_END_PX = 140;

export class Screen {
  constructor(root, { onCorrect, recordings, again }) {
    this.root = root;
    this.view = { ...structuredClone(NOTHING), floor: "getting ready" };
    this.scroller = root.querySelector("#a-scroll");
    this.newest = root.querySelector("#a-newest");
    this.newest.onclick = () => {
      this.scroller.scrollTop = this.scroller.scrollHeight;
      this.scroller.focus({ preventScroll: true });
    };
    this.scroller.onscroll = () => this.offerNewest();
    this.noteText = "";
    this.turns = new Turns(root.querySelector("#a-log"), { onCorrect, recordings, again });
    this.facts = new Facts(root.querySelector("#a-facts"), root.querySelector("#a-facts-list"));
  }

  change(change) {
    const { turns = {}, ...rest } = change;
    Object.assign(this.view, rest);
    this.settle(() => {
      for (const [index, turn] of Object.entries(turns)) {
        if (turn === null) {
          delete this.view.turns[index];
          this.turns.remove(index);
        } else {
          this.view.turns[index] = turn;
          this.turns.draw(index, turn);
        }
      }
      this.showWays();
      if (rest.course || change.turns) this.drawCourse();
      if (rest.notices) this.drawNotices(rest.notices);
    });
  }

  // The orb goes smoothly to wherever the change of all the rest puts it.
  settle(change) {
    flip(this.root.querySelector("#a-stage"), () => this.following(change));
  }

  redraw(index) {
    const turn = this.view.turns[index];
    if (turn) this.turns.draw(String(index), turn);
  }

  // Whoever reads at the end stays there; whoever has scrolled back is left in peace.
  following(change) {
    const { isAtEnd } = this;
    change();
    if (isAtEnd) this.scroller.scrollTop = this.scroller.scrollHeight;
    this.offerNewest();
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  // Before the talk the whole page scrolls, and this does not.
  offerNewest() {
    this.newest.hidden = this.isAtEnd || !this.root.classList.contains("a-in-talk");
  }

  clear() {
    this.view = { ...structuredClone(NOTHING), floor: "listening" };
    this.settle(() => {
      this.turns.clear();
      this.drawCourse();
      this.drawNotices([]);
      this.showWays();
    });
  }

  get isEmpty() {
    return !Object.keys(this.view.turns).length;
  }

  // Ways to begin while nothing is said; ways to save, and room for the words, from then on.
  showWays() {
    const { isEmpty } = this;
    this.root.querySelector(".a-save").hidden = isEmpty;
    const isOpen = isEmpty && this.root.querySelector("#a-earlier").hidden;
    this.root.querySelector("#a-welcome").hidden = !isOpen;
    this.root.classList.toggle("a-in-talk", !isOpen);
  }

  drawCourse() {
    const { course, turns } = this.view;
    const look = JSON.stringify([course, course.map(({ turn }) => turns[turn]?.start_s)]);
    if (look === this.drawnCourse) return;
    this.drawnCourse = look;
    const plot = this.root.querySelector("#a-course-plot");
    this.root.querySelector("#a-course").hidden = !course.length;
    plot.setAttribute("aria-label", courseWords(course));
    plot.replaceChildren(...coursePlot(course, turns));
  }

  drawNotices(notices) {
    const help = notices.filter((notice) => notice.urgency === "help").map((n) => n.text);
    const box = this.root.querySelector("#a-help");
    const text = help.join("\n");
    if (text !== this.helpText) {
      this.helpText = text;
      box.replaceChildren(...withLinks(text));
      box.hidden = !text;
    }
    const warning = notices.filter((notice) => notice.urgency === "warning").at(-1);
    if (warning) this.problem(warning.text);
    this.note(notices.filter((notice) => notice.urgency === "note").at(-1)?.text ?? "");
  }

  // Each note stands for a while, once: a change of the others does not bring it back.
  note(text) {
    if (text === this.noteText) return;
    const box = this.root.querySelector("#a-note");
    this.noteText = text;
    box.textContent = sentence(text);
    box.hidden = !text;
    clearTimeout(this.noteEnds);
    if (text) this.noteEnds = setTimeout(() => (box.hidden = true), NOTE_MS);
  }

  // What is being kept of the talk: nobody is recorded without seeing it.
  kept(kinds) {
    const box = this.root.querySelector("#a-kept");
    const text = kinds.length ? `Kept: ${kinds.join(" and ").replace("audio", "sound")}` : "";
    if (box.textContent === text) return;
    box.textContent = text;
    box.hidden = !text;
  }

  status(text) {
    const status = this.root.querySelector("#a-status");
    if (status.textContent !== text) status.textContent = text;
  }

  problem(text) {
    const box = this.root.querySelector("#a-problem");
    box.hidden = !text;
    box.textContent = sentence(text || "");
  }
}

// The server's words begin small where they may follow others.
function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
