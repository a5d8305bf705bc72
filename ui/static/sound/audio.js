// The page's ear and mouth: one audio context, two worklets, and meters for the picture.
import { toMono } from "./channels.js";

const OUT_HZ = 24000;
const SHORT_BREAK_MS = 1000;
const TRY_AGAIN_MS = 2000;

export class MicrophoneProblem extends Error {}

export class Audio {
  // `onBreak` is told when the sound is interrupted (by a call, say, or a locked screen) and when it
  // goes on; `onLost` when the microphone is gone, `onDevices` when devices come or go.
  constructor({ onFrame, onPlayed, onBreak, onLost, onDevices }) {
    Object.assign(this, { onFrame, onPlayed, onBreak, onLost });
    this.isListening = false;
    this.isInterrupted = false;
    this.playedMs = 0;
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("pageshow", () => this.look());
    setInterval(() => this.isInterrupted && this.look(), TRY_AGAIN_MS);
    navigator.mediaDevices?.addEventListener("devicechange", onDevices);
  }

  async prepare() {
    this.preparing ||= this.build();
    await this.preparing;
    await this.resume();
  }

  async build() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.context.onstatechange = () => this.look();
    const base = new URL(".", import.meta.url);
    await this.context.audioWorklet.addModule(new URL("player-worklet.js", base));
    await this.context.audioWorklet.addModule(new URL("capture-worklet.js", base));
    this.player = new AudioWorkletNode(this.context, "attune-player", { numberOfInputs: 0 });
    this.outMeter = meter(this.context);
    this.player.connect(this.outMeter).connect(this.context.destination);
    this.player.port.onmessage = ({ data }) => {
      this.playedMs = (1000 * data.played) / OUT_HZ;
      this.onPlayed({ ms: this.playedMs, flushed: data.flushed, finished: data.finished });
    };
  }

  // Whether nothing is heard or played although it should be.
  get isAsleep() {
    const track = this.isListening && this.stream.getAudioTracks()[0];
    return Boolean(this.context && (this.context.state !== "running" || (track && track.muted)));
  }

  // Looks whether the sound runs, and wakes it. A break that is over at once is none.
  look() {
    if (!this.isAsleep) {
      clearTimeout(this.noticing);
      this.noticing = null;
      this.tell(false);
      return;
    }
    if (!document.hidden) this.resume();
    this.noticing ||= setTimeout(() => {
      this.noticing = null;
      if (this.isAsleep) this.tell(true);
    }, SHORT_BREAK_MS);
  }

  tell(isInterrupted) {
    if (this.isInterrupted === isInterrupted) return;
    this.isInterrupted = isInterrupted;
    this.onBreak(isInterrupted);
  }

  // The browser may refuse for as long as a call lasts, or leave it open: it is not waited for.
  async resume() {
    const patience = new Promise((resolve) => setTimeout(resolve, SHORT_BREAK_MS));
    const trying = (async () => this.context.resume())().catch(() => {});
    await Promise.race([trying, patience]);
  }

  // The person wants the sound back: a microphone that stays mute is opened anew.
  async wake() {
    if (!this.context) return;
    await this.resume();
    if (this.isListening && this.stream.getAudioTracks()[0].muted) {
      this.deafen();
      await this.listen();
    }
    this.look();
  }

  async listen() {
    if (this.isListening) return;
    if (!navigator.mediaDevices) {
      throw new MicrophoneProblem(
        "The browser gives the microphone to secure pages only. Open this page by https, or on " +
          "this computer by http://localhost. You can still type below.",
      );
    }
    await this.prepare();
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      throw new MicrophoneProblem(advice(error));
    }
    const source = this.context.createMediaStreamSource(this.stream);
    this.inMeter = meter(this.context);
    this.capture = new AudioWorkletNode(this.context, "attune-capture", {
      numberOfInputs: 2,
      numberOfOutputs: 0,
    });
    source.connect(this.inMeter).connect(this.capture, 0, 0);
    this.player.connect(this.capture, 0, 1);
    this.capture.port.onmessage = ({ data }) => this.isListening && this.onFrame(data);
    const [track] = this.stream.getAudioTracks();
    track.onended = () => {
      this.deafen();
      this.onLost();
    };
    track.onmute = track.onunmute = () => this.look();
    this.isListening = true;
  }

  deafen() {
    this.isListening = false;
    this.stream?.getTracks().forEach((track) => track.stop());
    if (this.capture) {
      this.player.disconnect(this.capture);
      this.capture.disconnect();
    }
    this.stream = this.capture = this.inMeter = null;
  }

  play(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const pcm = new Int16Array(bytes.buffer);
    const samples = Float32Array.from(pcm, (v) => v / 32768);
    this.player?.port.postMessage({ samples }, [samples.buffer]);
  }

  ended() {
    this.player?.port.postMessage({ ended: true });
  }

  duck(decibels) {
    this.player?.port.postMessage({ gain: 10 ** (decibels / 20) });
  }

  hold(isHeld) {
    this.player?.port.postMessage({ hold: isHeld });
  }

  flush() {
    this.player?.port.postMessage({ flush: true });
  }

  levels() {
    return { person: level(this.inMeter), assistant: level(this.outMeter) };
  }
}

// Returns the sound of a file as 16 kHz mono; the browser's own decoder reads it.
export async function decodeFile(file) {
  if (file.size > 50e6) throw new Error("That file is larger than 50 MB. Choose a shorter recording.");
  // Asked for first: a small file may unpack to hours of sound.
  if ((await lengthOf(file)) > 120) throw new Error("That recording is longer than two minutes.");
  const reader = new OfflineAudioContext(1, 1, 16000);
  let sound;
  try {
    sound = await reader.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error("That file is no sound that this browser can read. WAV, FLAC, MP3 and OGG work.");
  }
  if (sound.duration > 120) throw new Error("That recording is longer than two minutes.");
  const mixer = new OfflineAudioContext(1, Math.max(1, Math.ceil(sound.duration * 16000)), 16000);
  const source = mixer.createBufferSource();
  source.buffer = mixer.createBuffer(1, Math.max(1, sound.length), sound.sampleRate);
  source.buffer.copyToChannel(toMono(sound), 0);
  source.connect(mixer.destination);
  source.start();
  const mono = (await mixer.startRendering()).getChannelData(0);
  return Int16Array.from(mono, (v) => Math.round(Math.max(-1, Math.min(1, v)) * 32767));
}

// Seconds, by the file's own word; 0 where it says nothing that this browser understands.
function lengthOf(file) {
  const player = document.createElement("audio");
  const url = URL.createObjectURL(file);
  return new Promise((resolve) => {
    player.onloadedmetadata = () => resolve(Number.isFinite(player.duration) ? player.duration : 0);
    player.onerror = () => resolve(0);
    player.preload = "metadata";
    player.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}

export function toBase64(samples) {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(text);
}

function meter(context) {
  const node = context.createAnalyser();
  node.fftSize = 512;
  return node;
}

function level(node) {
  if (!node) return 0;
  const samples = new Float32Array(node.fftSize);
  node.getFloatTimeDomainData(samples);
  return Math.sqrt(samples.reduce((sum, v) => sum + v * v, 0) / samples.length);
}

// A microphone that is refused is told apart from one that is not there.
function advice(error) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      if (/dismissed/i.test(error.message)) {
        return "The browser asked for the microphone and got no answer. Press Talk again and allow it. You can also type below.";
      }
      if (/system/i.test(error.message)) {
        return "The microphone is blocked by the system. Allow it for this browser in the system's settings, and press Talk again. You can also type below.";
      }
      return "The microphone is blocked for this page. Open the sign beside the address, allow the microphone, and press Talk again. You can also type below.";
    case "NotFoundError":
      return "No microphone was found. Connect one and press Talk again, or type below.";
    case "NotReadableError":
      return "Another program holds the microphone. Close it and press Talk again, or type below.";
    default:
      return `The microphone cannot be used (${error.message}). You can type below.`;
  }
}
