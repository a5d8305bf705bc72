// What the page says of its state: one sentence, and the form of the orb.

export const HAS_KEYS = matchMedia("(hover: hover) and (pointer: fine)").matches;

const LONG_MS = 1000;
const VERY_LONG_MS = 6000;
const FORMS = {
  "you speak": "hearing",
  "both speak": "hearing",
  thinking: "thinking",
  "Attune speaks": "speaking",
  paused: "paused",
};

// Returns the sentence. `now` is the page: who is heard, whether there is a session, and so on.
export function situation(now, floor, thinkingMs) {
  if (now.isAgain) return now.isLive ? "Heard again. You are not listened to meanwhile." : "Heard again.";
  if (now.isAsleep) return "The sound is interrupted, perhaps by a call. You are not heard just now.";
  if (now.hasSession) return caption(now, floor, thinkingMs);
  if (now.isInLine) return `Many people talk right now. You are number ${now.place} in line; stay on this page.`;
  if (now.tries > 2) return "The server does not answer, and nobody hears you. What was said is kept here. Trying again …";
  if (now.tries) return "The connection was lost. Trying again …";
  if (now.isWanted) return now.isLive ? "Connecting … Speak, it is kept." : "Connecting …";
  return now.over || (HAS_KEYS ? "Press Talk, or the space bar." : "Press Talk.");
}

function caption(now, floor, thinkingMs) {
  switch (floor) {
    case "getting ready":
      return "Getting ready …";
    case "Attune speaks":
      return `Attune speaks.${interruption(now)}`;
    case "you speak":
      return "I hear you …";
    case "both speak":
      return "Go on, I listen …";
    case "thinking":
      return thinking(thinkingMs);
    case "paused":
      return now.isLive ? "Paused. Say “go on” when you are ready." : "Paused. Write to go on.";
    case "ended":
      return "The talk has ended.";
    case "listening":
      return listening(now);
    default:
      return floor;
  }
}

export function thinking(ms) {
  if (ms > VERY_LONG_MS) return "Still thinking. This takes longer than usual …";
  return ms > LONG_MS ? "Still thinking …" : "Thinking …";
}

function listening(now) {
  if (!now.isLive) return "Your turn: type below, or press Talk.";
  if (now.holds && now.isHolding) return "Listening … let go to be answered.";
  if (now.holds) return `Hold the button${HAS_KEYS ? ", or the space bar," : ""} and speak.`;
  return now.isMuted ? "The microphone is off." : "Listening. Just speak.";
}

// How the answer that is being spoken can be interrupted by voice.
function interruption(now) {
  if (!now.isLive) return "";
  if (now.holds) return " Hold the button to interrupt.";
  return now.isMuted ? " The microphone is off." : " Speak to interrupt.";
}

// Returns the form of the orb.
export function formOf(now, floor) {
  if (now.isAsleep || (now.tries && !now.hasSession)) return "broken";
  if (!now.hasSession) return now.isWanted ? "thinking" : "idle";
  const isSilent = now.isLive && (now.holds ? !now.isHolding : now.isMuted);
  if (floor === "listening" || floor === "you speak") {
    if (isSilent) return now.holds ? "idle" : "muted";
    if (!now.isLive) return "idle";
  }
  return FORMS[floor] || "listening";
}
