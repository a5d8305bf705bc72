// The page of a conversation: sound to and from the server, what the condition shows, the question after each
// answer. After a reload it goes on where it was, and the recording with it.

import { AnswerSound, frameEvent } from "/attune/static/sound/answer.js";
import { button, make } from "./draw.js";

const STATES = {
  waiting: "Connecting …",
  listening: "Listening. Just speak.",
  hearing: "I hear you …",
  thinking: "One moment …",
  speaking: "The assistant speaks. You may interrupt it.",
  over: "The conversation is over. Thank you.",
};
const SILENT = "Your microphone gives only silence. It may be muted: by a key of its own, or in the system's sound settings.";
const ELSEWHERE = 4001;
const LONGEST_WAIT_MS = 4000;

export class TalkPage {
  // `onOver` is called when the conversation is over and nothing is left to be answered.
  constructor(page, audio, server, { onOver, onRefused }) {
    Object.assign(this, { page, audio, server, onOver, onRefused });
    this.answer = new AnswerSound(audio, (event) => this.send(event));
    this.isOpen = this.isOver = this.isLeft = false;
    this.tries = 0;
    this.question = null;
  }

  draw() {
    const { page } = this;
    this.state = make("p", { class: "state", role: "status" });
    this.begin = button(page.was_begun ? "Go on with the conversation" : "Begin the conversation", () => this.start(), { class: "main" });
    this.stop = button("End the conversation", () => this.send({ type: "study.end" }), { hidden: true });
    this.emotion = make("p", { class: "state", hidden: true });
    this.captions = make("div", { class: "captions", hidden: true, "aria-live": "polite" });
    this.help = make("p", { class: "alert", role: "alert", hidden: true });
    this.silent = make("p", { class: "alert", role: "alert", hidden: true }, SILENT);
    this.probe = make("div", {});
    const stop = page.stop_words.map((word) => `“${word}”`).join(" or ");
    return [
      ...(page.task ? [make("p", {}, make("strong", {}, page.task))] : []),
      ...(stop ? [make("p", {}, `To end the conversation early, say ${stop}, or press the button.`)] : []),
      this.begin,
      this.state,
      this.help,
      this.silent,
      this.emotion,
      this.captions,
      this.probe,
      this.stop,
    ];
  }

  async start() {
    this.begin.disabled = true;
    try {
      await this.audio.listen();
    } catch (error) {
      this.show(error.message);
      this.begin.disabled = false;
      return;
    }
    this.begin.hidden = true;
    this.stop.hidden = false;
    this.connect();
  }

  connect() {
    this.show(STATES.waiting);
    const url = new URL("/study/talk", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.search = new URLSearchParams({ participant: this.server.participant, tab: this.server.tab });
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    socket.onclose = ({ code }) => this.closed(code);
  }

  send(event) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(event));
  }

  frame(frame) {
    if (this.isOpen) this.send(frameEvent(frame));
  }

  played(report) {
    this.answer.played(report);
    if (report.finished && !this.isOver) this.show(STATES.listening);
    if (report.finished && this.isOver) this.finish();
  }

  take(event) {
    this.answer.take(event);
    switch (event.type) {
      case "study.ready":
        this.isOpen = true;
        this.tries = 0;
        this.show(STATES.listening);
        break;
      case "study.refused":
        this.isLeft = true;
        this.onRefused(event);
        break;
      case "study.over":
        this.over(event.reason);
        break;
      case "study.probe":
        this.ask(event);
        break;
      case "study.trouble":
        this.show(event.text);
        break;
      case "study.microphone":
        this.silent.hidden = !event.silent;
        break;
      case "study.emotion":
        this.emotion.hidden = !event.emotion;
        this.emotion.textContent = event.emotion ? `You sound: ${event.emotion}` : "";
        break;
      case "attune.help":
        this.help.hidden = false;
        this.help.textContent = event.text;
        break;
      case "attune.help.ended":
        this.help.hidden = true;
        break;
      case "input_audio_buffer.speech_started":
        this.show(STATES.hearing);
        break;
      case "input_audio_buffer.speech_stopped":
        this.show(STATES.thinking);
        break;
      case "response.output_audio.delta":
        this.show(STATES.speaking);
        break;
      case "conversation.item.input_audio_transcription.completed":
        this.caption("You", event.transcript);
        break;
      case "response.output_audio_transcript.delta":
        this.caption("Assistant", event.delta, event.item_id);
        break;
    }
  }

  // Pieces of one answer stand in one line.
  caption(who, text, item) {
    this.captions.hidden = false;
    const last = this.captions.lastElementChild;
    if (item && last?.dataset.item === item) last.append(text);
    else this.captions.append(make("p", { "data-item": item }, make("strong", {}, `${who}: `), text));
    this.captions.scrollTop = this.captions.scrollHeight;
  }

  ask({ turn }) {
    const shown = performance.now();
    const [low, high] = this.page.probe_ends;
    const answer = async (value) => {
      const seconds = (performance.now() - shown) / 1000;
      this.question = null;
      this.probe.replaceChildren();
      await this.server.ask("probe", { turn, value, seconds });
      this.finish();
    };
    const buttons = [1, 2, 3, 4, 5, 6, 7].map((value) => button(String(value), () => answer(value)));
    this.question = turn;
    this.probe.replaceChildren(
      make(
        "fieldset",
        {},
        make("legend", {}, this.page.probe),
        make("div", { class: "points" }, ...buttons),
        make("div", { class: "ends" }, make("span", {}, low), make("span", {}, high)),
      ),
    );
  }

  over(reason) {
    this.isOpen = false;
    this.stop.hidden = this.silent.hidden = true;
    this.audio.deafen();
    if (["failed", "lost"].includes(reason)) {
      this.isLeft = true;
      this.onRefused({ code: "broken", text: "The conversation broke off. Please go on with it." });
      return;
    }
    this.isOver = true;
    this.show(STATES.over);
    // What is left of the last answer is heard to its end.
    if (!this.answer.playing) this.finish();
    else this.ending = setTimeout(() => this.finish(), 20000);
  }

  finish() {
    if (!this.isOver || this.question !== null || this.isFinished) return;
    this.isFinished = true;
    clearTimeout(this.ending);
    this.onOver();
  }

  closed(code) {
    this.isOpen = false;
    if (this.isOver || this.isLeft) return;
    if (code === ELSEWHERE) {
      this.leave();
      this.onRefused({ code: "other_tab", text: "" });
      return;
    }
    this.show("The connection was lost. Connecting again …");
    this.tries += 1;
    setTimeout(() => !this.isLeft && this.connect(), Math.min(LONGEST_WAIT_MS, 250 * 2 ** this.tries));
  }

  // The page is left: nothing is sent any more, and the microphone is closed.
  leave() {
    this.isLeft = true;
    this.isOpen = false;
    this.socket?.close(1000);
    this.audio.flush();
    this.audio.deafen();
  }

  show(text) {
    this.state.textContent = text;
  }
}

