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
  const last = all.at(-1);
  if (!last) return [];
  const timed = all.filter((turn) => turn.response_s !== null && turn.response_s !== undefined);
  const rows = [
    ["Said so far", all.length === 1 ? "1 turn" : `${all.length} turns`],
    ["Last answer", [speaking(last.style), began(timed.at(-1))].filter(Boolean).join(" ")],
    ["Voice", titleOf("voices", voice)],
    ["Manner", titleOf("policies", policy)],
    ["Model", model],
  ];
  return rows.filter(([, value]) => value);
}

function began(turn) {
  return turn ? `It began after ${seconds(1000 * turn.response_s)}.` : "";
}
