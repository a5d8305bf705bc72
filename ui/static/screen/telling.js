// Timing and style of an answer in plain language, for who asks.

const STAGES = [
  ["endpoint", "to be sure that you had finished"],
  ["heard", "to understand you"],
  ["first_token", "to find the first words"],
  ["played", "to say them"],
];
const LEAST_MS = 50;
// Who made an answer, where it was not the model in that moment.
const WRITERS = {
  written: "These words were written beforehand, for somebody who said much the same.",
  fixed: "Answered without the model.",
};

// Returns sentences about one turn.
export function told(turn) {
  return [hearing(turn), speaking(turn.style), WRITERS[turn.reply_source], timing(turn)].filter(Boolean);
}

function hearing({ emotion, corrected }) {
  if (corrected) return `You meant it ${corrected === "surprise" ? "surprised" : corrected}.`;
  if (!emotion) return "";
  const percent = `${Math.round(100 * emotion.confidence)} %`;
  if (emotion.abstained) return `Your voice left it unsure how you felt; ${emotion.label} came first (${percent}).`;
  const surely = emotion.confidence >= 0.8 ? "surely" : "probably";
  return `Your voice sounded ${surely} ${emotion.label === "surprise" ? "surprised" : emotion.label} (${percent}).`;
}

// Returns how an answer is spoken, part by part; none where that is the voice's own manner.
export function ways(style) {
  if (!style) return [];
  return [
    style.rate < 0.96 && "more slowly",
    style.rate > 1.04 && "faster",
    style.pitch < -0.4 && "lower",
    style.pitch > 0.4 && "higher",
    style.energy < -0.5 && "more softly",
    style.energy > 0.5 && "louder",
    style.pause > 1.15 && "with longer pauses",
    style.pause < 0.87 && "with shorter pauses",
  ].filter(Boolean);
}

export function speaking(style) {
  if (!style) return "";
  const manner = ways(style).join(", ");
  return manner ? `Answered ${manner}.` : "Answered in the voice's own manner.";
}

export function timing({ marks_ms: marks, typed }) {
  if (marks.played === undefined) return "";
  const steps = [];
  let before = 0;
  for (const [mark, purpose] of STAGES) {
    const at = mark === "heard" ? Math.max(marks.heard ?? 0, marks.words ?? 0) : marks[mark];
    if (at === undefined || at < before + LEAST_MS) continue;
    steps.push(`${seconds(at - before)} ${purpose}`);
    before = at;
  }
  const since = typed ? "you sent it" : "you fell silent";
  const why = steps.length ? `: ${steps.join(", ")}` : "";
  return `The answer began ${seconds(marks.played)} after ${since}${why}.`;
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
