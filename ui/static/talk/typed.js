// The box to type in. A text stays in it until the server has taken it, and then on the screen until
// it stands in the talk; what comes to nothing is put back.

import { element } from "../screen/element.js";

const MOST_CHARACTERS = 2000;
const MOST_WORDS = 300;

// Returns what to do about a text that is too long to be answered at once; empty where it fits.
export function tooLong(text) {
  if (text.length <= MOST_CHARACTERS) return "";
  const words = text.split(/\s+/).length;
  const said = words > MOST_WORDS ? `this is about ${10 * Math.round(words / 10)}` : "these are very long ones";
  return `That is too long: about ${MOST_WORDS} words fit, and ${said}. Shorten it, or send it in parts.`;
}

// Returns the id of an item of our own.
export function newItem() {
  return `item_${Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 8)).join("")}`;
}

export class Typed {
  constructor(box, log) {
    this.box = box;
    this.log = log;
    this.sent = new Map();
    this.seen = new Set();
  }

  // Returns the id of the item that a text is sent as; null where it is on its way already.
  send(text) {
    const isUnderWay = [...this.sent.values()].some((sent) => !sent.isTaken && sent.text === text);
    if (!text || isUnderWay) return null;
    const id = newItem();
    this.sent.set(id, { text, isTaken: false });
    return id;
  }

  // Texts that the server may not have got: id and text.
  get untaken() {
    return [...this.sent].filter(([, sent]) => !sent.isTaken).map(([id, { text }]) => [id, text]);
  }

  // The server has the item.
  take(id) {
    const sent = this.sent.get(id);
    if (!sent || sent.isTaken) return;
    sent.isTaken = true;
    if (this.box.value.trim() === sent.text) this.box.value = "";
    sent.item = element("li", "a-turn a-pending");
    sent.item.append(element("div", "a-you"));
    sent.item.firstChild.append(element("p", "a-words", sent.text));
    this.log.append(sent.item);
  }

  // Nothing comes of it: returns the text, if it was one of ours.
  giveBack(id) {
    const text = this.sent.get(id)?.text;
    this.forget(id);
    if (text && !this.box.value.trim()) this.box.value = text;
    return text;
  }

  // What stands in the talk need not stand beside it. It is ours until something of its answer was
  // heard: until then whoever goes on speaking may take the turn back.
  match(turns) {
    this.seen.forEach((index) => index in turns || this.seen.delete(index));
    for (const [index, turn] of Object.entries(turns)) {
      if (!turn.typed || this.seen.has(index)) continue;
      this.seen.add(index);
      const isThis = ([, sent]) => sent.index === undefined && sent.text === turn.words.trim();
      const found = [...this.sent].find(isThis);
      if (!found) continue;
      this.take(found[0]);
      found[1].item.remove();
      found[1].index = index;
    }
    for (const [id, { index, item }] of [...this.sent]) {
      const turn = turns[index];
      if (turn && (turn.heard || turn.interrupted || turn.failure)) this.forget(id);
      else if (index === undefined && item?.nextSibling) this.log.append(item);
    }
  }

  // The talk is over. What does not stand in it goes back into the box.
  end() {
    for (const [id, { index }] of [...this.sent].reverse()) {
      if (index === undefined) this.giveBack(id);
    }
    this.sent.clear();
    this.seen.clear();
  }

  forget(id) {
    this.sent.get(id)?.item?.remove();
    this.sent.delete(id);
  }
}
