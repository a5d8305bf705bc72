// The page: joins socket, sound and screen. It keeps no conversation of its own.

import { Choices } from "./panels/choices.js";
import { Consent } from "./panels/consent.js";
import { Earlier, offerLatest } from "./panels/earlier.js";
import { Memory } from "./panels/memory.js";
import { Past, keepUnderWay, takeUnderWay } from "./panels/past.js";
import { download } from "./panels/saved.js";
import { formOf, situation } from "./screen/floor.js";
import { Orb } from "./screen/orb.js";
import { Screen } from "./screen/screen.js";
import { Waiting } from "./screen/waiting.js";
import { AnswerSound, frameEvent } from "./sound/answer.js";
import { Audio, MicrophoneProblem, decodeFile, toBase64 } from "./sound/audio.js";
import { Buttons } from "./sound/buttons.js";
import { Again } from "./talk/again.js";
import { Awake } from "./talk/awake.js";
import { offerExamples } from "./talk/examples.js";
import { Outbox } from "./talk/outbox.js";
import { Recordings } from "./talk/recordings.js";
import { Socket } from "./talk/socket.js";
import { Typed, newItem, tooLong } from "./talk/typed.js";

const ENDED = "The talk has ended. Press Talk to begin a new one.";
const FORGOTTEN =
  "The server was restarted: this talk is over, and kept below to be saved. Press Talk to begin a " +
  "new one.";
const FULL = "This tab has no room to keep more talks over a reload. Save those that you want to keep.";
const GO_ON = "Press Talk, or type, to go on with this talk.";
const MOST_LATEST = 3;
const SETTINGS = "settings";
const LOOK_EVERY_MS = 500;

class Page {
  constructor(root) {
    this.root = root;
    this.pick = (id) => root.querySelector(`#a-${id}`);
    this.choices = new Choices(this.pick, () => this.configure());
    this.recordings = new Recordings();
    this.again = new Again(() => this.show());
    this.screen = new Screen(root, {
      onCorrect: (turn, emotion) => this.correct(turn, emotion),
      recordings: this.recordings,
      again: this.again,
    });
    this.audio = new Audio({
      onFrame: (frame) => this.frame(frame),
      onPlayed: (report) => this.answer.played(report),
      onBreak: () => this.show(),
      onLost: () => this.microphoneLost(),
      onDevices: () => this.isMicrophoneLost && this.hasSession && this.reopen(),
    });
    this.orb = new Orb(this.pick("orb"), () => this.audio.levels());
    this.socket = new Socket({
      onEvent: (event) => this.event(event),
      onState: (state) => this.state(state),
    });
    this.answer = new AnswerSound(this.audio, (event) => this.socket.send(event));
    this.outbox = new Outbox((event) => this.socket.send(event));
    this.typed = new Typed(this.pick("text"), this.pick("log"));
    this.waiting = new Waiting(this.pick("live"));
    this.earlier = new Earlier(this.pick("earlier"), {
      onChoice: () => this.goesOnWith(),
      onProblem: (text) => this.screen.problem(text),
    });
    this.past = new Past(this.pick("past"), {
      onFull: () => this.screen.problem(FULL),
      onGoOn: (talk) => this.earlier.chooseKept(talk),
    });
    this.consent = new Consent(this.pick("consent"));
    this.memory = new Memory(this.pick);
    this.awake = new Awake();
    this.buttons = new Buttons({
      onPress: () => this.pressed(),
      onMute: () => this.isLive && this.toggle(),
      onEnd: () => this.end(),
    });
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
    this.goOn();
    this.show();
    root.dataset.state = "ready";
    offerExamples(this.pick("examples"), (load) => this.answerFile(load));
    if (!this.pick("records").hidden) {
      offerLatest(this.pick("latest"), MOST_LATEST, (record) => this.earlier.choose(record));
    }
    if (this.earlier.named) this.earlier.choose(this.earlier.named);
    this.choices.load();
    setInterval(() => this.screen.view.floor === "thinking" && this.show(), LOOK_EVERY_MS);
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

  // Another talk was chosen: the one under way ends, and is kept below.
  goesOnWith() {
    const { asked } = this.earlier;
    if (asked && this.socket.isWanted) this.end();
    if (asked && this.socket.hasTalk) this.socket.end();
    if (asked) this.keepShown();
    this.over = asked ? GO_ON : "";
    this.screen.showWays();
    this.show();
  }

  keepShown() {
    this.past.add(this.screen.view);
    this.screen.clear();
    this.recordings.forget();
    this.again.forget();
  }

  bind() {
    const talk = this.pick("talk");
    talk.disabled = false;
    talk.onclick = () => !this.isLive && this.toggle();
    talk.onpointerdown = () => this.holds && this.hold(true);
    talk.onpointerup = talk.onpointerleave = talk.onpointercancel = () => this.hold(false);
    talk.oncontextmenu = (event) => this.holds && event.preventDefault();
    // Who presses the picture means to talk; the button beside it is what has a name.
    this.pick("stage").onclick = () => this.root.dataset.floor === "idle" && !this.isLive && this.toggle();
    this.pick("mute").onclick = () => this.toggle();
    this.pick("stop").onclick = () => this.interrupt();
    this.pick("go-on").onclick = () => this.type("Go on.");
    this.pick("end").onclick = this.pick("leave").onclick = () => this.end();
    this.pick("composer").onsubmit = (event) => {
      event.preventDefault();
      this.type(this.pick("text").value.trim());
    };
    this.pick("text").onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.pick("composer").requestSubmit();
    };
    this.pick("wake").onclick = () => this.wake();
    this.pick("upload").onchange = ({ target }) => {
      const [file] = target.files;
      if (file) this.answerFile(async () => file);
      target.value = "";
    };
    this.pick("details").onchange = ({ target }) => {
      this.screen.following(() => this.root.classList.toggle("a-with-details", target.checked));
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
    const place = event.target.closest?.("input, textarea, select, button, summary, a, audio, dialog");
    const isElsewhere = place && !(this.holds && place === this.pick("talk"));
    if (event.code === "Escape" && isDown && !event.target.closest?.("dialog")) this.interrupt();
    if (event.code !== "Space" || isElsewhere) return;
    event.preventDefault();
    if (event.repeat) return;
    if (this.holds) this.hold(isDown);
    else if (isDown) this.toggle();
  }

  // Begins to talk; or mutes and unmutes.
  async toggle() {
    if (this.isInLine) return;
    if (this.isLive) {
      this.isMuted = !this.isMuted;
      this.screen.problem("");
      if (this.audio.isAsleep) this.wake();
      this.show();
      return;
    }
    if (!(await this.consent.ask())) return;
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
    // The button that was pressed is gone: what mutes stands in its place.
    if (!this.holds && [document.body, this.pick("talk")].includes(document.activeElement)) {
      this.pick("mute").focus({ preventScroll: true });
    }
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

  hold(isDown) {
    if (isDown === this.isHolding || (isDown && !this.holds)) return;
    this.again.stop();
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

  frame(frame) {
    // In line the page says that nobody listens yet.
    if (this.isInLine || (this.holds && !this.isHolding)) return;
    // Silence while muted: the server's clock goes on, and what was said before is answered.
    // Not exact zeros: those are what a microphone gives that is muted without anybody knowing it.
    // An answer that is heard again is none of the talk: it must not be taken for somebody.
    if ((this.isMuted && !this.holds) || this.again.isPlaying) frame.heard.fill(1);
    this.outbox.put(frameEvent(frame));
  }

  // A headset has one button: it stops the answer; where there is none it mutes, or opens again.
  pressed() {
    if (this.isAnswering) this.interrupt();
    else if (this.isLive) this.toggle();
  }

  get isAnswering() {
    return Boolean(this.answer.playing) || this.screen.view.floor === "thinking";
  }

  interrupt() {
    this.again.stop();
    if (!this.isAnswering) return;
    this.answer.flush();
    this.socket.send({ type: "output_audio_buffer.clear" });
  }

  async type(text) {
    const advice = tooLong(text);
    if (advice) return this.screen.problem(advice);
    if (!text || !(await this.consent.ask())) return;
    await this.audio.prepare();
    const id = this.typed.send(text);
    if (id) this.question({ type: "input_text", text }, id);
    this.show();
  }

  // `load` gives the file, once the person has agreed that it may be heard.
  async answerFile(load) {
    if (!(await this.consent.ask())) return;
    try {
      await this.audio.prepare();
      const file = await load();
      const samples = await decodeFile(file);
      const id = newItem();
      this.recordings.add(id, file.name, file);
      this.question({ type: "input_audio", audio: toBase64(samples) }, id);
    } catch (error) {
      this.screen.problem(error.message);
    }
    this.show();
  }

  question(part, id) {
    this.screen.problem("");
    const item = { id, type: "message", role: "user", content: [part] };
    this.outbox.put({ type: "conversation.item.create", event_id: id, item });
    this.outbox.put({ type: "response.cancel", event_id: "quiet" });
    this.outbox.put({ type: "response.create", event_id: id });
    this.socket.connect();
  }

  correct(turn, emotion) {
    if (!this.hasSession) return this.screen.problem("This can be corrected while the talk goes on only.");
    // Shown at once: a server that is busy with an answer confirms it later.
    this.screen.change({ turns: { [turn]: { ...this.screen.view.turns[turn], corrected: emotion } } });
    this.screen.note(`Noted: ${emotion}. The next answers go by it.`);
    this.socket.send({ type: "attune.emotion.correct", turn, emotion });
  }

  configure() {
    if (!this.hasSession) return;
    this.choices.asked();
    const { policy, voice, patience, speed, model } = this.choices.values;
    const rate16 = { format: { type: "audio/pcm", rate: 16000 } };
    const turns = this.pick("hold").checked ? null : { type: "semantic_vad" };
    this.socket.send({
      type: "session.update",
      event_id: SETTINGS,
      session: {
        type: "realtime",
        // A model holds a talk from its beginning to its end.
        ...(model && this.screen.isEmpty && { model }),
        audio: { input: { ...rate16, turn_detection: turns }, output: { ...(voice && { voice }), ...(speed && { speed }) } },
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
    this.matchRecording(event);
    this.answer.take(event);
    this.again.take(event);
    switch (event.type) {
      case "session.created":
        this.opened(event.session);
        break;
      case "session.updated":
        this.choices.answered(event.session);
        break;
      case "attune.control":
        this.choices.spoken(event.control);
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
      case "conversation.item.input_audio_transcription.delta":
        this.waiting.caption(event.item_id, event.delta);
        break;
      case "conversation.item.input_audio_transcription.completed":
      case "conversation.item.input_audio_transcription.failed":
        this.waiting.known(event.item_id);
        break;
      case "conversation.item.deleted":
        this.waiting.known(event.item_id);
        this.recordings.drop(event.item_id);
        this.unanswered(this.typed.giveBack(event.item_id));
        break;
      case "error":
        this.failed(event.error);
        break;
    }
    this.show();
  }

  // A recording has become a turn: its name and its player stand there from now on.
  matchRecording(event) {
    const isHeard = event.type === "conversation.item.input_audio_transcription.completed";
    const last = isHeard ? Number(Object.keys(this.screen.view.turns).at(-1)) : NaN;
    const turn = event.turn ?? (Number.isNaN(last) ? undefined : last);
    if (event.item_id && this.recordings.match({ ...event, turn })) this.screen.redraw(turn);
  }

  opened(session) {
    if (this.isForgotten()) return;
    this.isInLine = false;
    this.choices.begin(session, this.socket.isResumed);
    if (!this.socket.isResumed) {
      this.keepShown();
      this.choices.beginAnew();
    }
    this.over = "";
    this.hasSession = true;
    this.configure();
    if (!this.socket.isResumed) {
      const earlier = this.earlier.begin();
      if (earlier) this.socket.send(earlier);
    }
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
    if (change.suggestion !== undefined) this.memory.suggest(change.suggestion);
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
    this.recordings.drop(id);
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
    const { playing } = this.answer;
    if (playing && this.audio.isInterrupted) this.answer.truncate(playing, this.audio.playedMs);
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
    this.waiting.clear();
    this.answer.flush();
    this.audio.deafen();
    this.consent.forget();
    this.over = over;
  }

  show() {
    const { floor, turns } = this.screen.view;
    const isThinking = this.hasSession && floor === "thinking";
    this.thinkingSince = isThinking ? this.thinkingSince || performance.now() : 0;
    const thinkingMs = isThinking ? performance.now() - this.thinkingSince : 0;
    const isSpeaking = this.hasSession && ["Attune speaks", "both speak", "thinking"].includes(floor);
    const now = this.now();
    const last = Object.values(turns).at(-1);
    this.orb.state = formOf(now, floor);
    this.orb.feel(last ? last.corrected || (!last.emotion?.abstained && last.emotion?.label) || "" : "");
    this.root.dataset.floor = now.isAsleep ? "interrupted" : this.isLive || isSpeaking ? floor : "idle";
    this.controls(isSpeaking, now.isAsleep);
    const said = situation(now, floor, thinkingMs);
    this.screen.status(said);
    this.buttons.show({ isTalking: this.isLive, isMuted: this.isMuted, said });
    this.screen.following(() => {
      const shown = this.hasSession ? floor : "";
      this.waiting.show(shown, { isAnswered: Boolean(last?.reply || last?.failure), thinkingMs });
    });
    this.screen.kept(this.hasSession ? ["words", "audio"].filter((kind) => this.pick(`keep-${kind}`).checked) : []);
    this.screen.facts.show(this.screen.view, (kind, name) => this.choices.titleOf(kind, name));
    this.awake.keep(this.isLive || isSpeaking);
  }

  // Who is heard, and what is open.
  now() {
    const { hasSession, isInLine, isLive, isMuted, isHolding, holds, over, place } = this;
    const isAgain = this.again.isPlaying;
    const { tries, isWanted } = this.socket;
    const isAsleep = this.audio.isInterrupted && (hasSession || isLive);
    return { hasSession, isInLine, isLive, isMuted, isHolding, holds, over, place, tries, isWanted, isAsleep, isAgain };
  }

  controls(isSpeaking, isAsleep) {
    const label = this.isInLine ? "In line" : this.holds ? "Hold to talk" : "Talk";
    this.pick("talk-label").textContent = label;
    this.pick("talk").hidden = this.isLive && !this.holds && !this.isInLine;
    this.pick("mute").hidden = !this.isLive || this.holds || this.isInLine;
    this.pick("mute").setAttribute("aria-pressed", String(this.isMuted));
    this.pick("mute-label").textContent = this.isMuted ? "Unmute" : "Mute";
    this.pick("stop").hidden = !isSpeaking;
    this.pick("go-on").hidden = !this.hasSession || this.screen.view.floor !== "paused";
    this.pick("wake").hidden = !isAsleep;
    this.pick("end").hidden = !this.socket.isWanted || this.isInLine;
    this.pick("leave").hidden = !this.isInLine;
  }
}

window.attune = new Page(document.getElementById("attune"));
// Without https the browser offers none: then its own page says that the server is away.
navigator.serviceWorker?.register(new URL("worker.js", document.baseURI)).catch(() => {});
