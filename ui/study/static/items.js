// The items of questionnaires. Each tells its answer at once, with the seconds since it was shown.

import { button, make } from "./draw.js";

// Returns a fieldset for `item`; `onAnswer(value, typing)` is called with each answer, for texts with how they
// were written.
export function drawItem(item, number, given, onAnswer) {
  const field = make("fieldset", { "data-item": item.name });
  const optional = item.required ? "" : " (may be left out)";
  // A differential may be nothing but its two ends.
  const asked = item.text || item.labels.join(" – ");
  field.append(make("legend", {}, `${number}. ${asked}${optional}`));
  const draw = { likert, differential, slider, choice, number: numeric, text, grid }[item.form];
  field.append(...draw(item, given, (value, typing = null) => {
    field.classList.remove("missing");
    onAnswer(value, typing);
  }));
  return field;
}

function points(item) {
  const all = [];
  for (let point = item.minimum; point <= item.maximum; point += 1) all.push(point);
  return all;
}

function likert(item, given, answer) {
  const all = points(item);
  const named = item.labels.length === all.length && all.length !== 2;
  const row = make("div", { class: "points", role: "radiogroup" });
  all.forEach((point, index) => {
    const radio = make("input", {
      type: "radio",
      name: item.name,
      value: point,
      checked: given === point,
      "aria-label": named ? item.labels[index] : ended(item, point),
      onchange: () => answer(point),
    });
    const shown = item.picture === "circles" ? circles(index / (all.length - 1)) : null;
    row.append(make("label", {}, shown, radio, named ? item.labels[index] : String(point)));
  });
  return named || item.labels.length < 2 ? [row] : [row, ends(item.labels)];
}

// Two circles that overlap more the higher `share` is, from apart (0) to almost one (1).
function circles(share) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 84 44");
  picture.setAttribute("aria-hidden", "true");
  const distance = 40 * (1 - 0.9 * share);
  for (const side of [-1, 1]) {
    const circle = document.createElementNS(space, "circle");
    circle.setAttribute("cx", 42 + (side * distance) / 2);
    circle.setAttribute("cy", 22);
    circle.setAttribute("r", 20);
    picture.append(circle);
  }
  return picture;
}

function ended(item, point) {
  if (item.labels.length < 2) return String(point);
  if (point === item.minimum) return `${point}, ${item.labels[0]}`;
  if (point === item.maximum) return `${point}, ${item.labels[item.labels.length - 1]}`;
  return String(point);
}

const differential = likert;

function ends(labels) {
  return make("div", { class: "ends", "aria-hidden": "true" }, make("span", {}, labels[0]), make("span", {}, labels[labels.length - 1]));
}

function slider(item, given, answer) {
  const range = make("input", {
    type: "range",
    min: item.minimum,
    max: item.maximum,
    step: 1,
    "aria-label": `${item.text}, from ${item.labels[0] || item.minimum} to ${item.labels[1] || item.maximum}`,
    class: given === undefined || given === null ? "untouched" : "",
  });
  range.value = given ?? (item.minimum + item.maximum) / 2;
  const take = () => {
    range.classList.remove("untouched");
    answer(Number(range.value));
  };
  range.onchange = take;
  // A click on the thumb where it stands is an answer too, though nothing changes.
  range.onpointerup = () => range.classList.contains("untouched") && take();
  range.onkeyup = (event) => event.key === "Enter" && take();
  return item.labels.length > 1 ? [range, ends(item.labels)] : [range];
}

function choice(item, given, answer) {
  return item.labels.map((label) =>
    make(
      "label",
      { class: "choice" },
      make("input", { type: "radio", name: item.name, checked: given === label, onchange: () => answer(label) }),
      label,
    ),
  );
}

function numeric(item, given, answer) {
  const box = make("input", {
    type: "number",
    inputmode: "numeric",
    min: item.minimum,
    max: item.maximum,
    value: given,
    "aria-label": item.text,
    onchange: () => answer(box.value === "" ? null : Number(box.value)),
  });
  return [box, ...item.labels.map((label) => make("span", {}, label))];
}

function text(item, given, answer) {
  const typing = { keys: 0, pasted: 0, seconds: 0 };
  let first = null;
  const box = make("textarea", {
    rows: 3,
    maxlength: item.maximum,
    "aria-label": item.text,
    onkeydown: () => {
      typing.keys += 1;
      first ??= performance.now();
      typing.seconds = (performance.now() - first) / 1000;
    },
    onpaste: (event) => (typing.pasted += event.clipboardData?.getData("text").length ?? 0),
    onchange: () => answer(box.value.trim() || null, { ...typing }),
  });
  box.value = given ?? "";
  return [box];
}

function grid(item, given, answer) {
  const all = points(item);
  const [left, right, bottom, top] = item.labels;
  const field = make("div", { class: "grid", style: `grid-template-columns: repeat(${all.length}, 1fr)` });
  for (const y of [...all].reverse()) {
    for (const x of all) {
      const cell = button("", () => {
        field.querySelectorAll("[aria-pressed=true]").forEach((one) => one.setAttribute("aria-pressed", "false"));
        cell.setAttribute("aria-pressed", "true");
        answer(`${x},${y}`);
      });
      cell.setAttribute("aria-pressed", String(given === `${x},${y}`));
      cell.setAttribute("aria-label", `${x} from ${left} to ${right}, ${y} from ${bottom} to ${top}`);
      field.append(cell);
    }
  }
  const middle = (label) => make("p", { class: "state", style: "font-size:1rem" }, label || "");
  return [middle(top), field, ends([left || "", right || ""]), middle(bottom)];
}
