"""One row, measured: from the answers to its set to a figure with everything that explains it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.emotions import Emotion, emotion_from_label
from train.data.audio_files import read_audio
from train.data.manifest import Utterance
from train.metrics import Figure
from train.rows.answering import RecordedAnswer, data_digest
from train.rows.judging import Judge, JudgedItem, judge_items
from train.rows.measures import accuracy, interval, mean_of, named_emotion, of_emotions, of_replies
from train.rows.table import FieldRow
from train.rows.voice_facts import voice_facts


@dataclass
class MeasuredRow:
    """A row of the table."""

    row: FieldRow
    figure: Figure | None = None
    drawn: str = ""
    """What the interval draws with replacement."""
    missing: str = ""
    """Why there is no figure, and what would give one."""
    beside: dict[str, Figure] = field(default_factory=dict[str, Figure])
    """The head's figure, parts of the set, other ways to count."""
    drops: dict[str, int] = field(default_factory=dict[str, int])
    notes: list[str] = field(default_factory=list[str])
    data: str = ""
    """Digest of what was answered."""
    judge: str = ""


@dataclass(frozen=True)
class Answers:
    """A set as it was answered."""

    corpus: str
    pairs: Sequence[tuple[Utterance, RecordedAnswer]]
    root: Path
    """What the audio references of the utterances are relative to."""


def measure_row(
    row: FieldRow, sets: Sequence[Answers], judge: Judge | None, verdicts: Path
) -> MeasuredRow:
    """Returns a row that is measured on sets; each is one of the row's corpora.

    Args:
        row: Of a task other than `mean`.
        sets: At least one, with at least one answer.
        judge: Needed where the row is judged.
        verdicts: Where the judge's answers are recorded.
    """
    measured = MeasuredRow(row)
    pairs = [pair for answers in sets for pair in answers.pairs]
    measured.data = data_digest(pairs)
    if row.task == "emotion":
        _emotions(measured, pairs)
    elif row.is_judged:
        assert judge is not None, "the command asks for a judge before"
        _judged(measured, sets, judge, verdicts)
    else:
        references = [utterance.continuation for utterance, _ in pairs]
        replies = [answer.given.text for _, answer in pairs]
        speakers = [utterance.speaker for utterance, _ in pairs]
        measured.figure, measured.drawn = of_replies(row.measure, references, replies, speakers)
    if row.task == "reply":
        texts = [answer.given for _, answer in pairs]
        _note(measured, sum(not t.text for t in texts), "empty replies, counted as such")
        _note(measured, sum(not t.ended for t in texts), "replies cut at their longest length")
    return measured


def mean_row(row: FieldRow, parts: Sequence[MeasuredRow]) -> MeasuredRow:
    """Returns the mean of rows, weighted by their utterances, with the plain mean beside it."""
    lacking = [part.row.name for part in parts if part.figure is None]
    if lacking:
        return MeasuredRow(row, missing=f"needs {', '.join(lacking)}")
    figures = [part.figure for part in parts if part.figure is not None]
    mean = MeasuredRow(row, mean_of(figures, weighted=True), "its rows, as if each were normal")
    mean.beside["plain mean"] = mean_of(figures, weighted=False)
    return mean


def _emotions(measured: MeasuredRow, pairs: Sequence[tuple[Utterance, RecordedAnswer]]) -> None:
    row = measured.row
    truth = [int(emotion_from_label(u.emotion or "")) for u, _ in pairs]
    named = [named_emotion(answer.given.text) for _, answer in pairs]
    votes, speakers = [u.votes for u, _ in pairs], [u.speaker for u, _ in pairs]
    measured.figure, measured.drawn = of_emotions(row.measure, truth, named, speakers, votes)
    heads = [answer.given.probabilities for _, answer in pairs]
    if all(heads):
        heard = [int(np.argmax(head)) for head in heads]
        measured.beside["emotion head"] = of_emotions(row.measure, truth, heard, speakers, votes)[0]
        same = sum(a == b for a, b in zip(named, heard, strict=True))
        _note(measured, same, f"of {len(named)} answers name what the head heard")
    _note(measured, named.count(-1), "answers name no emotion or several, counted wrong")
    if row.measure == "annotator-aware macro F1" and not any(votes):
        measured.notes.append("no annotators' labels: labels_detailed.csv is missing or has none")
    for part in row.beside:
        kept = [n for n, (u, _) in enumerate(pairs) if u.label not in part.leave_out]
        if kept:
            right = [truth[n] == named[n] for n in kept]
            measured.beside[part.name] = accuracy(right, [speakers[n] for n in kept])[0]


def count_others(measured: MeasuredRow, others: Mapping[str, int]) -> None:
    """Counts labels outside the five as never right, beside the row.

    Args:
        measured: Of a row that asks for it.
        others: Utterances of the row's split by such a label.
    """
    if measured.figure is not None and any(others.values()):
        figure = measured.figure
        count = figure.count + sum(others.values())
        factor = figure.count / count
        name = f"with {' and '.join(others)} never right"
        measured.beside[name] = Figure(
            figure.value * factor, figure.low * factor, figure.high * factor, count
        )


def _judged(measured: MeasuredRow, sets: Sequence[Answers], judge: Judge, verdicts: Path) -> None:
    row = measured.row
    items, speakers = list[JudgedItem](), list[str]()
    for answers in sets:
        for utterance, answer in answers.pairs:
            known = known_of(utterance, row.measure, answers.root)
            name = f"{answers.corpus}/{utterance.id}"
            items.append(JudgedItem(name, known, answer.given.text))
            speakers.append(utterance.speaker)
    found = judge_items(judge, row.measure, row.scale, items, verdicts)
    scores = np.array(found.scores)
    measured.figure, measured.drawn = interval(
        lambda places: float(scores[places].mean()), speakers
    )
    measured.judge = ", ".join(found.judges) or judge.model
    measured.notes.append(f"order effect of the judge {found.order_effect:+.2f}")
    if len(found.judges) > 1:
        measured.notes.append("the judge was exchanged in between: ask one model, pinned")
    for failure, count in found.failures.most_common():
        measured.notes.append(f"{count} of {2 * len(items)} verdicts: {failure}, counted lowest")


def known_of(utterance: Utterance, measure: str, root: Path) -> str:
    """Returns what a judge is told beside the answer that it judges."""
    lines: list[str] = []
    for said, replied in utterance.history:
        lines += [f"Person: {said}", f"Assistant: {replied}"]
    lines.append(f"The person said: {utterance.text or '(words not known)'}")
    if utterance.emotion and measure != "helpfulness":
        feeling = Emotion(emotion_from_label(utterance.emotion)).adjective
        lines.append(f"The voice sounded {feeling}.")
    if measure == "factual alignment":
        facts = voice_facts(read_audio(utterance.audio, root), utterance.text)
        lines.append(f"Measured of the voice: {facts}.")
    if utterance.continuation and measure in ("dialogue quality", "helpfulness"):
        lines.append(f"A good answer would be: {utterance.continuation}")
    return "\n".join(lines)


def _note(measured: MeasuredRow, count: int, what: str) -> None:
    if count:
        measured.notes.append(f"{count} {what}")
