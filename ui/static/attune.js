// The page: joins socket, sound and screen. It keeps no conversation of its own.

import { Audio, MicrophoneProblem, decodeFile, toBase64 } from "./audio.js";
import { Choices } from "./choices.js";
import { Orb } from "./orb.js";
import { Outbox } from "./outbox.js";
import { Past, keepUnderWay, takeUnderWay } from "./past.js";
import { download } from "./saved.js";
import { Screen } from "./screen.js";
import { Socket } from "./socket.js";
import { Typed } from "./typed.js";

const STATUS = {
  "getting ready": "Getting ready …",
  listening: "Listening. Just speak.",
  "you speak": "I hear you …",
  thinking: "Thinking …",
  "both speak": "Go on, I listen …",
  ended: "The talk has ended.",
};

const HAS_KEYS = matchMedia("(hover: hover)").matches;
const INTERRUPTED = "The sound is interrupted, perhaps by a call. You are not heard just now.";
const ENDED = "The talk has ended. Press Talk to begin a new one.";
const FORGOTTEN =
  "The server was restarted: this talk is over, and kept below to be saved. Press Talk to begin a " +
  "new one.";
const SETTINGS = "settings";

class Page {
  constructor(root) {
    this.root = root;
    this.pick = (id) => root.querySelector(`#a-${id}`);
    this.choices = new Choices(this.pick, () => this.configure());
    this.screen = new Screen(root, { onCorrect: (turn, emotion) => this.correct(turn, emotion) });
    this.audio = new Audio({
      onFrame: (frame) => this.frame(frame),
      onPlayed: (report) => this.played(report),
      onBreak: () => this.show(),
      onLost: () => this.microphoneLost(),
      onDevices: () => this.isMicrophoneLost && this.hasSession && this.reopen(),
    });
    this.orb = new Orb(this.pick("orb"), () => this.audio.levels());
    this.socket = new Socket({
      onEvent: (event) => this.event(event),
      onState: (state) => this.state(state),
    });
    this.outbox = new Outbox((event) => this.socket.send(event));
    this.typed = new Typed(this.pick("text"), this.pick("log"));
    this.past = new Past(this.pick("past"));
    this.over = "";
    this.hasSession = false;
    this.isInLine = false;
    this.isLive = false;
    this.isMuted = false;
    this.isHolding = false;
    this.isMicrophoneLost = false;
    const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
    if (!isHere) {
      const texts = [root.querySelector(".a-private"), this.pick("disclosure")];
      texts.forEach((node) => (node.textContent = node.textContent.replace("this computer", "this server")));
    }
    this.bind();
    this.offerExamples();
    this.goOn();
    this.show();
    root.dataset.state = "ready";
  }

  // A page that is loaded anew goes on with its talk; what cannot go on is shown as a past one.
  goOn() {
    const view = takeUnderWay();
    if (this.socket.hasTalk) {
      if (view) this.screen.change({ ...view, notices: [] });
      this.socket.connect();
    } else if (view) this.past.add(view);
    const keep = () => keepUnderWay(this.screen.view);
    addEventListener("pagehide", keep);
    document.addEventListener("visibilitychange", () => document.hidden && keep());
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
      this.type(this.pick("text").value.trim());
    };
    this.pick("wake").onclick = () => this.wake();
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
      button.onclick = () => download(this.screen.view, button.dataset.save);
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
      if (this.audio.isAsleep) this.wake();
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
    this.isMuted = this.isMicrophoneLost = false;
    this.socket.connect();
    this.configure();
    this.show();
  }

  async wake() {
    try {
      await this.audio.wake();
    } catch (error) {
      if (!(error instanceof MicrophoneProblem)) throw error;
      this.microphoneGone(error.message);
    }
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
      if (this.audio.isAsleep) this.wake();
      this.interrupt();
      this.outbox.put({ type: "input_audio_buffer.clear" });
    } else {
      this.outbox.put({ type: "input_audio_buffer.commit" });
      this.outbox.put({ type: "response.create" });
    }
    this.show();
  }

  frame({ heard, played }) {
    // In line the page says that nobody listens yet.
    if (this.isInLine || (this.holds && !this.isHolding)) return;
    // Silence while muted: the server's clock goes on, and what was said before is answered.
    // Not exact zeros: those are what a microphone gives that is muted without anybody knowing it.
    if (this.isMuted && !this.holds) heard.fill(1);
    this.outbox.put({
      type: "input_audio_buffer.append",
      audio: toBase64(heard),
      attune_played: played ? toBase64(played) : "",
    });
  }

  played({ ms, flushed, finished }) {
    // Too late once the next answer has begun: the server's own count stands then.
    if (flushed && this.flushing) this.truncate(this.flushing, ms);
    if (flushed || finished) this.flushing = this.playing = null;
  }

  truncate(item_id, ms) {
    const place = { item_id, content_index: 0, audio_end_ms: Math.round(ms) };
    this.socket.send({ type: "conversation.item.truncate", event_id: "quiet", ...place });
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
    await this.audio.prepare();
    const id = this.typed.send(text);
    if (id) this.question({ type: "input_text", text }, id);
    this.show();
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

  question(part, id) {
    this.screen.problem("");
    const item = { ...(id && { id }), type: "message", role: "user", content: [part] };
    this.outbox.put({ type: "conversation.item.create", event_id: id, item });
    this.outbox.put({ type: "response.cancel", event_id: "quiet" });
    this.outbox.put({ type: "response.create", event_id: id });
    this.socket.connect();
  }

  correct(turn, emotion) {
    if (!this.hasSession) this.screen.problem("This can be corrected while the talk goes on only.");
    this.socket.send({ type: "attune.emotion.correct", turn, emotion });
  }

  // Called by Gradio's part of the page.
  set(name, value) {
    this.choices.set(name, value);
  }

  configure() {
    if (!this.hasSession) return;
    this.choices.asked();
    const { policy, voice, patience, model } = this.choices.values;
    const rate16 = { format: { type: "audio/pcm", rate: 16000 } };
    const turns = this.pick("hold").checked ? null : { type: "semantic_vad" };
    this.socket.send({
      type: "session.update",
      event_id: SETTINGS,
      session: {
        type: "realtime",
        // A model holds a talk from its beginning to its end.
        ...(model && this.screen.isEmpty && { model }),
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
        this.opened(event.session);
        break;
      case "session.updated":
        this.choices.answered(event.session);
        break;
      case "attune.waiting":
        if (this.isForgotten()) break;
        this.isInLine = true;
        this.place = event.place;
        break;
      case "attune.view":
        this.change(event.change);
        break;
      case "conversation.item.added":
        this.typed.take(event.item.id);
        break;
      case "conversation.item.deleted":
        this.unanswered(this.typed.giveBack(event.item_id));
        break;
      case "input_audio_buffer.speech_started":
        // After a break the answer may still be spoken here although its time is over.
        this.flush();
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
      case "error":
        this.failed(event.error);
        break;
    }
    this.show();
  }

  opened(session) {
    if (this.isForgotten()) return;
    this.isInLine = false;
    this.choices.begin(session, this.socket.isResumed);
    if (!this.socket.isResumed) {
      this.past.add(this.screen.view);
      this.screen.clear();
    }
    this.over = "";
    this.hasSession = true;
    this.configure();
    const lost_s = this.outbox.open();
    if (lost_s > 0.5) this.screen.problem("Connecting took long: only the last ten seconds of what you said are heard.");
  }

  // Whether the server does not know the talk any more that is on the screen; it is over then.
  isForgotten() {
    if (this.socket.isResumed || !this.socket.isAskedToResume || this.screen.isEmpty) return false;
    this.socket.end();
    this.finish(FORGOTTEN);
    return true;
  }

  change(change) {
    const before = this.screen.view.floor;
    this.screen.change(change);
    this.typed.match(this.screen.view.turns);
    const isDropped = before === "you speak" && this.screen.view.floor === "listening";
    if (isDropped && this.isMuted && !this.holds) {
      this.screen.problem("That was too short to be heard. Unmute and say it again.");
    }
  }

  unanswered(text) {
    if (text) this.screen.problem(`What you typed was not answered. Send it again: ${text}`);
  }

  failed(error) {
    if (error.event_id === "quiet" || error.code === "nothing_to_answer") return;
    if (error.event_id === SETTINGS) this.choices.answered();
    const { event_id: id } = error;
    // Sent twice after a break: it was there already.
    if (error.param === "item.id" && this.typed.sent.has(id)) return this.typed.take(id);
    this.typed.giveBack(id);
    const isEmpty = error.code === "input_audio_buffer_commit_empty";
    const remedy = this.holds ? "Hold the button while you speak." : "Is there speech in the recording?";
    this.screen.problem(isEmpty ? `Nothing was heard: too short, or no speech. ${remedy}` : error.message);
  }

  state(state) {
    this.hasSession = this.isInLine = false;
    const wasOpen = this.outbox.isOpen;
    this.outbox.close();
    if (state !== "lost") this.finish();
    // What went out last may not have arrived.
    else if (wasOpen) this.typed.untaken.forEach(([id, text]) => this.question({ type: "input_text", text }, id));
    this.show();
  }

  async microphoneLost() {
    // What was said so far is answered.
    if (this.holds) this.hold(false);
    else this.outbox.put({ type: "input_audio_buffer.commit", event_id: "quiet" });
    await this.reopen("The microphone was lost; another one hears you now.");
  }

  // Opens the microphone that is there now.
  async reopen(text = "The microphone is back.") {
    try {
      await this.audio.listen();
      this.isLive = true;
      this.isMicrophoneLost = false;
      this.screen.problem(text);
    } catch (error) {
      if (!(error instanceof MicrophoneProblem)) throw error;
      this.microphoneGone(error.message);
    }
    this.show();
  }

  microphoneGone(advice) {
    this.isLive = false;
    this.isMicrophoneLost = true;
    this.screen.problem(`The microphone was lost. ${advice}`);
    this.show();
  }

  end() {
    // The rest of an answer that was interrupted by a break is not heard any more.
    if (this.playing && this.audio.isInterrupted) this.truncate(this.playing, this.audio.playedMs);
    this.socket.end();
    this.finish();
    this.show();
  }

  finish(over = ENDED) {
    this.hasSession = this.isInLine = false;
    this.isLive = this.isMicrophoneLost = false;
    this.outbox.close();
    this.outbox.clear();
    this.typed.end();
    this.flush();
    this.audio.deafen();
    this.over = over;
  }

  show() {
    const { floor, turns } = this.screen.view;
    const isSpeaking = this.hasSession && ["Attune speaks", "both speak", "thinking"].includes(floor);
    const isAsleep = this.audio.isInterrupted && (this.hasSession || this.isLive);
    this.orb.floor = !isAsleep && (this.isLive || isSpeaking) ? floor : "listening";
    const last = Object.values(turns).at(-1);
    this.orb.feel(last && (last.corrected || (!last.emotion?.abstained && last.emotion?.label)));
    const label = this.holds ? "Hold to talk" : this.isMuted ? "Unmute" : "Mute";
    this.pick("talk-label").textContent = this.isInLine ? "In line" : this.isLive ? label : "Talk";
    this.pick("talk").setAttribute("aria-pressed", String(this.isLive && !this.isMuted));
    this.pick("stop").hidden = !isSpeaking || !this.hasSession;
    this.pick("wake").hidden = !isAsleep;
    this.pick("end").hidden = !this.socket.isWanted;
    this.pick("end").textContent = this.isInLine ? "Leave the line" : "End the talk";
    this.root.dataset.floor = isAsleep ? "interrupted" : this.isLive || isSpeaking ? floor : "idle";
    this.screen.status(isAsleep ? INTERRUPTED : this.situation(floor));
  }

  situation(floor) {
    if (this.hasSession) return this.caption(floor);
    if (this.isInLine) return `Many people talk right now. You are number ${this.place} in line; stay on this page.`;
    if (this.socket.tries > 2) return "The server does not answer, and nobody hears you. What was said is kept here. Trying again …";
    if (this.socket.tries) return "The connection was lost. Trying again …";
    if (this.socket.isWanted) return this.isLive ? "Connecting … Speak, it is kept." : "Connecting …";
    return this.over || (HAS_KEYS ? "Press Talk, or the space bar." : "Press Talk.");
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
