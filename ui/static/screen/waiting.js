// Signs of life below what stands in the talk: that somebody is heard, and in which words so far; that
// an answer is on its way.

import { element } from "./element.js";
import { thinking } from "./floor.js";
import { written } from "./written.js";

const SAID_AFTER_MS = 1000;

export class Waiting {
  constructor(place) {
    this.place = place;
    this.captions = new Map();
    this.look = "";
  }

  // Words that are heard while somebody speaks: they are added to, never taken back.
  caption(item, text) {
    this.captions.set(item, (this.captions.get(item) || "") + text);
  }

  // The words of an item are known: they stand in the talk.
  known(item) {
    this.captions.delete(item);
  }

  clear() {
    this.captions.clear();
  }

  // Returns whether anything changed. `isAnswered`: the newest turn has words of its answer.
  show(floor, { isAnswered, thinkingMs }) {
    const isHeard = floor === "you speak" || floor === "both speak";
    const caption = isHeard ? written([...this.captions.values()].join(" ")) : "";
    const isThinking = floor === "thinking" && !isAnswered;
    const about = isThinking && thinkingMs > SAID_AFTER_MS ? thinking(thinkingMs) : "";
    const look = [isHeard, caption, isThinking, about].join("|");
    if (look === this.look) return false;
    this.look = look;
    const bubbles = [];
    if (isHeard) bubbles.push(bubble("a-from-you", caption));
    if (isThinking) bubbles.push(bubble("a-from-attune", about));
    this.place.replaceChildren(...bubbles);
    return bubbles.length > 0;
  }
}

function bubble(side, text) {
  const row = element("div", "a-alive");
  const box = element("div", side);
  const dots = element("span", "a-dots");
  dots.append(element("i"), element("i"), element("i"));
  box.append(dots, element("span", "", text));
  row.append(box);
  return row;
}
