// The course of emotion over the talk: a lane for each emotion, the time below, a sign for each turn.

import { element } from "./element.js";
import { swatch } from "./feeling.js";

const LANES = ["happy", "surprise", "neutral", "sad", "angry"];
const MOST_TURNS = 40;
const LEAST_S = 30;
const TICKS_S = [10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];
const MOST_TICKS = 4;
const SVG = "http://www.w3.org/2000/svg";

// Returns the nodes of the plot. `turns` says when each turn began.
export function coursePlot(course, turns) {
  const shown = course.slice(-MOST_TURNS);
  const starts = shown.map(({ turn }) => turns[turn]?.start_s ?? 0);
  const from = course.length > MOST_TURNS ? starts[0] : 0;
  const span = Math.max(LEAST_S, (starts.at(-1) ?? 0) - from);
  const places = shown.map((point, index) => ({
    point,
    x: 2 + (96 * (starts[index] - from)) / span,
    y: middle(LANES.indexOf(point.emotion)),
  }));
  const names = element("div", "a-lanes");
  names.append(...LANES.map(lane));
  const area = element("div", "a-area");
  area.append(...LANES.map(rule), line(places), ...places.map(sign));
  return [names, area, times(from, span)];
}

// The course in words, for who does not see it.
export function courseWords(course) {
  const points = course.map(({ turn, emotion, certain, corrected }) => {
    const how = corrected ? ", your word" : certain ? "" : ", unsure";
    return `turn ${turn + 1} ${emotion}${how}`;
  });
  return `Course of emotion: ${points.join("; ")}`;
}

function middle(lane) {
  return (100 * (lane + 0.5)) / LANES.length;
}

function lane(name) {
  const label = element("span", `a-is-${name}`);
  label.append(swatch(""), name);
  return label;
}

function rule(_name, lane) {
  const node = element("i");
  node.style.top = `${middle(lane)}%`;
  return node;
}

function line(places) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  const path = document.createElementNS(SVG, "polyline");
  path.setAttribute("points", places.map(({ x, y }) => `${x},${y}`).join(" "));
  svg.append(path);
  return svg;
}

function sign({ point, x, y }) {
  const kind = point.corrected ? "a-own" : point.certain ? "" : "a-unsure";
  const node = swatch(kind);
  node.classList.add(`a-is-${point.emotion}`);
  node.style.left = `${x}%`;
  node.style.top = `${y}%`;
  const sure = point.corrected ? "your word" : `${Math.round(100 * point.confidence)} %`;
  node.title = `turn ${point.turn + 1}: ${point.emotion}, ${sure}`;
  return node;
}

function times(from, span) {
  const every = TICKS_S.find((tick) => span / tick <= MOST_TICKS) ?? 3600;
  const row = element("div", "a-times");
  for (let at = 0; at <= span; at += every) {
    const label = element("span", "", clock(from + at));
    label.style.left = `${2 + (96 * at) / span}%`;
    row.append(label);
  }
  return row;
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
