// Talks that are over. They stay in this tab, over a reload too, until it is closed.

import { element } from "../screen/element.js";
import { download } from "./saved.js";
import { Turns } from "../screen/turns.js";

const KEPT = "attune-past";
const UNDER_WAY = "attune-talk";
const FORMATS = { md: "text", json: "data", vtt: "captions" };

export class Past {
  // `onFull` is told that the tab has no room for another talk: nothing is thrown away for it.
  // `onGoOn` is given the talk that the person wants to go on with; without it none can be.
  constructor(place, { onFull = () => {}, onGoOn = null } = {}) {
    this.place = place;
    this.onFull = onFull;
    this.onGoOn = onGoOn;
    this.talks = read(KEPT) || [];
    this.talks.forEach((talk) => this.draw(talk));
  }

  add(view) {
    const last = Object.values(view.turns).at(-1);
    const talk = { view: structuredClone(view), ended: new Date().toISOString() };
    if (!last) return;
    this.talks.push(talk);
    this.draw(talk);
    if (!write(KEPT, this.talks)) this.onFull();
  }

  ways(talk) {
    const row = saving(talk.view);
    if (!this.onGoOn) return row;
    const button = element("button", "a-link", "go on with it");
    button.type = "button";
    button.onclick = () => this.onGoOn(talk);
    row.append(button);
    return row;
  }

  draw({ view, ended }) {
    // The newest one is open; the others are a line each.
    this.place.querySelectorAll("details").forEach((older) => (older.open = false));
    const box = element("details", "a-past");
    box.open = true;
    const turns = Object.entries(view.turns);
    const count = turns.length === 1 ? "1 turn" : `${turns.length} turns`;
    const time = new Date(ended).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
    box.append(element("summary", "", `Earlier talk, ended ${time}, ${count}`), this.ways({ view, ended }));
    const log = element("ol", "a-talklog");
    const drawn = new Turns(log);
    turns.forEach(([index, turn]) => drawn.draw(index, turn));
    box.append(log);
    this.place.append(box);
  }
}

// What the tab holds of the talk that is under way, for a page that is loaded anew without it.
export function keepUnderWay(view) {
  if (Object.keys(view.turns).length) write(UNDER_WAY, view);
  else sessionStorage.removeItem(UNDER_WAY);
}

export function takeUnderWay() {
  const view = readUnderWay();
  sessionStorage.removeItem(UNDER_WAY);
  return view;
}

export function readUnderWay() {
  return read(UNDER_WAY);
}

function saving(view) {
  const row = element("p", "a-past-save", "Save it: ");
  for (const [format, name] of Object.entries(FORMATS)) {
    const button = element("button", "a-link", name);
    button.type = "button";
    button.onclick = () => download(view, format);
    row.append(button);
  }
  return row;
}

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    // The tab's store is full: the screen has it all the same.
    return false;
  }
}
