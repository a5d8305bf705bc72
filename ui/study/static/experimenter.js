// The experimenter's page: looks every second, and sends lines to be said and corrections of emotions.

import { button, make } from "./draw.js";

const pick = (id) => document.getElementById(id);
const drawn = new Map();
const HEADS = ["Turn", "Understood", "Emotion", "Answer"];
let isLost = false;

async function post(action, fields) {
  const reply = await fetch(`/experimenter/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fields),
  });
  problem(reply.ok ? "" : (await reply.json()).message || "That did not work.");
  await look();
}

function problem(text) {
  pick("problem").textContent = text;
  pick("problem").hidden = !text;
}

async function look() {
  try {
    const reply = await fetch("/experimenter/state");
    show(await reply.json());
    if (isLost) problem("");
    isLost = false;
  } catch {
    isLost = true;
    problem("The server does not answer.");
  }
}

// Draws the cells of a table that are new or have changed, and leaves all others where they are: a list that is
// open, or a button that is being pressed, would go with them. What a cell with something to press stands for
// is in its `data-about`.
function rows(body, items, draw) {
  items.forEach((item, index) => {
    const made = draw(item);
    const old = body.children[index];
    if (!old) return body.append(made);
    [...made.children].forEach((cell, column) => {
      const before = old.children[column];
      if (!cell.isEqualNode(before)) before.replaceWith(cell);
    });
  });
  while (body.children.length > items.length) body.lastElementChild.remove();
}

function show({ status, people, talks, emotions }) {
  pick("status").textContent = status.join("\n");
  rows(pick("people"), people, person);
  const names = new Set(talks.map(key));
  for (const [name, card] of drawn) {
    if (names.has(name)) continue;
    card.remove();
    drawn.delete(name);
  }
  talks.forEach((talk) => update(talk, emotions));
}

// Of each conversation a card of its own: the next one of the same person is another.
function key({ participant, step, attempt }) {
  return `${participant} ${step} ${attempt}`;
}

function person(one) {
  const exclude = button("Exclude …", () => {
    const reason = prompt(`Why is ${one.participant} to be left out of the analysis?`);
    if (reason) post("exclude", { participant: one.participant, reason });
  });
  const notes = one.exclusions.length ? ` (excluded: ${one.exclusions.join("; ")})` : "";
  return make(
    "tr",
    {},
    make("td", {}, one.participant),
    make("td", {}, one.status + notes),
    make("td", {}, one.step),
    make("td", {}, `${one.done} of ${one.of}`),
    make("td", {}, one.last_utc.slice(0, 19).replace("T", " ")),
    make("td", { "data-about": one.participant }, exclude),
  );
}

// Cards stay, so that a line that is being written is not lost when the page looks again.
function update(talk, emotions) {
  if (!drawn.has(key(talk))) {
    const card = newCard(talk);
    drawn.set(key(talk), card);
    pick("talks").append(card);
  }
  const card = drawn.get(key(talk));
  card.querySelector("form").hidden = talk.is_over;
  card.querySelector(".over").hidden = !talk.is_over;
  card.querySelector(".waits").textContent = talk.waits_for_line ? `Said, and waiting: ${talk.waits_for_line}` : "";
  card.querySelector(".alert").textContent = talk.help ? "Words of danger to life: help was offered. Look after this person." : "";
  rows(card.querySelector("tbody"), talk.turns, (turn) => row(talk, turn, emotions));
}

function newCard(talk) {
  const line = make("input", { type: "text", "aria-label": "What the assistant says next" });
  const form = make("form", {}, line, make("button", {}, "Say this"));
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = line.value.trim();
    if (text) post("say", { participant: talk.participant, text });
    line.value = "";
  };
  const kind = talk.is_wizard ? "; the assistant says what you write" : "";
  return make(
    "section",
    { class: "card", "aria-label": `Conversation with ${talk.participant}`, tabindex: 0 },
    make("h2", {}, `${talk.participant}, ${talk.step}${kind}`),
    make("p", { class: "alert", role: "alert" }),
    make("table", {}, make("thead", {}, make("tr", {}, ...HEADS.map((head) => make("th", {}, head)))), make("tbody", {})),
    make("p", { class: "waits", role: "status" }),
    make("p", { class: "over", hidden: true }, "Over. Emotions can be corrected until the next conversation, for a quarter of an hour."),
    form,
  );
}

function row(talk, turn, emotions) {
  const select = make("select", { "aria-label": `emotion of turn ${turn.turn}` });
  ["", ...emotions].forEach((emotion) => select.append(make("option", { selected: emotion === turn.emotion }, emotion)));
  select.onchange = () => post("correct", { participant: talk.participant, turn: turn.turn, emotion: select.value });
  return make(
    "tr",
    {},
    make("td", {}, String(turn.turn)),
    make("td", {}, turn.words),
    make("td", { "data-about": [talk.participant, turn.turn, turn.emotion] }, select, turn.corrected ? " corrected" : ""),
    make("td", {}, turn.reply),
  );
}

look();
setInterval(look, 1000);
