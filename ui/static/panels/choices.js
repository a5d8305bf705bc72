// The settings that the person chooses: what they ask for, and what is in force by the server's word.

import { element } from "../screen/element.js";

const KEPT = "attune-choices";
const PERSISTENT = ["policy", "voice", "patience", "speed", "model"];
const STEP = { slower: 1 / 1.2, faster: 1.2 };
const [SLOWEST, FASTEST] = [0.6, 1.5];

const GROUPS = [
  ["voices", "voice", "voices"],
  ["manners", "policy", "policies"],
];

export class Choices {
  constructor(pick, onChange) {
    this.pick = pick;
    this.onChange = onChange;
    // What this browser chose the last time; the server takes of it what there still is.
    this.values = Object.fromEntries(PERSISTENT.map((name) => [name, kept()[name]]));
    this.unanswered = 0;
    this.offers = { voices: [], policies: [], models: [] };
    const patience = pick("patience");
    patience.oninput = () => this.sayPatience();
    patience.onchange = () => this.set("patience", Number(patience.value));
    const speed = pick("speed");
    speed.oninput = () => this.saySpeed();
    speed.onchange = () => this.set("speed", Number(speed.value));
    pick("settings-open").onclick = () => this.open();
    this.show();
  }

  // What there is to choose: voices and manners with a name and a sentence, models.
  async load() {
    const response = await fetch(new URL("attune/offers", document.baseURI));
    if (!response.ok) return;
    this.offers = await response.json();
    for (const [group, name, offered] of GROUPS) {
      const place = this.pick(group);
      place.append(...this.offers[offered].map((offer) => this.option(name, offer)));
    }
    this.pick("models").append(
      ...this.offers.models.map((model) => this.option("model", { name: model, title: model })),
    );
    this.show();
  }

  // Returns how people call a voice or a manner.
  titleOf(offered, name) {
    return this.offers[offered].find((offer) => offer.name === name)?.title ?? name;
  }

  option(setting, { name, title, about }) {
    const row = element("div", "a-option");
    const button = element("input");
    Object.assign(button, { type: "radio", name: `a-${setting}`, value: name, id: `a-${setting}-${name}` });
    button.onchange = () => this.set(setting, name);
    const label = element("label");
    label.htmlFor = button.id;
    label.append(element("b", "", title));
    if (about) label.append(element("small", "", about));
    row.append(button, label);
    if (setting === "voice") row.append(this.sample(name, title));
    return row;
  }

  sample(name, title) {
    const button = element("button", "a-quiet a-small", "Hear it");
    button.type = "button";
    button.setAttribute("aria-label", `Hear ${title}`);
    button.onclick = () => {
      this.player ||= new window.Audio();
      this.player.src = new URL(`attune/sample.wav?voice=${encodeURIComponent(name)}`, document.baseURI);
      this.player.onerror = () => (button.textContent = "Cannot speak");
      this.player.play().catch(() => {});
    };
    return button;
  }

  open() {
    this.show();
    const dialog = this.pick("settings");
    dialog.onclose = () => this.player?.pause();
    dialog.showModal();
  }

  sayPatience() {
    const times = Number(this.pick("patience").value);
    const about = times < 0.85 ? "short" : times <= 1.15 ? "as usual" : times <= 1.8 ? "longer" : "long";
    this.pick("patience-said").textContent = `${about} (× ${times.toFixed(1)})`;
  }

  saySpeed() {
    const times = Number(this.pick("speed").value);
    const about = times < 0.95 ? "slower" : times <= 1.05 ? "as usual" : "faster";
    this.pick("speed-said").textContent = `${about} (× ${times.toFixed(2)})`;
  }

  // "Slower" was said: this talk goes by it already, and so do those to come.
  spoken(control) {
    const speed = (kept().speed ?? 1) * (STEP[control] ?? 1);
    keep({ ...kept(), speed: Math.round(100 * Math.min(FASTEST, Math.max(SLOWEST, speed))) / 100 });
  }

  // A new talk begins with what was kept of the last one.
  beginAnew() {
    this.values = { ...this.values, speed: kept().speed };
    this.show();
  }

  set(name, value) {
    if (this.values[name] === value) return;
    this.values[name] = value;
    keep({ ...kept(), [name]: value });
    this.show();
    this.onChange();
  }

  // A talk goes on. A page that was loaded anew shows what is in force; another one asks for what
  // was chosen while nobody was there.
  begin(session, isResumed) {
    this.unanswered = 0;
    if (isResumed && !this.session) this.adopt(session);
  }

  asked() {
    this.unanswered += 1;
  }

  // What was asked for is in force; or refused, and what was in force stays. While more is on its
  // way to the server, its word is not the last one.
  answered(session = this.session) {
    this.unanswered = Math.max(0, this.unanswered - 1);
    if (!this.unanswered && session) this.adopt(session);
  }

  adopt(session) {
    this.session = session;
    const { attune, audio } = session;
    // A model that was chosen counts from the next talk on.
    const model = this.values.model ?? session.model;
    const { voice, speed } = audio.output;
    this.values = { policy: attune.policy, voice, patience: attune.patience, speed, model };
    this.pick("hold").checked = audio.input.turn_detection === null;
    this.pick("keep-words").checked = attune.keep_words;
    this.pick("keep-audio").checked = attune.keep_audio;
    this.show();
  }

  show() {
    const { voice, policy, model, patience } = this.values;
    const { voices, policies, models } = this.offers;
    const first = { voice: voices[0]?.name, policy: policies[0]?.name, model: models[0] };
    for (const [name, value] of Object.entries({ voice, policy, model })) {
      const shown = value ?? first[name];
      this.pick("settings").querySelectorAll(`input[name="a-${name}"]`).forEach((button) => {
        button.checked = button.value === shown;
      });
    }
    if (patience !== undefined) this.pick("patience").value = patience;
    this.pick("speed").value = this.values.speed ?? 1;
    this.sayPatience();
    this.saySpeed();
  }
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) || {};
  } catch {
    return {};
  }
}

function keep(values) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(values));
  } catch {
    // A browser that keeps nothing chooses anew each time.
  }
}
