// What is going on, for a screen that has room for it.

import { element } from "./element.js";
import { seconds, speaking } from "./telling.js";

export class Facts {
  constructor(root, list) {
    this.root = root;
    this.list = list;
    this.look = "";
  }

  show(view, titleOf) {
    const rows = facts(view, titleOf);
    const look = JSON.stringify(rows);
    if (look === this.look) return;
    this.look = look;
    this.root.hidden = !rows.length;
    this.list.replaceChildren(
      ...rows.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]),
    );
  }
}

function facts({ turns, voice, policy, model }, titleOf) {
  const all = Object.values(turns);
  if (!all.length) return [];
  const answered = all.findLast((turn) => turn.reply);
  const timed = all.filter((turn) => turn.response_s !== null && turn.response_s !== undefined);
  const rows = [
    ["Said so far", all.length === 1 ? "1 turn" : `${all.length} turns`],
    ["Last answer", answered ? [speaking(answered.style), began(timed.at(-1))].filter(Boolean).join(" ") : ""],
    ["Voice", titleOf("voices", voice)],
    ["Manner", titleOf("policies", policy)],
    ["Model", model],
  ];
  return rows.filter(([, value]) => value);
}

function began(turn) {
  return turn ? `It began after ${seconds(1000 * turn.response_s)}.` : "";
}
