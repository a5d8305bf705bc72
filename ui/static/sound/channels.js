// One channel out of several, as assistant/audio/channels.py takes it: never a sum that cancels itself,
// and no hum or noise beside a channel that speaks.
const FRAME_S = 0.02;
const ALIVE = 1e-3; // power beside the loudest channel, below which nothing is on it
const CANCELS = 0.4; // power of the mean beside that of the channels; that of two people is 0.5
const STEADY = 0.4; // how much a level moves beside the liveliest: a hum moves less

const power = (samples) => samples.reduce((sum, value) => sum + value * value, 0) / samples.length;

function liveliness(samples, size) {
  const levels = [];
  for (let start = 0; start < samples.length; start += size) {
    levels.push(Math.log10(power(samples.subarray(start, start + size)) + 1e-8));
  }
  const mean = levels.reduce((sum, value) => sum + value, 0) / levels.length;
  return Math.sqrt(levels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / levels.length);
}

function meanOf(channels) {
  const mean = new Float32Array(channels[0].length);
  for (const samples of channels) for (let i = 0; i < mean.length; i += 1) mean[i] += samples[i];
  return mean.map((value) => value / channels.length);
}

// Returns the samples of an AudioBuffer as one channel.
export function toMono(sound) {
  const size = Math.max(1, Math.round(FRAME_S * sound.sampleRate));
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => {
    const samples = sound.getChannelData(i);
    return { samples, power: power(samples), lively: liveliness(samples, size) };
  });
  const loudest = Math.max(...channels.map((channel) => channel.power));
  if (channels.length === 1 || !(loudest > 0)) return channels[0].samples;
  const alive = channels.filter((channel) => channel.power > ALIVE * loudest);
  const most = Math.max(...alive.map((channel) => channel.lively));
  const taken = alive.filter((channel) => channel.lively >= STEADY * most);
  const mean = meanOf(taken.map((channel) => channel.samples));
  const usual = taken.reduce((sum, channel) => sum + channel.power, 0) / taken.length;
  if (power(mean) >= CANCELS * usual) return mean;
  return taken.reduce((best, one) => (one.power > best.power ? one : best)).samples;
}
