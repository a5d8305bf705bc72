// Microphone → 16 kHz, in frames of 512 samples (32 ms), posted as Int16Array.

const TARGET_HZ = 16000;
const FRAME = 512;
const HALF_TAPS = 16;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / TARGET_HZ;
    // Low-pass at the lower of the two Nyquist frequencies, as a windowed sinc.
    this.cutoff = Math.min(1, 1 / this.step);
    this.reach = Math.ceil(HALF_TAPS / this.cutoff);
    this.input = new Float32Array(0);
    this.position = this.reach;
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
  }

  process([channels]) {
    const block = channels && channels[0];
    if (!block) return true;
    const joined = new Float32Array(this.input.length + block.length);
    joined.set(this.input);
    joined.set(block, this.input.length);
    while (this.position + this.reach < joined.length) {
      this.push(this.at(joined, this.position));
      this.position += this.step;
    }
    const keep = Math.max(0, Math.floor(this.position) - this.reach);
    this.input = joined.slice(keep);
    this.position -= keep;
    return true;
  }

  at(samples, position) {
    const center = Math.floor(position);
    let sum = 0;
    for (let i = center - this.reach + 1; i <= center + this.reach; i += 1) {
      const x = (i - position) * this.cutoff;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / HALF_TAPS);
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      if (Math.abs(x) < HALF_TAPS) sum += (samples[i] || 0) * sinc * window * this.cutoff;
    }
    return sum;
  }

  push(sample) {
    this.frame[this.filled] = Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
    this.filled += 1;
    if (this.filled === FRAME) {
      this.port.postMessage(this.frame, [this.frame.buffer]);
      this.frame = new Int16Array(FRAME);
      this.filled = 0;
    }
  }
}

registerProcessor("attune-capture", Capture);
