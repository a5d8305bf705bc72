// The page that checks microphone, loudspeaker, headphones and attention.

import { toBase64 } from "/attune/static/sound/audio.js";
import { button, make } from "./draw.js";
import { playTest, playTrial } from "./headphones.js";

const CLIP_FRAMES = Math.round((3 * 16000) / 512);
const LEAST_FRAMES = 60; // two seconds: fewer are full of a click, or of the device's beginning
const LOUD_SHARE = 0.2; // of the loudest frames: those in which somebody speaks

export class SoundPage {
  constructor(page, audio, server) {
    Object.assign(this, { page, audio, server });
    this.levels = [];
    this.loudest = null;
    this.clip = null;
    this.choices = page.trials.map(() => null);
    this.isHeard = !page.word;
  }

  draw() {
    const parts = [this.microphone()];
    if (this.page.trials.length) parts.push(this.headphones());
    if (this.page.word) parts.push(this.attention());
    return parts;
  }

  // What the page carries.
  get values() {
    return { microphone_db: this.loudest, noise_db: this.noise, loudspeaker: this.hears.checked, headphones: this.choices };
  }

  // The level of speech: the mean of the loudest fifth of the frames of late.
  get db() {
    if (this.levels.length < LEAST_FRAMES) return null;
    const loud = [...this.levels].sort((a, b) => b - a).slice(0, Math.ceil(LOUD_SHARE * this.levels.length));
    const power = loud.reduce((sum, value) => sum + value, 0) / loud.length;
    return Math.round(100 * Math.log10(power + 1e-12)) / 10;
  }

  // The quiet tenth of all frames: what is heard of the room.
  get noise() {
    const quiet = [...this.levels].sort((a, b) => a - b)[Math.floor(0.1 * this.levels.length)];
    return quiet === undefined ? null : Math.round(100 * Math.log10(quiet + 1e-12)) / 10;
  }

  frame({ heard }) {
    const power = heard.reduce((sum, value) => sum + (value / 32768) ** 2, 0) / heard.length;
    this.levels.push(power);
    if (this.levels.length > 600) this.levels.shift();
    if (this.clip) this.clip.push(heard.slice());
    const now = 10 * Math.log10(power + 1e-12);
    this.meter.value = Math.max(-70, now);
    if (this.db === null) return;
    // Who has spoken well enough and then listens to tones for a minute has spoken well enough.
    this.loudest = Math.max(this.loudest ?? -Infinity, this.db);
    const db = this.loudest;
    const least = this.page.least_db;
    const verdict = least === null || db >= least ? "good" : "too quiet: speak louder, or come closer";
    this.number.textContent = `Your voice: ${db.toFixed(0)} dB (${verdict})`;
  }

  microphone() {
    this.meter = make("meter", { min: -70, max: 0, low: this.page.least_db ?? -45, value: -70, "aria-label": "level" });
    this.number = make("p", { role: "status" }, "Press the button, allow the microphone, and speak a sentence.");
    const start = button("Turn the microphone on", async () => {
      try {
        await this.audio.listen();
        start.disabled = true;
        start.textContent = "The microphone is on";
      } catch (error) {
        this.number.textContent = error.message;
      }
    });
    const play = button("Play a sound", async () => {
      await this.audio.prepare();
      playTest(this.audio.context);
    });
    this.hears = make("input", { type: "checkbox" });
    return make(
      "section",
      {},
      make("h2", {}, "Microphone and loudspeaker"),
      start,
      this.meter,
      this.number,
      play,
      make("label", { class: "choice" }, this.hears, "I hear the sound well."),
    );
  }

  headphones() {
    const section = make(
      "section",
      {},
      make("h2", {}, "Headphones"),
      make("p", {}, "Please put headphones on. In each trial you hear three tones: choose the softest."),
    );
    this.page.trials.forEach((order, trial) => section.append(this.trial(order, trial)));
    return section;
  }

  trial(order, trial) {
    const field = make("fieldset", {}, make("legend", {}, `Trial ${trial + 1}`));
    const radios = order.map((_, index) =>
      make("input", {
        type: "radio",
        name: `trial-${trial}`,
        disabled: true,
        onchange: () => (this.choices[trial] = index),
      }),
    );
    const play = button("Play", async () => {
      play.disabled = true;
      await this.audio.prepare();
      await playTrial(this.audio.context, order, (tone) => {
        play.textContent = tone < 0 ? "Play again" : `Tone ${tone + 1}`;
      });
      play.disabled = false;
      radios.forEach((radio) => (radio.disabled = false));
    });
    const names = ["first", "second", "third"];
    const labels = radios.map((radio, i) => make("label", { class: "choice" }, radio, names[i]));
    field.append(play, make("div", { class: "row" }, ...labels));
    return field;
  }

  attention() {
    const told = make("p", { role: "status" });
    const press = button(`Record, and say “${this.page.word}”`, async () => {
      press.disabled = true;
      try {
        await this.audio.listen();
        told.textContent = "Speak now …";
        const sound = await this.record();
        told.textContent = "One moment …";
        const { passed, page } = await this.server.ask("attention", { clip: toBase64(sound) });
        this.isHeard = passed;
        told.textContent = passed ? "Thank you, that was heard." : "That was not understood. Please say it again.";
        press.disabled = passed;
        if (page.kind !== "sound") this.onOther(page);
        return;
      } catch (error) {
        told.textContent = error.message;
      }
      press.disabled = false;
    });
    return make("section", {}, make("h2", {}, "Can you be understood?"), press, told);
  }

  async record() {
    this.clip = [];
    while (this.clip.length < CLIP_FRAMES) await new Promise((resolve) => setTimeout(resolve, 50));
    const frames = this.clip;
    this.clip = null;
    const sound = new Int16Array(frames.length * 512);
    frames.forEach((frame, index) => sound.set(frame, index * 512));
    return sound;
  }
}
