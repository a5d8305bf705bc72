// The box to type in. A text stays in it until the server has taken it, and then on the screen until
// it stands in the talk; what comes to nothing is put back.

import { element } from "./element.js";

export class Typed {
  constructor(box, log) {
    this.box = box;
    this.log = log;
    this.sent = new Map();
    this.claimed = new Set();
  }

  // Returns the id of the item that a text is sent as; null where it is on its way already.
  send(text) {
    const isUnderWay = [...this.sent.values()].some((sent) => !sent.isTaken && sent.text === text);
    if (!text || isUnderWay) return null;
    const id = `item_${Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 8)).join("")}`;
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

  // Nothing comes of it: returns whether it was one of ours.
  giveBack(id) {
    const sent = this.sent.get(id);
    if (!sent) return false;
    this.forget(id);
    if (!this.box.value.trim()) this.box.value = sent.text;
    return true;
  }

  // What stands in the talk need not stand beside it.
  match(turns) {
    this.claimed.forEach((index) => index in turns || this.claimed.delete(index));
    for (const [index, turn] of Object.entries(turns)) {
      if (!turn?.typed || this.claimed.has(index)) continue;
      const found = [...this.sent].find(([, { text }]) => turn.words.trim() === text);
      if (!found) continue;
      this.claimed.add(index);
      this.take(found[0]);
      this.forget(found[0]);
    }
    this.sent.forEach(({ item }) => item && item.nextSibling && this.log.append(item));
  }

  // The talk is over. What it had not answered goes back into the box.
  end() {
    [...this.sent.keys()].reverse().forEach((id) => this.giveBack(id));
    this.claimed.clear();
  }

  forget(id) {
    this.sent.get(id)?.item?.remove();
    this.sent.delete(id);
  }
}
