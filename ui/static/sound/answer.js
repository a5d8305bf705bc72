// The answer that is being played, as the server tells of it: its sound, and how much of it was heard.

import { toBase64 } from "./audio.js";

export class AnswerSound {
  constructor(audio, send) {
    Object.assign(this, { audio, send });
    this.playing = this.flushing = null;
  }

  // What the server says of sound; all other events are left to the page.
  take(event) {
    switch (event.type) {
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
      // After a break the answer may still be spoken here although its time is over.
      case "input_audio_buffer.speech_started":
      case "output_audio_buffer.cleared":
        this.flush();
        break;
    }
  }

  // What the player reports.
  played({ ms, flushed, finished }) {
    // Too late once the next answer has begun: the server's own count stands then.
    if (flushed && this.flushing) this.truncate(this.flushing, ms);
    if (flushed || finished) this.flushing = this.playing = null;
  }

  truncate(item_id, ms) {
    const place = { item_id, content_index: 0, audio_end_ms: Math.round(ms) };
    this.send({ type: "conversation.item.truncate", event_id: "quiet", ...place });
  }

  flush() {
    if (!this.playing) return;
    this.flushing = this.playing;
    this.playing = null;
    this.audio.flush();
  }
}

// A frame of the microphone, and what was played with it, as the server takes them.
export function frameEvent({ heard, played }) {
  return {
    type: "input_audio_buffer.append",
    audio: toBase64(heard),
    attune_played: played ? toBase64(played) : "",
  };
}
