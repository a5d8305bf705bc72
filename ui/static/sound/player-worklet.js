// Plays 24 kHz pieces without gaps; ducks, and falls silent within a few milliseconds.
// Messages in: {samples}, {ended}, {gain}, {hold}, {flush}. Messages out: {played} in samples at 24 kHz.

const SOURCE_HZ = 24000;
const JITTER = 0.06 * SOURCE_HZ;

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = SOURCE_HZ / sampleRate;
    this.smooth = 1 - Math.exp(-1 / (0.008 * sampleRate));
    this.gain = 1;
    this.target = 1;
    this.sinceReport = 0;
    this.isHeld = false;
    this.hush = 1;
    this.reset();
    this.port.onmessage = ({ data }) => this.take(data);
  }

  reset() {
    this.pieces = [];
    this.queued = 0;
    this.position = 0;
    this.played = 0;
    this.isStarted = false;
    this.isEnded = false;
    this.fade = 1;
    this.isFading = false;
  }

  take(data) {
    if (data.samples) {
      if (this.isFading) this.reset();
      this.pieces.push(data.samples);
      this.queued += data.samples.length;
    }
    if (data.ended) this.isEnded = true;
    if (data.gain !== undefined) this.target = data.gain;
    if (data.hold !== undefined) this.isHeld = data.hold;
    if (data.flush) this.isFading = true;
  }

  sample(index) {
    let i = index;
    for (const piece of this.pieces) {
      if (i < piece.length) return piece[Math.max(0, i)];
      i -= piece.length;
    }
    return 0;
  }

  next() {
    const i = Math.floor(this.position);
    const t = this.position - i;
    const a = this.sample(i - 1);
    const b = this.sample(i);
    const c = this.sample(i + 1);
    const d = this.sample(i + 2);
    this.position += this.step;
    // Catmull-Rom interpolation.
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  }

  process(_inputs, [channels]) {
    const out = channels[0];
    if (!this.isStarted && this.queued && (this.queued >= JITTER || this.isEnded)) {
      this.isStarted = true;
    }
    const step = 1 / (0.005 * sampleRate);
    for (let n = 0; n < out.length; n += 1) {
      this.gain += (this.target - this.gain) * this.smooth;
      if (this.isFading) this.fade = Math.max(0, this.fade - step);
      // Held, it fades and stays where it is.
      this.hush = Math.min(1, Math.max(0, this.hush + (this.isHeld ? -step : step)));
      const isReady = this.isStarted && this.position < this.queued && this.hush > 0;
      out[n] = isReady ? this.next() * this.gain * this.fade * this.hush : 0;
    }
    this.forget();
    this.report(out.length);
    return true;
  }

  forget() {
    while (this.pieces.length > 1 && this.position - 4 > this.pieces[0].length) {
      const gone = this.pieces.shift().length;
      this.position -= gone;
      this.queued -= gone;
      this.played += gone;
    }
    const position = Math.min(this.position, this.queued);
    if (this.isFading && (this.fade === 0 || position >= this.queued)) {
      this.port.postMessage({ played: this.played + position, flushed: true });
      this.reset();
    } else if (this.isEnded && this.isStarted && this.position >= this.queued) {
      this.port.postMessage({ played: this.played + position, finished: true });
      this.reset();
    }
  }

  report(length) {
    this.sinceReport += length;
    if (this.isStarted && this.sinceReport >= 0.05 * sampleRate) {
      this.sinceReport = 0;
      this.port.postMessage({ played: this.played + Math.min(this.position, this.queued) });
    }
  }
}

registerProcessor("attune-player", Player);
