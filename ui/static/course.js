// The course of emotion over the talk: a lane for each emotion, a dot for each turn.

import { element } from "./element.js";

const LANES = ["happy", "surprise", "neutral", "sad", "angry"];
const MOST_TURNS = 40;
const SVG = "http://www.w3.org/2000/svg";

// Returns the nodes of the plot: lanes with their names, a line, dots as large as they are sure.
export function coursePlot(course) {
  const shown = course.slice(-MOST_TURNS);
  const places = shown.map((point, index) => ({
    point,
    x: (100 * (index + 0.5)) / Math.max(shown.length, 8),
    y: (100 * (LANES.indexOf(point.emotion) + 0.5)) / LANES.length,
  }));
  const names = element("div", "a-lanes");
  names.append(...LANES.map((name) => element("span", `a-is-${name}`, name)));
  const area = element("div", "a-area");
  area.append(...LANES.map(() => element("i")), line(places), ...places.map(dot));
  return [names, area];
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

function dot({ point, x, y }) {
  const node = element("b", `a-is-${point.emotion}`);
  node.style.left = `${x}%`;
  node.style.top = `${y}%`;
  node.style.setProperty("--share", point.corrected ? 1 : point.confidence);
  node.classList.toggle("a-unsure", !point.certain && !point.corrected);
  const sure = point.corrected ? "as you said" : `${Math.round(100 * point.confidence)} %`;
  node.title = `turn ${point.turn + 1}: ${point.emotion}, ${sure}`;
  return node;
}
