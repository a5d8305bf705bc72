// An earlier talk that is gone on with: which one, and its turns above those of the new one.

import { element } from "../screen/element.js";
import { Turns } from "../screen/turns.js";

const SHOWN = "attune-earlier";
const MOST_TURNS = 24;
const LONGEST = 4000;

export class Earlier {
  // `onChoice` is called when a talk was chosen or given up; `onProblem` is told why it cannot be.
  constructor(place, { onChoice, onProblem }) {
    this.place = place;
    this.onChoice = onChoice;
    this.onProblem = onProblem;
    this.asked = null;
    this.draw(read());
    const query = new URLSearchParams(location.search);
    this.named = query.get("continue");
    if (this.named) history.replaceState(null, "", location.pathname);
  }

  // Goes on with a recorded talk: it is shown before anybody agrees to anything.
  async choose(record) {
    const response = await fetch(new URL(`records/${encodeURIComponent(record)}/turns`, document.baseURI));
    if (!response.ok) return this.onProblem("This talk cannot be gone on with. It may have been deleted.");
    const talk = await response.json();
    this.ask({ record: talk.record }, talk);
  }

  // Goes on with one that this tab still has.
  chooseKept({ view, ended }) {
    const turns = Object.values(view.turns)
      .filter((turn) => turn.words?.trim())
      .slice(-MOST_TURNS)
      .map((turn) => ({ words: cut(turn.words), heard: cut(turn.interrupted ? turn.heard : turn.heard || turn.reply) }));
    if (!turns.length) return this.onProblem("Nothing was said in this talk that one could go on from.");
    this.ask({ turns }, { started_utc: ended, turns: view.turns });
  }

  ask(asked, talk) {
    this.asked = asked;
    this.draw(talk);
    this.onChoice();
  }

  // Returns what the server is told when a talk begins; null where it is a new one.
  begin() {
    const { asked } = this;
    this.asked = null;
    if (!asked) this.draw(null);
    else if (this.talk) {
      this.draw(this.talk);
      write(this.talk);
    }
    return asked && { type: "attune.talk.continue", event_id: "continue", ...asked };
  }

  giveUp() {
    this.asked = null;
    this.draw(null);
    this.onChoice();
  }

  draw(talk) {
    this.talk = talk;
    if (!talk) sessionStorage.removeItem(SHOWN);
    this.place.hidden = !talk;
    this.place.replaceChildren();
    if (!talk) return;
    const log = element("ol", "a-talklog");
    const drawn = new Turns(log);
    Object.entries(talk.turns).forEach(([index, turn]) => drawn.draw(index, turn));
    this.place.append(element("h2", "", `You go on with the talk of ${day(talk.started_utc)}`), log);
    if (this.asked) this.place.append(this.instead());
  }

  instead() {
    const button = element("button", "a-quiet a-small", "Begin a new talk instead");
    button.type = "button";
    button.onclick = () => this.giveUp();
    return button;
  }
}

// The latest recorded talks, to go on with, for a page on which nothing was said yet.
export async function offerLatest(place, most, onChoice) {
  const response = await fetch(new URL("records?form=json", document.baseURI));
  if (!response.ok) return;
  const { talks } = await response.json();
  const rows = talks.filter((talk) => talk.words).slice(0, most).map((talk) => row(talk, onChoice));
  place.querySelector("ul").replaceChildren(...rows);
  place.hidden = !rows.length;
}

function row({ record, started_utc: begun, words }, onChoice) {
  const item = element("li");
  const button = element("button", "a-chip a-latest");
  button.type = "button";
  button.append(element("b", "", day(begun)), element("span", "", `“${words}”`));
  button.onclick = () => onChoice(record);
  item.append(button);
  return item;
}

// Returns a moment as people call it.
export function day(utc) {
  const time = new Date(utc);
  if (Number.isNaN(time.getTime())) return "earlier";
  const days = Math.round((midnight(new Date()) - midnight(time)) / 86_400_000);
  const clock = time.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
  if (days === 0) return `today, ${clock}`;
  if (days === 1) return `yesterday, ${clock}`;
  const year = time.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  return `${time.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", ...year })}, ${clock}`;
}

function midnight(time) {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
}

function cut(text) {
  return (text || "").slice(-LONGEST);
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(SHOWN));
  } catch {
    return null;
  }
}

function write(talk) {
  try {
    sessionStorage.setItem(SHOWN, JSON.stringify(talk));
  } catch {
    // The tab's store is full: the screen has it all the same.
  }
}
