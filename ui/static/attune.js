// The page: joins socket, sound and screen. It keeps no conversation of its own.

import { Audio, MicrophoneProblem, decodeFile, toBase64 } from "./audio.js";
import { Orb } from "./orb.js";
import { Screen } from "./screen.js";
import { Socket } from "./socket.js";

const STATUS = {
  "getting ready": "Getting ready …",
  listening: "Listening. Just speak.",
  "you speak": "I hear you …",
  thinking: "Thinking …",
  "both speak": "Go on, I listen …",
  ended: "The talk has ended.",
};

const HAS_KEYS = matchMedia("(hover: hover)").matches;

class Page {
  constructor(root) {
    this.root = root;
    this.pick = (id) => root.querySelector(`#a-${id}`);
    this.settings = { policy: undefined, voice: undefined, patience: undefined, model: undefined };
    this.screen = new Screen(root, { onCorrect: (turn, emotion) => this.correct(turn, emotion) });
    this.audio = new Audio({
      onFrame: (frame) => this.frame(frame),
      onPlayed: (report) => this.played(report),
    });
    this.audio.onLost = () => this.microphoneLost();
    this.orb = new Orb(this.pick("orb"), () => this.audio.levels());
    this.socket = new Socket({
      onEvent: (event) => this.event(event),
      onState: (state) => this.state(state),
    });
    this.hasSession = false;
    this.isInLine = false;
    this.isLive = false;
    this.isMuted = false;
    this.isHolding = false;
    this.waiting = [];
    const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
    if (!isHere) {
      const texts = [root.querySelector(".a-private"), this.pick("disclosure")];
      texts.forEach((node) => (node.textContent = node.textContent.replace("this computer", "this server")));
    }
    this.bind();
    this.offerExamples();
    this.show();
    if (sessionStorage.getItem("attune-session")) this.socket.connect();
    root.dataset.state = "ready";
  }

  bind() {
    const talk = this.pick("talk");
    talk.disabled = false;
    talk.onclick = () => !this.holds && this.toggle();
    talk.onpointerdown = () => this.holds && this.hold(true);
    talk.onpointerup = talk.onpointerleave = talk.onpointercancel = () => this.hold(false);
    talk.oncontextmenu = (event) => this.holds && event.preventDefault();
    this.pick("stop").onclick = () => this.interrupt();
    this.pick("end").onclick = () => this.end();
    this.pick("composer").onsubmit = (event) => {
      event.preventDefault();
      this.type(this.pick("text").value);
      this.pick("text").value = "";
    };
    this.pick("upload").onchange = ({ target }) => {
      if (target.files[0]) this.answerFile(target.files[0]);
      target.value = "";
    };
    this.pick("details").onchange = ({ target }) => {
      this.root.classList.toggle("a-with-details", target.checked);
    };
    this.pick("hold").onchange = () => {
      this.hold(false);
      this.configure();
      this.show();
      // The space bar is for the button then, not for this box.
      if (this.holds) talk.focus();
    };
    this.root.querySelectorAll("[data-save]").forEach((button) => {
      button.onclick = () => this.ask({ type: "attune.transcript.request", format: button.dataset.save });
    });
    addEventListener("keydown", (event) => this.key(event, true));
    addEventListener("keyup", (event) => this.key(event, false));
    addEventListener("blur", () => this.hold(false));
  }

  get holds() {
    return this.pick("hold").checked && this.isLive;
  }

  key(event, isDown) {
    const place = event.target.closest?.("input, textarea, select, button, summary, a, dialog");
    const isElsewhere = place && !(this.holds && place === this.pick("talk"));
    if (event.code === "Escape" && isDown) this.interrupt();
    if (event.code !== "Space" || isElsewhere) return;
    event.preventDefault();
    if (event.repeat) return;
    if (this.holds) this.hold(isDown);
    else if (isDown) this.toggle();
  }

  async toggle() {
    if (this.isInLine) return;
    if (this.isLive) {
      this.isMuted = !this.isMuted;
      this.screen.problem("");
      this.show();
      return;
    }
    if (!(await this.consents())) return;
    this.screen.problem("");
    try {
      await this.audio.listen();
    } catch (error) {
      if (!(error instanceof MicrophoneProblem)) throw error;
      this.screen.problem(error.message);
      return;
    }
    this.isLive = true;
    this.isMuted = false;
    this.socket.connect();
    this.configure();
    this.show();
  }

  consents() {
    if (sessionStorage.getItem("attune-consent")) return Promise.resolve(true);
    const dialog = this.pick("consent");
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.onclose = () => {
        const agreed = dialog.returnValue === "yes";
        if (agreed) sessionStorage.setItem("attune-consent", "yes");
        resolve(agreed);
      };
    });
  }

  hold(isDown) {
    if (isDown === this.isHolding || (isDown && !this.holds)) return;
    this.isHolding = isDown;
    if (isDown) {
      this.screen.problem("");
      this.interrupt();
      this.socket.send({ type: "input_audio_buffer.clear" });
    } else {
      this.socket.send({ type: "input_audio_buffer.commit" });
      this.socket.send({ type: "response.create" });
    }
    this.show();
  }

  frame(frame) {
    // Without a session nobody would know at which rate these samples are.
    if (!this.hasSession || (this.holds && !this.isHolding)) return;
    // Silence while muted: the server's clock goes on, and what was said before is answered.
    if (this.isMuted && !this.holds) frame.fill(0);
    this.socket.send({ type: "input_audio_buffer.append", audio: toBase64(frame) });
  }

  played({ ms, flushed, finished }) {
    if (flushed && this.flushing) {
      // Too late once the next answer has begun: the server's own count stands then.
      this.socket.send({
        type: "conversation.item.truncate",
        event_id: "quiet",
        content_index: 0,
        item_id: this.flushing,
        audio_end_ms: Math.round(ms),
      });
    }
    if (flushed || finished) this.flushing = this.playing = null;
  }

  flush() {
    if (!this.playing) return;
    this.flushing = this.playing;
    this.playing = null;
    this.audio.flush();
  }

  interrupt() {
    if (!this.playing && this.screen.view.floor !== "thinking") return;
    this.flush();
    this.socket.send({ type: "output_audio_buffer.clear" });
  }

  async type(text) {
    if (!text.trim()) return;
    await this.audio.prepare();
    this.question({ type: "input_text", text });
  }

  async answerFile(file) {
    try {
      await this.audio.prepare();
      const samples = await decodeFile(file);
      this.question({ type: "input_audio", audio: toBase64(samples) });
    } catch (error) {
      this.screen.problem(error.message);
    }
  }

  question(part) {
    this.screen.problem("");
    this.ask({ type: "conversation.item.create", item: { type: "message", role: "user", content: [part] } });
    this.ask({ type: "response.cancel", event_id: "quiet" });
    this.ask({ type: "response.create" });
  }

  // Sends now, or as soon as there is a session.
  ask(event) {
    if (this.hasSession) this.socket.send(event);
    else {
      this.waiting.push(event);
      this.socket.connect();
    }
  }

  correct(turn, emotion) {
    this.ask({ type: "attune.emotion.correct", turn, emotion });
  }

  set(name, value) {
    this.settings[name] = value;
    this.configure();
  }

  configure() {
    if (!this.hasSession) return;
    const { policy, voice, patience, model } = this.settings;
    const rate16 = { format: { type: "audio/pcm", rate: 16000 } };
    const turns = this.pick("hold").checked ? null : { type: "semantic_vad" };
    this.socket.send({
      type: "session.update",
      session: {
        type: "realtime",
        ...(model && { model }),
        audio: { input: { ...rate16, turn_detection: turns }, output: voice ? { voice } : {} },
        attune: {
          view: true,
          keep_words: this.pick("keep-words").checked,
          keep_audio: this.pick("keep-audio").checked,
          ...(policy && { policy }),
          ...(patience && { patience }),
        },
      },
    });
  }

  event(event) {
    switch (event.type) {
      case "session.created":
        this.hasSession = true;
        this.isInLine = false;
        if (!this.socket.isResumed) this.screen.clear();
        this.configure();
        this.waiting.splice(0).forEach((waiting) => this.socket.send(waiting));
        break;
      case "attune.waiting":
        this.screen.status(`Many people talk right now. You are number ${event.place} in line; stay on this page.`);
        this.isInLine = true;
        break;
      case "attune.view":
        this.change(event.change);
        break;
      case "response.output_audio.delta":
        if (this.playing !== event.item_id) this.flushing = null;
        this.playing = event.item_id;
        this.audio.play(event.delta);
        break;
      case "response.output_audio.done":
        this.audio.ended();
        break;
      case "attune.output_audio.gain":
        this.audio.duck(event.decibels);
        break;
      case "attune.output_audio.hold":
        this.audio.hold(event.held);
        break;
      case "output_audio_buffer.cleared":
        this.flush();
        break;
      case "attune.transcript":
        save(event.format, event.content);
        break;
      case "error":
        this.failed(event.error);
        break;
    }
    this.show();
  }

  change(change) {
    const before = this.screen.view.floor;
    this.screen.change(change);
    const isDropped = before === "you speak" && this.screen.view.floor === "listening";
    if (isDropped && this.isMuted && !this.holds) {
      this.screen.problem("That was too short to be heard. Unmute and say it again.");
    }
  }

  failed(error) {
    if (error.event_id === "quiet" || error.code === "nothing_to_answer") return;
    const isEmpty = error.code === "input_audio_buffer_commit_empty";
    const remedy = this.holds ? "Hold the button while you speak." : "Is there speech in the recording?";
    this.screen.problem(isEmpty ? `Nothing was heard: too short, or no speech. ${remedy}` : error.message);
  }

  state(state) {
    this.hasSession = this.isInLine = false;
    if (state === "lost") this.screen.status("The connection was lost. Trying again …");
    else this.finish();
    this.show();
  }

  microphoneLost() {
    this.isLive = false;
    this.screen.problem("The microphone was lost. Connect it and press Talk to go on.");
    this.show();
  }

  end() {
    this.socket.end();
    this.finish();
    this.show();
  }

  finish() {
    this.hasSession = this.isInLine = false;
    this.isLive = false;
    this.flush();
    this.audio.deafen();
    this.screen.status("The talk has ended. Press Talk to begin a new one.");
    this.isOver = true;
  }

  show() {
    const { floor, turns } = this.screen.view;
    const isSpeaking = floor === "Attune speaks" || floor === "both speak" || floor === "thinking";
    this.orb.floor = this.isLive || isSpeaking ? floor : "listening";
    const last = Object.values(turns).at(-1);
    this.orb.feel(last && (last.corrected || (!last.emotion?.abstained && last.emotion?.label)));
    const label = this.holds ? "Hold to talk" : this.isMuted ? "Unmute" : "Mute";
    this.pick("talk-label").textContent = this.isInLine ? "In line" : this.isLive ? label : "Talk";
    this.pick("talk").setAttribute("aria-pressed", String(this.isLive && !this.isMuted));
    this.pick("stop").hidden = !isSpeaking || !this.hasSession;
    this.pick("end").hidden = !this.hasSession && !this.isInLine;
    this.pick("end").textContent = this.isInLine ? "Leave the line" : "End the talk";
    this.root.dataset.floor = this.isLive ? floor : isSpeaking ? floor : "idle";
    if (this.hasSession) this.screen.status(this.caption(floor));
    else if (!this.isOver && !this.socket.isWanted) this.screen.status(HAS_KEYS ? "Press Talk, or the space bar." : "Press Talk.");
  }

  caption(floor) {
    if (floor === "Attune speaks") return `Attune speaks.${this.interruption()}`;
    if (floor !== "listening") return STATUS[floor] || floor;
    if (!this.isLive) return "Your turn: type below, or press Talk.";
    if (this.isMuted) return "The microphone is off.";
    if (this.holds && this.isHolding) return "Listening … let go to be answered.";
    if (this.holds) return `Hold the button${HAS_KEYS ? ", or the space bar," : ""} and speak.`;
    return STATUS.listening;
  }

  // How the answer that is being spoken can be interrupted by voice.
  interruption() {
    if (!this.isLive) return "";
    if (this.holds) return " Hold the button to interrupt.";
    return this.isMuted ? " The microphone is off." : " Speak to interrupt.";
  }

  async offerExamples() {
    const response = await fetch(new URL("attune/examples", document.baseURI));
    const examples = response.ok ? await response.json() : [];
    const buttons = examples.map(({ name, url }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "a-chip";
      button.textContent = name;
      button.onclick = async () => {
        await this.audio.prepare();
        const sound = await fetch(new URL(url, document.baseURI));
        this.answerFile(new File([await sound.blob()], "example.wav"));
      };
      return button;
    });
    this.pick("examples").replaceChildren(...buttons);
  }
}

function save(format, content) {
  const types = { md: "text/markdown", json: "application/json", vtt: "text/vtt" };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: types[format] }));
  link.download = `attune-talk.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Gradio draws the page after this script has loaded.
function whenDrawn(begin) {
  const find = () => document.getElementById("attune");
  if (find()) return begin(find());
  const watch = new MutationObserver(() => {
    if (!find()) return;
    watch.disconnect();
    begin(find());
  });
  return watch.observe(document.documentElement, { childList: true, subtree: true });
}

whenDrawn((root) => {
  window.attune = new Page(root);
});
