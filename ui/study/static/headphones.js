// The sounds of the headphone check (Woods, Siegel, Traer and McDermott 2017): three tones of 200 Hz, one of
// them 6 dB quieter, one with its two sides in antiphase. Over loudspeakers that one cancels itself in the
// room and seems the softest; over headphones the quiet one is.

const TONE_S = 1.0;
const PAUSE_S = 0.5;
const RAMP_S = 0.1;
const LEVEL = 0.25;

// Plays the three tones of a trial; `onTone(index)` is called when each begins, with -1 at the end.
export async function playTrial(context, order, onTone) {
  await context.resume();
  for (const [index, kind] of order.entries()) {
    onTone(index);
    tone(context, kind);
    await wait(TONE_S + PAUSE_S);
  }
  onTone(-1);
}

export function playTest(context) {
  tone(context, "plain");
}

function tone(context, kind) {
  const length = Math.round(TONE_S * context.sampleRate);
  const sound = context.createBuffer(2, length, context.sampleRate);
  const level = kind === "quiet" ? LEVEL * 10 ** (-6 / 20) : LEVEL;
  for (const side of [0, 1]) {
    const sign = side === 1 && kind === "antiphase" ? -1 : 1;
    const samples = sound.getChannelData(side);
    for (let i = 0; i < length; i += 1) {
      const edge = Math.min(1, i / (RAMP_S * context.sampleRate), (length - i) / (RAMP_S * context.sampleRate));
      samples[i] = sign * level * edge * Math.sin((2 * Math.PI * 200 * i) / context.sampleRate);
    }
  }
  const source = context.createBufferSource();
  source.buffer = sound;
  source.connect(context.destination);
  source.start();
}

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
