"""The turns of a conversation as they were heard, and which words of a reply were heard."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from assistant import events
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from models.emotions import Emotion

WORDS_PER_S = 2.5
"""Speaking rate assumed for a sentence whose speech is not complete yet."""

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Turn:
    """What the person said and how, and what was answered and heard of it."""

    index: int
    start_s: float
    end_s: float
    estimate: EmotionEstimate | None = None
    corrected: Emotion | None = None
    """The emotion by the person's own word; the model's estimate stays beside it."""
    transcript: Transcript | None = None
    style: SpeakingStyle | None = None
    generated: str = ""
    reply_source: str = ""
    """Who made what the answer begins with, see `TextDelta.source`; empty before it has begun."""
    heard: str = ""
    interrupted: bool = False
    passed_over: bool = False
    """Whether it was said while the talk was paused: it has neither words nor an answer."""
    reply_start_s: float | None = None
    """When its first sound was played, on the audio clock; None where none was."""
    reply_end_s: float | None = None
    """When its last one was."""
    failure: str | None = None
    marks_ms: dict[str, float] = field(default_factory=dict[str, float])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    """Those it was answered under: voice, policy, patience, model and the like."""

    @property
    def emotion(self) -> Emotion | None:
        """The emotion that counts: corrected, else estimated; None where the model abstained."""
        if self.corrected is not None:
            return self.corrected
        if self.estimate is None or self.estimate.abstained:
            return None
        return self.estimate.emotion


class History:
    """The turns so far, built from the events of the conversation."""

    def __init__(self, past: Iterable[events.Event] = ()) -> None:
        self._turns: dict[int, Turn] = {}
        for event in past:
            self.apply(event)

    @property
    def turns(self) -> list[Turn]:
        """The turns in their order."""
        return [self._turns[index] for index in sorted(self._turns)]

    def apply(self, event: events.Event) -> None:
        """Takes in what happened; events that no turn is made of change nothing."""
        index = turn_index(event)
        if index is None:
            return
        turn = turn_after(self._turns.get(index), event)
        if turn is None:
            self._turns.pop(index, None)
        else:
            self._turns[index] = turn


def turn_index(event: events.Event) -> int | None:
    """Returns the index of the turn that `event` belongs to, if it belongs to one."""
    index: int | None = getattr(event, "turn", None)
    return index


def turn_after(turn: Turn | None, event: events.Event) -> Turn | None:
    """Returns what `turn` has become by one of its events; None where there is no such turn."""
    match event:
        case events.UtteranceEnded(turn=index, start_s=start_s, end_s=end_s):
            return Turn(index, start_s, end_s, settings=event.settings | event.asked)
        case events.UtteranceJoined():
            return None
        case _:
            pass
    return None if turn is None else _changed(turn, event)


def _changed(turn: Turn, event: events.Event) -> Turn:
    match event:
        case events.EmotionHeard(estimate=estimate):
            return replace(turn, estimate=estimate)
        case events.EmotionCorrected(emotion=emotion):
            return replace(turn, corrected=emotion)
        case events.WordsHeard(transcript=transcript):
            return replace(turn, transcript=transcript)
        case events.PassedOver():
            return replace(turn, passed_over=True)
        case events.StyleChosen():
            return replace(turn, style=event.spoken)
        case events.ReplyText(text=text, source=source):
            whose = turn.reply_source or source
            return replace(turn, generated=turn.generated + text, reply_source=whose)
        case events.ReplyStarted(at_s=at_s):
            return replace(turn, reply_start_s=at_s)
        case events.ReplyFinished(at_s=at_s, heard=heard):
            return replace(turn, heard=heard, reply_end_s=at_s)
        case events.Interrupted(at_s=at_s, heard=heard):
            return replace(turn, heard=heard, interrupted=True, reply_end_s=at_s)
        case events.TurnFailed(message=message):
            return replace(turn, failure=message)
        case events.TurnTimed(marks_ms=marks_ms):
            return replace(turn, marks_ms=marks_ms)
        case _:
            return turn


@dataclass(slots=True)
class _Piece:
    text: str
    start_samples: int
    samples: int = 0
    is_complete: bool = False


class SpokenReply:
    """Keeps what text each sample of a reply speaks, to say which words were heard."""

    def __init__(self, sample_rate: int) -> None:
        """Starts an empty reply; `sample_rate` is that of the playback clock, in Hz."""
        self._rate = sample_rate
        self._pieces: list[_Piece] = []

    @property
    def samples(self) -> int:
        """Length of the speech so far."""
        return sum(piece.samples for piece in self._pieces)

    def begin(self, text: str) -> None:
        """The samples that follow speak `text`."""
        self._pieces.append(_Piece(text, self.samples))

    def add(self, samples: int) -> None:
        """So many samples more of the text begun last were queued for playback."""
        self._pieces[-1].samples += samples

    def complete(self) -> None:
        """The text begun last is spoken to its end."""
        self._pieces[-1].is_complete = True

    def heard(self, played_samples: int) -> str:
        """Returns the words that ended within the first `played_samples` of the reply.

        Inside a sentence, words are placed in proportion to their letters: voices do not say
        where their words lie.
        """
        return "".join(self._heard_of(piece, played_samples) for piece in self._pieces).rstrip()

    def _heard_of(self, piece: _Piece, played_samples: int) -> str:
        played = played_samples - piece.start_samples
        if played <= 0:
            return ""
        if piece.is_complete and played >= piece.samples:
            return piece.text
        expected = piece.samples
        # What is queued is only its beginning: by that length alone the whole text would count as
        # heard.
        if not piece.is_complete:
            words = len(piece.text.split())
            expected = max(expected, round(words * self._rate / WORDS_PER_S))
        reached = len(piece.text.rstrip()) * min(1.0, played / max(1, expected))
        end = max(
            (word.end() for word in _WORD.finditer(piece.text) if word.end() <= reached), default=0
        )
        return piece.text[:end]
