// The turns of one talk in a list. All text goes in as text, never as markup.

import { element } from "./element.js";

const EMOTIONS = ["neutral", "happy", "angry", "sad", "surprise"];
const MARKS = {
  endpoint: "turn over",
  heard: "heard",
  words: "words",
  first_token: "first word",
  first_audio: "voice ready",
  played: "answer begins",
};

export class Turns {
  // `onCorrect` is told what the person says they felt; without it nothing can be corrected.
  constructor(log, onCorrect = null) {
    this.log = log;
    this.onCorrect = onCorrect;
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
    // While an answer grows, the person's side stays: a correction may be open there.
    const said = JSON.stringify([turn.words, turn.emotion, turn.corrected]);
    if (item.said !== said) {
      item.said = said;
      you.replaceChildren(...this.person(index, turn));
    }
    attune.replaceChildren(...answer(turn));
    attune.hidden = !attune.childNodes.length;
    const nearEnd = innerHeight + scrollY > document.body.scrollHeight - 480;
    if (nearEnd && this.onCorrect) item.scrollIntoView({ block: "nearest" });
  }

  person(index, turn) {
    const words = turn.words === null ? "…" : turn.words || "(I could not make out the words)";
    const parts = [element("span", "a-who a-sr", "You: "), element("p", "a-words", words)];
    const shown = turn.corrected || turn.emotion?.label;
    if (shown) parts.push(this.emotion(index, turn, shown));
    if (turn.typed) parts[0].textContent = "You, typed: ";
    return parts;
  }

  emotion(index, turn, shown) {
    const box = element("details", `a-emotion a-is-${shown}`);
    const percent = Math.round(100 * (turn.emotion?.confidence || 0));
    const unsure = !turn.corrected && turn.emotion.abstained;
    const said = turn.corrected ? `${shown}, you said` : `${unsure ? "unsure, perhaps " : ""}${shown}`;
    const summary = element("summary", "", said);
    summary.setAttribute("aria-label", `You sounded ${said}, ${percent} percent. Correct this.`);
    if (!turn.corrected) {
      const bar = element("span", "a-bar");
      bar.style.setProperty("--share", `${percent}%`);
      summary.append(bar, element("span", "a-percent", `${percent} %`));
    }
    if (!this.onCorrect) {
      const plain = element("div", box.className);
      const label = element("p", "a-felt");
      label.append(...summary.childNodes);
      plain.append(label);
      return plain;
    }
    const choices = element("div", "a-choices");
    choices.setAttribute("role", "group");
    choices.setAttribute("aria-label", "How did you mean it?");
    choices.append(element("span", "a-ask", "How did you mean it?"));
    for (const emotion of EMOTIONS) {
      const button = element("button", `a-chip a-is-${emotion}`, emotion);
      button.type = "button";
      button.setAttribute("aria-pressed", String(emotion === shown));
      button.onclick = () => {
        box.open = false;
        this.onCorrect(Number(index), emotion);
      };
      choices.append(button);
    }
    box.append(summary, choices);
    return box;
  }
}

function answer(turn) {
  const parts = [];
  if (turn.failure) parts.push(element("p", "a-failure", turn.failure));
  if (turn.reply) {
    const words = element("p", "a-words");
    const heard = turn.interrupted ? turn.heard : turn.reply;
    const rest = turn.interrupted ? turn.reply.slice(turn.heard.length) : "";
    words.append(heard);
    if (rest) {
      const unheard = element("span", "a-unheard", rest);
      unheard.title = "You interrupted here: this was not heard";
      words.append(element("span", "a-sr", " (interrupted; not heard: "), unheard, element("span", "a-sr", ")"));
    }
    parts.push(element("span", "a-who a-sr", "Attune: "), words);
  }
  if (parts.length) parts.push(element("p", "a-detail", detail(turn)));
  return parts;
}

function detail(turn) {
  const facts = [];
  const style = turn.style;
  if (style && style.intensity > 0) {
    facts.push(`spoken ${style.emotion} (${Math.round(100 * style.intensity)} %): rate ${style.rate.toFixed(2)}, pitch ${style.pitch > 0 ? "+" : ""}${style.pitch.toFixed(1)}`);
  } else if (style) facts.push("spoken in its own manner");
  for (const [mark, name] of Object.entries(MARKS)) {
    if (turn.marks_ms[mark] !== undefined) facts.push(`${name} ${Math.round(turn.marks_ms[mark])} ms`);
  }
  return facts.join(" · ");
}
