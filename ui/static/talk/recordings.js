// Recordings that are answered: each stands in the talk with its name and a player.

import { element } from "../screen/element.js";

export class Recordings {
  constructor() {
    this.cards = new Map();
    this.turns = new Map();
  }

  // A recording goes out as the item `id`.
  add(id, name, sound) {
    const card = element("div", "a-recording");
    const player = element("audio");
    player.controls = true;
    player.preload = "metadata";
    player.src = URL.createObjectURL(sound);
    player.setAttribute("aria-label", `Recording: ${name}`);
    card.append(element("span", "", name), player);
    this.cards.set(id, card);
  }

  // An event says which turn an item has become. Returns whether it was one of ours.
  match({ turn, item_id: id }) {
    const card = this.cards.get(id);
    if (!card || turn === undefined || turn === null || this.turns.get(turn) === card) return false;
    this.turns.set(turn, card);
    return true;
  }

  of(turn) {
    return this.turns.get(turn);
  }

  // Nothing comes of it.
  drop(id) {
    const card = this.cards.get(id);
    if (card) URL.revokeObjectURL(card.querySelector("audio").src);
    this.cards.delete(id);
  }

  // A new talk: its turns are counted anew. What is on its way stays ours.
  forget() {
    this.turns.clear();
  }
}
