// What is remembered between talks: a list that its owner sees, mends and erases.

import { element } from "../screen/element.js";

export class Memory {
  constructor(pick) {
    this.pick = pick;
    this.isOffered = !pick("memory").hidden;
    this.declined = new Set();
    if (!this.isOffered) return;
    pick("memory-on").onchange = ({ target }) => this.change({ action: target.checked ? "on" : "off" });
    pick("memory-add").onclick = () => this.add();
    pick("memory-new").onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.add();
    };
    pick("memory-erase").onclick = () => {
      if (confirm("Forget everything that was kept between talks? This cannot be undone.")) this.change({ action: "erase" });
    };
    pick("settings-open").addEventListener("click", () => this.load());
    const suggestion = pick("suggestion");
    suggestion.querySelectorAll("button").forEach((button) => {
      button.onclick = () => this.answer(button.value === "yes");
    });
  }

  async load() {
    this.take(await fetch(this.address));
  }

  get address() {
    return new URL("attune/memory", document.baseURI);
  }

  async change(change) {
    const response = await fetch(this.address, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(change),
    });
    await this.take(response);
    return response.ok;
  }

  async take(response) {
    const told = await response.json();
    const box = this.pick("memory-problem");
    box.hidden = response.ok;
    box.textContent = response.ok ? "" : told.problem || "This could not be changed.";
    if (response.ok) this.show(told);
  }

  show({ on, facts }) {
    this.pick("memory-on").checked = on;
    this.pick("memory-erase").hidden = !facts.length;
    this.pick("memory-list").replaceChildren(...facts.map((fact, index) => this.row(fact, index + 1)));
  }

  row(fact, number) {
    const row = element("li");
    const box = element("input");
    Object.assign(box, { type: "text", value: fact, maxLength: 200 });
    box.setAttribute("aria-label", `Remembered, number ${number}`);
    box.onchange = () => this.change({ action: "change", number, fact: box.value });
    const button = element("button", "a-quiet a-small", "Forget");
    button.type = "button";
    button.setAttribute("aria-label", `Forget: ${fact}`);
    button.onclick = () => this.change({ action: "remove", number });
    row.append(box, button);
    return row;
  }

  async add() {
    const box = this.pick("memory-new");
    if (box.value.trim() && (await this.change({ action: "add", fact: box.value }))) box.value = "";
  }

  // Something was said that may be worth keeping: it is asked, and nothing is kept without a yes.
  suggest(fact) {
    if (!this.isOffered) return;
    const box = this.pick("suggestion");
    this.suggested = fact;
    box.hidden = !fact || this.declined.has(fact);
    box.querySelector("span").textContent = `Remember for the next talk: “${fact}”?`;
  }

  async answer(isWanted) {
    const fact = this.suggested;
    this.declined.add(fact);
    this.pick("suggestion").hidden = true;
    if (isWanted) await this.change({ action: "add", fact });
  }
}
