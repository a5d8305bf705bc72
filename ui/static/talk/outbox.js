// What the page tells the server, in its order. Without a session it waits here: what was asked for
// in any case, and of the sound the last ten seconds, so that what follows is one piece with them.

const MOST_FRAMES = Math.round((10 * 16000) / 512);
const SOUND = "input_audio_buffer.append";

export class Outbox {
  constructor(send) {
    this.deliver = send;
    this.isOpen = false;
    this.clear();
  }

  put(event) {
    if (this.isOpen) {
      this.deliver(event);
      return;
    }
    this.waiting.push(event);
    if (event.type !== SOUND) return;
    this.frames += 1;
    if (this.frames <= MOST_FRAMES) return;
    this.waiting.splice(this.waiting.findIndex((waiting) => waiting.type === SOUND), 1);
    this.frames -= 1;
    this.lostFrames += 1;
  }

  // There is a session: sends what waited; returns how many seconds of sound were too old to keep.
  open() {
    const { waiting, lostFrames } = this;
    this.clear();
    this.isOpen = true;
    waiting.forEach((event) => this.deliver(event));
    return (lostFrames * 512) / 16000;
  }

  close() {
    this.isOpen = false;
  }

  clear() {
    this.waiting = [];
    this.frames = this.lostFrames = 0;
  }
}
