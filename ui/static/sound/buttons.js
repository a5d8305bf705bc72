// The buttons of a headset, a keyboard and a locked screen: mute, stop the answer, end the talk.

// A browser gives them to a page only while it plays a sound of its own with a length.
const SECONDS = 6;
const RATE_HZ = 8000;
const HEAD_BYTES = 44;

export class Buttons {
  // `onPress` is what one button can do: stop the answer while there is one, else mute and unmute.
  constructor({ onPress, onMute, onEnd }) {
    this.isOn = false;
    this.look = "";
    this.session = navigator.mediaSession;
    const actions = { play: onPress, pause: onPress, togglemicrophone: onMute, stop: onEnd, hangup: onEnd };
    for (const [name, act] of Object.entries(actions)) {
      this.handle(name, () => {
        act();
        this.hold();
      });
    }
  }

  handle(name, act) {
    try {
      this.session?.setActionHandler(name, act);
    } catch {
      // One that this browser does not know.
    }
  }

  // `said` is what the page says of its state: a locked screen shows it, too.
  show({ isTalking, isMuted, said }) {
    if (!this.session) return;
    if (isTalking !== this.isOn) {
      this.isOn = isTalking;
      this.hold();
    }
    const look = [isTalking, isMuted, said].join("|");
    if (look === this.look) return;
    this.look = look;
    const icon = { src: new URL("../app/icon-512.png", import.meta.url).href, sizes: "512x512", type: "image/png" };
    this.session.metadata = isTalking ? new MediaMetadata({ title: "Attune", artist: said, artwork: [icon] }) : null;
    this.session.setMicrophoneActive?.(isTalking && !isMuted);
  }

  // The silence goes on for as long as the talk: "pause" means the answer, and not it.
  hold() {
    this.silence ||= this.isOn && silence();
    if (this.isOn) this.silence.play().catch(() => {});
    else if (this.silence) this.silence.pause();
    this.session.playbackState = this.isOn ? "playing" : "none";
  }
}

// Returns a player of nothing, over and over.
function silence() {
  const sound = new Uint8Array(HEAD_BYTES + SECONDS * RATE_HZ).fill(128);
  const head = new DataView(sound.buffer);
  const words = { 0: "RIFF", 8: "WAVE", 12: "fmt ", 36: "data" };
  for (const [at, word] of Object.entries(words)) {
    [...word].forEach((letter, index) => head.setUint8(Number(at) + index, letter.charCodeAt(0)));
  }
  head.setUint32(4, sound.length - 8, true);
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, RATE_HZ, true);
  head.setUint32(28, RATE_HZ, true);
  head.setUint16(32, 1, true);
  head.setUint16(34, 8, true);
  head.setUint32(40, SECONDS * RATE_HZ, true);
  const player = document.createElement("audio");
  player.src = URL.createObjectURL(new Blob([sound], { type: "audio/wav" }));
  player.loop = true;
  return player;
}
