// The turns of one talk in a list. All text goes in as text, never as markup.

import { element } from "./element.js";
import { feelingControl, plainFeeling } from "./feeling.js";
import { told } from "./telling.js";
import { written } from "./written.js";

export class Turns {
  // `onCorrect` is told what the person says they felt; without it nothing can be corrected.
  // `recordings` knows which turns came from a file, `again` which answers can be heard again.
  constructor(log, { onCorrect = null, recordings = null, again = null } = {}) {
    this.log = log;
    this.onCorrect = onCorrect;
    this.recordings = recordings;
    this.again = again;
    this.items = new Map();
  }

  remove(index) {
    this.items.get(index)?.remove();
    this.items.delete(index);
  }

  clear() {
    this.items.forEach((item) => item.remove());
    this.items.clear();
  }

  draw(index, turn) {
    let item = this.items.get(index);
    if (!item) {
      item = element("li", "a-turn");
      item.append(element("div", "a-you"), element("div", "a-attune"));
      this.items.set(index, item);
      this.log.append(item);
    }
    const [you, attune] = item.children;
    const recording = this.recordings?.of(Number(index));
    // While an answer grows, the person's side stays: a correction may be open there.
    const said = JSON.stringify([turn.words, turn.emotion, turn.corrected, Boolean(recording), turn.passed_over]);
    if (item.said !== said) {
      item.said = said;
      you.replaceChildren(...this.person(Number(index), turn, recording));
    }
    // Nor does an answer change whose words are followed: only what changed is drawn.
    const button = this.again?.button(turn);
    const answered = JSON.stringify([turn.reply, turn.heard, turn.failure, told(turn), Boolean(button)]);
    if (item.answered !== answered) {
      item.answered = answered;
      attune.replaceChildren(...answer(turn, button));
    }
    attune.hidden = !attune.childNodes.length;
  }

  person(index, turn, recording) {
    if (turn.passed_over) return [element("p", "a-words a-not-understood", "Paused: not listened to")];
    const parts = [element("span", "a-sr", turn.typed ? "You, typed: " : "You: ")];
    if (recording) parts.push(recording);
    parts.push(words(turn));
    if (!this.onCorrect) parts.push(plainFeeling(turn));
    else if (turn.emotion || turn.corrected) {
      parts.push(feelingControl(turn, (emotion) => this.onCorrect(index, emotion)));
    }
    return parts.filter(Boolean);
  }
}

function words(turn) {
  if (turn.words === null) return element("p", "a-words", "…");
  if (!turn.words.trim() || turn.understood === "no") return notUnderstood(turn.words.trim());
  if (turn.understood !== "perhaps") return element("p", "a-words", turn.typed ? turn.words : written(turn.words));
  const guess = element("p", "a-words a-not-understood", `“${written(turn.words)}”`);
  guess.prepend(element("span", "", "Perhaps: "));
  return guess;
}

// What was made out of a noise says less than that it was not understood; who asks for details sees it.
function notUnderstood(words) {
  const line = element("p", "a-words a-not-understood", "Not understood");
  if (words) line.append(element("span", "a-detail", `It sounded like “${words}”.`));
  return line;
}

function answer(turn, again) {
  const parts = [];
  if (turn.failure) parts.push(element("p", "a-failure", turn.failure));
  if (turn.reply) {
    const said = element("p", "a-words");
    said.append(turn.interrupted ? turn.heard : turn.reply);
    const rest = turn.interrupted ? turn.reply.slice(turn.heard.length) : "";
    if (rest) {
      const unheard = element("span", "a-unheard", rest);
      unheard.title = "You interrupted here: this was not heard";
      said.append(element("span", "a-sr", " (interrupted; not heard: "), unheard, element("span", "a-sr", ")"));
    }
    parts.push(element("span", "a-sr", "Attune: "), said);
  }
  if (again) parts.push(again);
  if (parts.length) parts.push(...told(turn).map((sentence) => element("p", "a-detail", sentence)));
  return parts;
}
