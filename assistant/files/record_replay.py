"""Counterfactual replay: the turns of a record answered again, under other settings.

The person's channel is cut where the log says that turns began and ended, so that model, policy
and voice get what they got then. The talk goes on with the new answers, all heard to their ends;
corrections of the person count from the next turn on, as they did.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile

from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform
from assistant.conversation.answering import Answer, Answering
from assistant.conversation.engines import Engines
from assistant.errors import EngineFailed, InputError
from assistant.records.reading import Record
from assistant.records.turns import RecordedTurn, recorded_turns
from assistant.session import open_conversation
from assistant.turns.cutter import SpokenTurn

SHORTEST_S = 0.1
"""Of a turn that was spoken: a record that begins in the middle of one may hold less of it."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A recorded turn and what became of it this time."""

    recorded: RecordedTurn
    answer: Answer | None
    """None where an engine broke."""
    failure: str
    clips: tuple[AudioClip, ...]
    """The spoken answer."""


def recorded_settings(record: Record) -> dict[str, str | None]:
    """Returns model, voice, policy and persona of a record, as an option would name them."""
    started = record.started
    if started is None:
        raise InputError(f"{record.id} was cut off before it said what it was recorded with")
    model, persona = started.settings.get("model"), started.settings.get("persona")
    return {
        # A model that is a folder is shown by its name alone, and named whole in the settings.
        "model": model if isinstance(model, str) and model not in ("", "auto") else started.model,
        "voice": started.voice,
        "policy": started.policy,
        "persona": persona if isinstance(persona, str) and persona else None,
    }


def check_replayable(record: Record, *, from_words: bool) -> None:
    """Makes sure that there is something to replay, before engines are loaded.

    Raises:
        InputError: There are no turns, or what they would be replayed from was not kept.
    """
    if not recorded_turns(record):
        raise InputError(f"nothing was said in {record.id}: there is nothing to replay")
    if from_words and not record.log.head.consent.words:
        raise InputError(f"{record.id} was recorded without words: leave --from-words out")
    if not from_words and record.audio is None:
        raise InputError(
            f"{record.id} was recorded without sound: --from-words replays the words, without "
            "the voice that said them"
        )


async def replay(
    record: Record, engines: Engines, persona: str | None = None, *, from_words: bool = False
) -> AsyncIterator[Replayed]:
    """Yields each turn of a record, answered by `engines`.

    Raises:
        InputError: The sound cannot be read.
    """
    conversation = open_conversation(engines, persona=persona)
    answering = Answering(conversation)
    for turn, question in _questions(record, from_words=from_words):
        clips: list[AudioClip] = []
        try:
            answer = await answering.answer(question, clips.append)
        except EngineFailed as error:
            yield Replayed(turn, None, str(error), tuple(clips))
            continue
        if turn.turn.corrected is not None:
            conversation.correct_emotion(answer.turn, turn.turn.corrected)
        yield Replayed(turn, answer, "", tuple(clips))


def _questions(
    record: Record, *, from_words: bool
) -> Iterator[tuple[RecordedTurn, SpokenTurn | str]]:
    """Yields each turn as it is given to the model; one of which nothing was kept is left out."""
    person = _person(record) if record.audio is not None and not from_words else None
    for turn in recorded_turns(record):
        if turn.is_typed or person is None:
            if turn.words:
                yield turn, turn.words
            continue
        span = slice(round(turn.start_s * SPEECH_RATE_HZ), round(turn.end_s * SPEECH_RATE_HZ))
        waveform = person[span]
        if len(waveform) >= SHORTEST_S * SPEECH_RATE_HZ:
            yield turn, SpokenTurn(turn.start_s, turn.end_s, waveform)


def _person(record: Record) -> Waveform:
    """Returns the left channel."""
    path = record.audio
    assert path is not None
    try:
        with soundfile.SoundFile(path) as file:
            sound, rate_hz = file.read(dtype="float32", always_2d=True), file.samplerate
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(f"{path} cannot be read as sound: {error}") from error
    if rate_hz != SPEECH_RATE_HZ:
        raise InputError(f"{path} has {rate_hz} Hz, and a record has {SPEECH_RATE_HZ}")
    return np.ascontiguousarray(sound[:, 0], dtype=np.float32)


def comparison(replayed: Replayed) -> dict[str, Any]:
    """Returns both sides of a turn as plain JSON, and which of its parts differ."""
    recorded = _recorded_side(replayed.recorded)
    now = _replayed_side(replayed)
    return {
        "kind": "turn",
        "turn": replayed.recorded.turn.index,
        "start_s": round(replayed.recorded.start_s, 3),
        "end_s": round(replayed.recorded.end_s, 3),
        "recorded": recorded,
        "replayed": now,
        "differs": [name for name in recorded if recorded[name] != now[name]],
    }


def _recorded_side(turn: RecordedTurn) -> dict[str, Any]:
    estimate, style = turn.estimate, turn.turn.style
    return {
        "words": turn.words,
        "emotion": None if estimate is None else estimate.emotion.label,
        "confidence": None if estimate is None else round(estimate.confidence, 4),
        "reply": turn.turn.generated.strip() or turn.said or None,
        "style_emotion": None if style is None else style.emotion.label,
        "style_intensity": None if style is None else round(style.intensity, 3),
        "failure": turn.turn.failure,
    }


def _replayed_side(replayed: Replayed) -> dict[str, Any]:
    answer = replayed.answer
    if answer is None:
        names = _recorded_side(replayed.recorded)
        return {**dict.fromkeys(names), "failure": replayed.failure}
    estimate = answer.estimate
    return {
        "words": answer.words.text,
        "emotion": None if estimate is None else estimate.emotion.label,
        "confidence": None if estimate is None else round(estimate.confidence, 4),
        "reply": answer.reply or None,
        "style_emotion": answer.style.emotion.label,
        "style_intensity": round(answer.style.intensity, 3),
        "failure": None,
    }
