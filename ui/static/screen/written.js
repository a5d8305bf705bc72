// Words as people write them. A recogniser that gives neither capitals nor stops gets both here, on
// the screen only: what is saved is what was recognised.

const QUESTION = /^(who|whom|whose|what|when|where|why|how|which|do|does|did|is|are|was|were|can|could|would|will|should|shall|may|have|has)\b/;
const STOP = /[.!?…]["'”’)]*$/;

export function written(words) {
  const text = words.replace(/\s+/g, " ").trim();
  if (!text) return "";
  const isBare = text === text.toLowerCase() && !/[.!?…,;:]/.test(text);
  const own = isBare ? text.replace(/\bi\b(?=$|\s|')/g, "I") : text;
  const whole = own.charAt(0).toUpperCase() + own.slice(1);
  if (STOP.test(whole) || !isBare) return whole;
  return `${whole}${QUESTION.test(text) ? "?" : "."}`;
}
