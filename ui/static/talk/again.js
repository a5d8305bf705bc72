// Answers that were spoken on this page, to be heard again with the words following.

import { element } from "../screen/element.js";

const OUT_HZ = 24_000;
const MOST_SAMPLES = 15 * 60 * OUT_HZ;
const PLAY = "M8 5.5v13l10.5-6.5z";
const STOP = "M7 7h10v10H7z";

export class Again {
  // `onChange` is told when one begins to be heard, and when it is over.
  constructor(onChange) {
    this.onChange = onChange;
    this.forget();
  }

  // The sound of a talk is gone with it.
  forget() {
    this.stop();
    this.sounds = new Map();
    this.turns = new Map();
  }

  // What the server says of an answer: its sound, and which turn it belongs to.
  take(event) {
    if (event.type === "attune.source") this.turns.set(event.turn, event.response_id);
    if (event.type !== "response.output_audio.delta") return;
    // Whoever speaks now is heard, and not what was said before.
    this.stop();
    const parts = this.sounds.get(event.response_id) ?? [];
    parts.push(Uint8Array.from(atob(event.delta), (c) => c.charCodeAt(0)));
    this.sounds.set(event.response_id, parts);
    this.dropOldest();
  }

  dropOldest() {
    const samples = (parts) => parts.reduce((sum, part) => sum + part.length / 2, 0);
    let held = [...this.sounds.values()].reduce((sum, parts) => sum + samples(parts), 0);
    for (const [id, parts] of this.sounds) {
      if (held <= MOST_SAMPLES || this.sounds.size === 1) return;
      held -= samples(parts);
      this.sounds.delete(id);
    }
  }

  get isPlaying() {
    return Boolean(this.player);
  }

  // Returns the button for a turn whose answer was heard; null where its sound is not here.
  button(turn) {
    if (turn.reply_end_s === null || !this.sounds.has(this.turns.get(turn.turn))) return null;
    const button = element("button", "a-again");
    button.type = "button";
    draw(button, false);
    button.onclick = () => (button === this.pressed ? this.stop() : this.play(turn.turn, button));
    return button;
  }

  play(turn, button) {
    this.stop();
    this.pressed = button;
    this.url = URL.createObjectURL(wav(this.sounds.get(this.turns.get(turn))));
    this.player = new Audio(this.url);
    this.words = follow(button.closest(".a-attune").querySelector(".a-words"), this.player);
    this.player.onended = this.player.onerror = () => this.stop();
    this.player.play().catch(() => this.stop());
    draw(button, true);
    this.onChange();
  }

  stop() {
    if (!this.player) return;
    this.player.pause();
    URL.revokeObjectURL(this.url);
    this.words.restore();
    draw(this.pressed, false);
    this.player = this.pressed = null;
    this.onChange();
  }
}

function draw(button, isPlaying) {
  button.setAttribute("aria-label", isPlaying ? "Stop" : "Hear this answer again");
  button.title = button.getAttribute("aria-label");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", isPlaying ? STOP : PLAY);
  svg.append(path);
  button.replaceChildren(svg);
}

// Marks the word that is being said: voices do not tell, so it is found by the letters before it.
function follow(line, player) {
  const before = [...line.childNodes];
  const words = [];
  let letters = 0;
  const spans = before.flatMap((node) => {
    if (node.nodeType === Node.ELEMENT_NODE && node.classList.contains("a-sr")) return [node];
    return node.textContent.split(/(?<=\s)/).map((text) => {
      const word = element("span", node.className ?? "", text);
      words.push({ word, from: letters });
      letters += text.length;
      return word;
    });
  });
  line.replaceChildren(...spans);
  const show = () => {
    const reached = (letters * player.currentTime) / (player.duration || Infinity);
    const now = words.filter(({ from }) => from <= reached).at(-1)?.word;
    words.forEach(({ word }) => word.classList.toggle("a-said-now", word === now));
    if (!player.paused) requestAnimationFrame(show);
  };
  player.onplaying = show;
  return { restore: () => line.replaceChildren(...before) };
}

function wav(parts) {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const head = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((c, i) => head.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, OUT_HZ, true);
  head.setUint32(28, 2 * OUT_HZ, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, "data");
  head.setUint32(40, bytes, true);
  return new Blob([head, ...parts], { type: "audio/wav" });
}
