// The emotion of a turn: shown where there is one, and mended by a touch.

import { element } from "./element.js";

export const EMOTIONS = ["neutral", "happy", "angry", "sad", "surprise"];
const SVG = "http://www.w3.org/2000/svg";
const PEN = "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3";
const FACE = "M11 4a8 8 0 1 0 8 9M8 14a4 4 0 0 0 6 0M8.5 9.5v.5M13.5 9.5v.5M19 3v6M16 6h6";
const WHAT_FOLLOWS =
  "Your word counts: from the next answer on Attune goes by it, and it stands in the talk that you save.";

// Returns what is known of the emotion of a turn, if it is more than that nothing was heard in it.
export function feelingOf(turn) {
  if (turn.corrected) return { label: turn.corrected, said: `${turn.corrected}, you said`, kind: "a-own" };
  const heard = turn.emotion;
  if (!heard || heard.label === "neutral") return null;
  if (heard.abstained) return { label: heard.label, said: `perhaps ${heard.label}`, kind: "a-unsure" };
  return { label: heard.label, said: heard.label, kind: "" };
}

// A line that cannot be changed any more, for talks that are over; null where there was no emotion.
export function plainFeeling(turn) {
  const feeling = feelingOf(turn);
  if (!feeling) return null;
  const line = element("p", `a-felt a-is-${feeling.label}`);
  line.append(swatch(feeling.kind), feeling.said);
  return line;
}

// A button that opens the choices; `onCorrect` is told what the person meant.
export function feelingControl(turn, onCorrect) {
  const feeling = feelingOf(turn);
  const box = element("details", `a-emotion a-is-${feeling?.label || "neutral"}`);
  const summary = element("summary");
  if (feeling) summary.append(swatch(feeling.kind), feeling.said, icon(PEN));
  else {
    box.classList.add("a-plain");
    summary.append(icon(FACE));
    summary.title = "Say how you meant it";
  }
  summary.setAttribute("aria-label", `You sounded ${feeling ? feeling.said : "neutral"}. Correct this.`);
  box.append(summary, choices(box, feeling?.label || "neutral", onCorrect));
  return box;
}

function choices(box, current, onCorrect) {
  const group = element("div", "a-choices");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "How did you mean it?");
  group.append(element("span", "a-ask", "How did you mean it?"));
  for (const emotion of EMOTIONS) {
    const button = element("button", `a-chip a-is-${emotion}`);
    button.append(swatch(""), emotion);
    button.type = "button";
    button.setAttribute("aria-pressed", String(emotion === current));
    button.onclick = () => {
      box.open = false;
      onCorrect(emotion);
    };
    group.append(button);
  }
  group.append(element("span", "a-what", WHAT_FOLLOWS));
  return group;
}

export function swatch(kind) {
  return element("span", `a-swatch ${kind}`.trim());
}

function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
