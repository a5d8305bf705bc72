// A talk as a file to take home, made here, so that it can be saved when the server is gone.
// `ui/saved_talk.py` writes the same.

import { ways } from "../screen/telling.js";

const TYPES = { md: "text/markdown", json: "application/json", vtt: "text/vtt" };
const READ_S = 2;
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\s]+/g;

export function savedTalk(view, format) {
  if (format === "json") return `${JSON.stringify(view, null, 2)}\n`;
  return format === "vtt" ? captions(view) : markdown(view);
}

export function download(view, format) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([savedTalk(view, format)], { type: TYPES[format] }));
  link.download = `attune-talk.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function turnsOf(view) {
  return Object.values(view.turns).filter((turn) => !turn.passed_over).sort((a, b) => a.turn - b.turn);
}

function markdown(view) {
  const turns = turnsOf(view);
  let before = turns.length ? turns[0].settings : view.settings;
  const begun = `Begun with ${settings(before)}. Words and emotions are estimates of a machine.`;
  const parts = ["# A talk with Attune", begun];
  for (const turn of turns) {
    parts.push(...changes(before, turn.settings), ...turnMarkdown(turn));
    before = turn.settings;
  }
  return `${[...parts, ...changes(before, view.settings)].join("\n\n")}\n`;
}

function settings(values) {
  return Object.entries(values)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`)
    .join(", ");
}

function changes(before, after) {
  // Instructions are told when they change, and stand in no turn.
  const isKnown = (name) => name in before || (name !== "instructions" && "model" in before);
  const names = Object.keys(after).filter((name) => isKnown(name) && before[name] !== after[name]);
  const changed = Object.fromEntries(names.map((name) => [name, after[name]]));
  return names.length ? [`*From here on: ${settings(changed)}.*`] : [];
}

function turnMarkdown(turn) {
  const span = turn.typed ? "typed" : `${turn.start_s.toFixed(1)}-${turn.end_s.toFixed(1)} s`;
  const about = [span, emotion(turn)].filter(Boolean).join(", ");
  const manner = ways(turn.style).join(", ");
  const parts = [
    `**You** (${about}): ${words(turn)}`,
    `**Attune**${manner ? ` (${manner})` : ""}: ${said(turn)}`,
  ];
  if (turn.failure !== null) parts.push(`*${oneLine(turn.failure)}*`);
  if (Object.keys(turn.settings).length) parts.push(`*Answered with ${settings(turn.settings)}.*`);
  return parts;
}

function emotion({ corrected, emotion: heard }) {
  if (corrected) return `${corrected}, as you said`;
  if (!heard) return "";
  const doubt = heard.abstained ? "unsure, perhaps " : "";
  return `${doubt}${heard.label}, ${(100 * heard.confidence).toFixed(0)} percent`;
}

function words(turn) {
  return oneLine(turn.words || "") || "(no words understood)";
}

function said(turn) {
  if (turn.interrupted) return `${oneLine(turn.heard) || "(nothing was heard)"} … (interrupted)`;
  return oneLine(turn.heard || turn.reply) || "(nothing was heard)";
}

function captions(view) {
  const cues = ["WEBVTT", ""];
  for (const turn of turnsOf(view)) {
    cues.push(...cue(turn.start_s, turn.end_s, "You", words(turn)));
    const [start, end, heard] = [turn.reply_start_s, turn.reply_end_s, oneLine(turn.heard || "")];
    if (start != null && end != null && heard) cues.push(...cue(start, end, "Attune", heard));
  }
  return cues.join("\n");
}

function cue(start, end, who, text) {
  // What is typed took no time: it is shown for as long as it takes to read.
  const until = end > start ? end : start + READ_S;
  // Cue text may not hold an arrow or a tag.
  const safe = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("-->", "→");
  return [`${time(start)} --> ${time(until)}`, `<v ${who}>${safe}`, ""];
}

function oneLine(text) {
  return text.replace(UNSAFE, " ").trim();
}

function time(seconds) {
  const minutes = Math.floor(Math.max(0, seconds) / 60);
  const two = (value) => String(value).padStart(2, "0");
  const rest = (Math.max(0, seconds) - 60 * minutes).toFixed(3).padStart(6, "0");
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${rest}`;
}
