"""Records on disk as a talk leaves them, made without holding one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.engines.protocols import SpeakingStyle, Transcript
from assistant.event_lines import to_record
from assistant.records.recording import AUDIO_NAME, LOG_NAME, Consent, LogHead, WavWriter, permitted
from models.emotions import Emotion
from tests.fakes import certain, speech_like

BEGAN = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
TURN_S = 4.0
"""From one turn to the next: two seconds each of person and assistant."""


@dataclass(frozen=True)
class Said:
    """A turn: what was said and how, and what was answered."""

    words: str = "I failed my driving test."
    emotion: Emotion = Emotion.SAD
    reply: str = "I am so sorry. What happened?"
    heard: str | None = None
    """What was heard of an answer that was interrupted."""
    corrected: Emotion | None = None
    typed: bool = False
    source: str = "model"
    """Who made the answer."""


TALK = (
    Said(),
    Said("I forgot to look <over> my shoulder & that was it.", Emotion.ANGRY, heard="I am so"),
    Said("But I am laughing again.", Emotion.NEUTRAL, "That is good to hear!", None, Emotion.HAPPY),
)


def events_of(said: Sequence[Said], began: datetime = BEGAN) -> list[events.Event]:
    """Returns what happened in such a talk, in its order."""
    utc = began.isoformat(timespec="milliseconds")
    in_force = {"model": "mini", "voice": "piper", "policy": "empathetic"}
    happened: list[events.Event] = [
        events.ConversationStarted(0.0, "mini", "piper", "empathetic", utc, {}, in_force)
    ]
    for turn, one in enumerate(said):
        start = TURN_S * turn + 0.25
        end = start if one.typed else start + 1.5
        estimate = certain(one.emotion, 0.8)
        style = SpeakingStyle(one.emotion, 0.5, rate=0.9, pitch=-1.0)
        source = "typed" if one.typed else "decoder"
        happened += [
            events.UtteranceEnded(end + 0.2, turn, start, end, end, "silence", in_force),
            *([] if one.typed else [events.EmotionHeard(end + 0.2, turn, estimate)]),
            events.WordsHeard(end + 0.2, turn, Transcript(one.words, 0.9, source)),
            events.StyleChosen(end + 0.2, turn, style),
            events.ReplyText(end + 0.3, turn, one.reply, one.source),
            events.ReplyStarted(start + 2.0, turn),
        ]
        if one.heard is None:
            happened.append(events.ReplyFinished(start + 3.5, turn, one.reply, one.reply))
        else:
            happened.append(events.Interrupted(start + 3.0, turn, one.heard, one.reply, 1.0))
        happened.append(events.TurnTimed(start + 3.5, turn, {"first_audio": 412.0}))
        if one.corrected is not None:
            happened.append(events.EmotionCorrected(start + 3.6, turn, one.corrected))
    happened.append(events.ConversationEnded(TURN_S * len(said), "stopped"))
    return happened


def make_record(
    folder: Path,
    said: Sequence[Said] = TALK,
    *,
    began: datetime = BEGAN,
    consent: Consent | None = None,
    offset_s: float = 0.0,
) -> Path:
    """Writes a record; with `offset_s` it begins so late in its talk."""
    consent = consent or Consent()
    folder.mkdir(parents=True, mode=0o700)
    lines = [LogHead(consent=consent).model_dump()]
    for event in events_of(said, began):
        kept = permitted(event, consent)
        if kept is not None:
            utc = (began + timedelta(seconds=event.at_s)).isoformat(timespec="milliseconds")
            lines.append({**_later(to_record(kept), offset_s), "wall_utc": utc})
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / LOG_NAME).write_text(text, encoding="utf-8")
    if consent.audio:
        _write_sound(folder / AUDIO_NAME, said)
    return folder


def _later(record: dict[str, object], offset_s: float) -> dict[str, object]:
    moved = {key: record[key] + offset_s for key in record if key.endswith("_s")}  # type: ignore[operator]
    if record["event"] == "Interrupted":
        moved.pop("unheard_s")  # a length, no moment
    return {**record, **moved}


def _write_sound(path: Path, said: Sequence[Said]) -> None:
    length_s = TURN_S * len(said)
    spans = [(TURN_S * turn + 0.25, TURN_S * turn + 1.75) for turn in range(len(said))]
    person = speech_like(*spans, length_s=length_s)
    assistant = np.zeros_like(person)
    for start_s, _ in spans:
        span = slice(
            round((start_s + 2.0) * SPEECH_RATE_HZ), round((start_s + 3.5) * SPEECH_RATE_HZ)
        )
        time = np.arange(span.stop - span.start) / SPEECH_RATE_HZ
        assistant[span] = 0.2 * np.sin(2 * np.pi * 220.0 * time)
    sound = WavWriter(path)
    sound.write(person, assistant.astype(np.float32))
    sound.close()
