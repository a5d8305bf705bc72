// Microphone → 16 kHz, in frames of 512 samples (32 ms). With each frame goes what the page itself
// played meanwhile, the second input, by the same clock and sample for sample: whatever becomes of
// frames and answers on their way, the server knows which echo to look for.
// Messages out: {heard, played}, both Int16Array; played is null where nothing was.

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
    this.own = new Float32Array(0);
    this.position = this.reach;
    this.begin();
  }

  begin() {
    this.heard = new Int16Array(FRAME);
    this.played = null;
    this.filled = 0;
  }

  process([channels, ownChannels]) {
    const block = channels && channels[0];
    if (!block) return true;
    const joined = join(this.input, block);
    const own = join(this.own, (ownChannels && ownChannels[0]) || new Float32Array(block.length));
    const isPlaying = own.some((sample) => sample !== 0);
    while (this.position + this.reach < joined.length) {
      this.push(this.at(joined, this.position), isPlaying ? this.at(own, this.position) : 0);
      this.position += this.step;
    }
    const keep = Math.max(0, Math.floor(this.position) - this.reach);
    this.input = joined.slice(keep);
    this.own = own.slice(keep);
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

  push(sample, own) {
    this.heard[this.filled] = toInt16(sample);
    if (own !== 0) {
      this.played ||= new Int16Array(FRAME);
      this.played[this.filled] = toInt16(own);
    }
    this.filled += 1;
    if (this.filled === FRAME) {
      this.port.postMessage({ heard: this.heard, played: this.played });
      this.begin();
    }
  }
}

function join(first, second) {
  const joined = new Float32Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

function toInt16(sample) {
  return Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
}

registerProcessor("attune-capture", Capture);
