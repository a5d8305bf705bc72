"""Pairs of answers to the same words, a better and a worse one, as token rows and batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.prompts import ChatPrompts
from train.alignment.losses import IGNORED
from train.language.material import Exchange, WrittenTalk
from train.language.rows import SPOKEN_SHARE, TalkRow, TalkRows, padded, sound_of
from train.loop.batches import LoadedBatch


class PairRows(NamedTuple):
    """Token rows in which both answers of a pair stand beside each other, unseen by each other."""

    rows: TalkRows
    """Both answers are learnt positions."""
    answers: Tensor
    """(B, T) which answer a position belongs to: 2 n the better one of pair n, 2 n + 1 the worse
    one; -1 for other positions."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A talk up to its last words, and two answers to these."""

    name: str
    talk: WrittenTalk
    """Its last exchange has a worse answer."""


def pairs_of(talks: Sequence[WrittenTalk]) -> list[Pair]:
    """Returns a pair for each exchange that has a worse answer.

    Raises:
        ValueError: There is none.
    """
    pairs = [
        Pair(f"{talk.name}/{number}", WrittenTalk(talk.name, talk.exchanges[: number + 1]))
        for talk in talks
        for number, exchange in enumerate(talk.exchanges)
        if exchange.worse is not None
    ]
    if not pairs:
        raise ValueError("the material has no pair: `- words` behind an answer is a worse one")
    return pairs


@dataclass(frozen=True)
class PairBatches:
    """Every pair once an epoch, several in a row, in an order drawn from seed and epoch."""

    pairs: Sequence[Pair]
    prompts: ChatPrompts
    persona: str
    batch_tokens: int
    """Positions of a batch, the one row that holds its pairs, without the system line."""
    seed: int = 1
    told_in: int = 0
    """Positions behind words that tell how they sound."""

    def count(self, epoch: int) -> int:
        """Batches in an epoch."""
        return len(self._planned(epoch))

    def load(self, epoch: int, number: int) -> LoadedBatch:
        """Returns one batch; the same arguments give the same batch."""
        pairs = self._planned(epoch)[number]
        generator = np.random.default_rng([self.seed, epoch, number])
        row = TalkRow()
        row.add(self.prompts.opening(self.persona), segment=0)
        for place, pair in enumerate(pairs):
            sounds = list(self._sounds(pair.talk, generator))
            for worse in (0, 1):
                self._add(row, pair.talk, sounds, segment=1 + 2 * place + worse, worse=bool(worse))
        answers = [
            segment - 1 if label != IGNORED else -1
            for segment, label in zip(row.segments, row.labels, strict=True)
        ]
        value = PairRows(padded([row]), torch.tensor([answers]))
        return LoadedBatch(value, tuple(pair.name for pair in pairs))

    def _planned(self, epoch: int) -> list[list[Pair]]:
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.pairs))
        batches, left = [list[Pair]()], self.batch_tokens
        for index in order.tolist():
            pair, length = self._fitted[index]
            if batches[-1] and length > left:
                batches.append([])
                left = self.batch_tokens
            batches[-1].append(pair)
            left -= length
        return batches

    @cached_property
    def _fitted(self) -> list[tuple[Pair, int]]:
        return [self._fitting(pair) for pair in self.pairs]

    def _fitting(self, pair: Pair) -> tuple[Pair, int]:
        """Returns the pair without the oldest exchanges that are too many, and its positions."""
        exchanges = pair.talk.exchanges
        while (length := self._length(exchanges)) > self.batch_tokens and len(exchanges) > 1:
            exchanges = exchanges[1:]
        return Pair(pair.name, WrittenTalk(pair.talk.name, exchanges)), length

    def _length(self, exchanges: Sequence[Exchange]) -> int:
        content = self.prompts.content
        around = len(self.prompts.reply_header()) + len(self.prompts.next_turn()) + self.told_in
        length = 2 * sum(len(content(e.said)) + len(content(e.reply)) + around for e in exchanges)
        last = exchanges[-1]
        return length + len(content(last.worse or "")) - len(content(last.reply))

    def _sounds(
        self, talk: WrittenTalk, generator: np.random.Generator
    ) -> Iterator[tuple[float, ...]]:
        """Yields how the words of each exchange sound, the same before both answers."""
        is_spoken = bool(generator.random() < SPOKEN_SHARE)
        for exchange in talk.exchanges:
            yield sound_of(exchange.emotion, is_spoken, generator)

    def _add(
        self,
        row: TalkRow,
        talk: WrittenTalk,
        sounds: Sequence[tuple[float, ...]],
        *,
        segment: int,
        worse: bool,
    ) -> None:
        ending, content = self.prompts.next_turn(), self.prompts.content
        last = len(talk.exchanges) - 1
        for number, exchange in enumerate(talk.exchanges):
            said = content(exchange.said)
            row.say(said, sounds[number], segment=segment, told_in=self.told_in)
            row.add(self.prompts.reply_header(), segment=segment)
            if number < last:
                row.add(content(exchange.reply) + ending, segment=segment)
                continue
            answer = exchange.worse if worse and exchange.worse is not None else exchange.reply
            row.add(content(answer) + ending[:1], segment=segment, learnt=True)
