"""Talks as token rows: each answer is learnt, each word of the person may carry a feeling."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.config import CalibrationConfig
from models.emotion.heads import is_told
from models.emotions import EMOTION_LABELS, Emotion
from models.prompts import ChatPrompts
from train.alignment.losses import IGNORED
from train.language.domain import cut_reply
from train.language.material import WrittenTalk

SPOKEN_SHARE = 0.6
"""Of the talks: spoken, so that words without a marked feeling sound neutral; others are typed."""
SUREST, LEAST_SURE = 1.0, 0.55
"""Probability of the feeling that is heard, as an emotion head gives it; the rest is spread."""
LOWER_SHARE = 0.08
"""Of what is said: in small letters and without marks, as some type and some recognisers write."""
CUT_SHARE = 0.04
"""Of the answers before the last one: interrupted after some words, and not learnt."""

SILENT = (0.0,) * len(EMOTION_LABELS)
"""How words sound that nobody spoke."""

_MARKS = str.maketrans("", "", ".,!?;:")


class TalkRows(NamedTuple):
    """Token rows of one length."""

    ids: Tensor
    """(B, T)."""
    labels: Tensor
    """(B, T) the same ids where they are to be learnt, else `IGNORED`."""
    emotions: Tensor
    """(B, T, E) how the words at a position sound; all zero where nothing is told."""
    slots: Tensor
    """(B, T) 0 at words and markup; k at the k-th position behind words, which tells their sound
    and holds no word."""
    attended: Tensor
    """(B, T, T) bool, the positions that each position sees."""
    positions: Tensor
    """(B, T) rotary positions."""


@dataclass(slots=True)
class TalkRow:
    """One row before padding.

    Segment 0, the system line, is seen by all that comes after it; any other segment, a
    conversation, by its own positions only, and by those of segments that go on from it.
    """

    ids: list[int] = field(default_factory=list[int])
    labels: list[int] = field(default_factory=list[int])
    emotions: list[tuple[float, ...]] = field(default_factory=list[tuple[float, ...]])
    slots: list[int] = field(default_factory=list[int])
    segments: list[int] = field(default_factory=list[int])
    trunks: list[int] = field(default_factory=list[int])
    """The segment that a position's own goes on from; its own where that begins anew."""
    positions: list[int] = field(default_factory=list[int])

    def add(
        self,
        ids: Sequence[int],
        *,
        segment: int,
        trunk: int | None = None,
        learnt: bool = False,
        emotion: tuple[float, ...] = SILENT,
        slots: Sequence[int] = (),
    ) -> None:
        """Appends tokens; a new segment goes on where segment 0 ends, or where its trunk does."""
        if segment in self.segments or not self.positions:
            start = self.positions[-1] + 1 if self.positions else 0
        else:
            start = self.segments.count(0) + (self.segments.count(trunk) if trunk else 0)
        self.ids += ids
        self.labels += ids if learnt else [IGNORED] * len(ids)
        self.emotions += [emotion] * len(ids)
        self.slots += slots or [0] * len(ids)
        self.segments += [segment] * len(ids)
        self.trunks += [segment if trunk is None else trunk] * len(ids)
        self.positions += range(start, start + len(ids))

    def say(
        self, words: Sequence[int], emotion: tuple[float, ...], *, segment: int, told_in: int
    ) -> None:
        """Appends what a person says, and behind it `told_in` positions that tell how it sounds.

        As a talk has it: of no words, no sound and no sure feeling nothing is told.
        """
        self.add(words, segment=segment, emotion=emotion)
        if words and is_told(emotion, CalibrationConfig()):
            slots = range(1, told_in + 1)
            self.add([0] * told_in, segment=segment, emotion=emotion, slots=slots)


@dataclass(frozen=True, slots=True)
class RowWriter:
    """Writes talks into token rows."""

    prompts: ChatPrompts
    persona: str
    longest: int
    """Positions of the longest conversation."""
    told_in: int = 0
    """Positions behind words that tell how they sound."""

    def row(
        self, talks: Sequence[WrittenTalk], generator: np.random.Generator, *, follows: float
    ) -> TalkRow:
        """Returns one row of `talks`; what goes beyond the longest conversation is left out.

        Args:
            talks: In their order.
            generator: Draws feelings, cuts and small letters.
            follows: Share of the talks that go on where the one before ended, with another subject.
        """
        row, segment = TalkRow(), 0
        row.add(self.prompts.opening(self.persona), segment=0)
        for talk in talks:
            if segment and generator.random() < follows:
                row.add(self.prompts.next_turn()[1:], segment=segment)
            else:
                segment += 1
            self._add(row, talk, segment, generator)
        return row

    def length(self, talk: WrittenTalk) -> int:
        """Returns the most positions that `talk` takes, without the system line."""
        around = len(self.prompts.reply_header()) + len(self.prompts.next_turn())
        content = self.prompts.content
        return sum(
            len(content(each.said)) + self.told_in + len(content(each.reply)) + around
            for each in talk.exchanges
        )

    def _add(
        self, row: TalkRow, talk: WrittenTalk, segment: int, generator: np.random.Generator
    ) -> None:
        is_spoken = bool(generator.random() < SPOKEN_SHARE)
        ending = self.prompts.next_turn()
        for number, exchange in enumerate(talk.exchanges):
            is_last = number == len(talk.exchanges) - 1
            said = self.prompts.content(_worded(exchange.said, generator))
            taken = row.segments.count(segment) + row.segments.count(0)
            if len(said) + self.told_in + taken > self.longest:
                return
            sound = sound_of(exchange.emotion, is_spoken, generator)
            row.say(said, sound, segment=segment, told_in=self.told_in)
            row.add(self.prompts.reply_header(), segment=segment)
            if not is_last and generator.random() < CUT_SHARE:
                row.add(self.prompts.content(cut_reply(exchange.reply, generator)), segment=segment)
                row.add(ending, segment=segment)
                continue
            reply = self.prompts.content(exchange.reply) + ending[:1]
            row.add(reply, segment=segment, learnt=True)
            if not is_last:
                row.add(ending[1:], segment=segment)


def _worded(text: str, generator: np.random.Generator) -> str:
    """Returns `text` as it reaches the LLM."""
    is_plain = generator.random() < LOWER_SHARE and text.strip(".") != ""
    return text.lower().translate(_MARKS) if is_plain else text


def padded(rows: Sequence[TalkRow]) -> TalkRows:
    """Returns rows of one length."""
    longest = max(len(row.ids) for row in rows)
    shape = (len(rows), longest)
    ids, positions = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    segments, trunks = torch.full(shape, -1), torch.full(shape, -1)
    emotions, slots = torch.zeros(*shape, len(EMOTION_LABELS)), torch.zeros_like(ids)
    for index, row in enumerate(rows):
        end = len(row.ids)
        ids[index, :end] = torch.tensor(row.ids)
        labels[index, :end] = torch.tensor(row.labels)
        segments[index, :end] = torch.tensor(row.segments)
        trunks[index, :end] = torch.tensor(row.trunks)
        positions[index, :end] = torch.tensor(row.positions)
        emotions[index, :end] = torch.tensor(row.emotions)
        slots[index, :end] = torch.tensor(row.slots)
    one, other, trunk = segments[:, :, None], segments[:, None, :], trunks[:, :, None]
    before = torch.ones(longest, longest, dtype=torch.bool).tril()
    attended = ((other == 0) | (one == other) | (trunk == other)) & before
    return TalkRows(ids, labels, emotions, slots, attended, positions)


def sound_of(
    emotion: Emotion | None, is_spoken: bool, generator: np.random.Generator
) -> tuple[float, ...]:
    """Returns how words sound, as an emotion head gives it; nothing for words without sound.

    Args:
        emotion: That they are marked with; None where none is.
        is_spoken: Whether words without a mark are neutral, and not typed.
        generator: Draws how sure the head is, and of what else.
    """
    count = len(EMOTION_LABELS)
    if emotion is None and not is_spoken:
        return SILENT
    heard = Emotion.NEUTRAL if emotion is None else emotion
    sureness = LEAST_SURE + (SUREST - LEAST_SURE) * float(generator.random())
    others = generator.dirichlet([0.5] * (count - 1)) * (1.0 - sureness)
    shares = [float(share) for share in others]
    shares.insert(int(heard), sureness)
    return tuple(shares)
