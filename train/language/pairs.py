"""Pairs of answers to the same words, a better and a worse one, as token rows and batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.prompts import ChatPrompts
from train.language.material import Exchange, WrittenTalk
from train.language.rows import SPOKEN_SHARE, TalkRow, TalkRows, padded, sound_of
from train.loop.batches import LoadedBatch


class PairRows(NamedTuple):
    """One token row: the words of each pair, and behind them both answers.

    These see the words and not each other.
    """

    rows: TalkRows
    """Both answers are learnt positions."""
    answers: Tensor
    """(1, T) which answer a position belongs to: 2 n the better one of pair n, 2 n + 1 the worse
    one; -1 for other positions."""
    foretold: Tensor
    """(1, T) at a position of an answer the one before it: at its first the last of the words."""
    reference: Tensor
    """(2 N) the log-probability of each answer before anything was learnt; 0 where not known."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A talk up to its last words, and two answers to these."""

    name: str
    talk: WrittenTalk
    """Its last exchange has a worse answer."""


def pairs_of(talks: Sequence[WrittenTalk]) -> list[Pair]:
    """Returns a pair for each exchange that has a worse answer.

    Raises:
        ValueError: There is none, or two have the same name.
    """
    pairs = [
        Pair(f"{talk.name}/{number}", WrittenTalk(talk.name, talk.exchanges[: number + 1]))
        for talk in talks
        for number, exchange in enumerate(talk.exchanges)
        if exchange.worse is not None
    ]
    if not pairs:
        raise ValueError("the material has no pair: `- words` behind an answer is a worse one")
    # What is known of a pair is kept by its name: another one's would teach the wrong thing.
    if len({pair.name for pair in pairs}) < len(pairs):
        raise ValueError("two files of the material have the same name: rename one of them")
    return pairs


@dataclass(frozen=True)
class PairBatches:
    """Every pair once an epoch, several in a row, in an order drawn from seed and epoch.

    How the words of a pair sound is drawn once, by its name: what an LLM makes of its answers stays
    comparable.
    """

    pairs: Sequence[Pair]
    prompts: ChatPrompts
    persona: str
    batch_tokens: int
    """Positions of a batch, the one row that holds its pairs, without the system line."""
    seed: int = 1
    told_in: int = 0
    """Positions behind words that tell how they sound."""
    reference: Mapping[str, tuple[float, float]] = field(
        default_factory=dict[str, tuple[float, float]]
    )
    """By a pair's name the log-probabilities of its answers before anything was learnt."""

    def count(self, epoch: int) -> int:
        """Batches in an epoch."""
        return len(self._planned(epoch))

    def load(self, epoch: int, number: int) -> LoadedBatch:
        """Returns one batch; the same arguments give the same batch."""
        pairs = self._planned(epoch)[number]
        row = TalkRow()
        row.add(self.prompts.opening(self.persona), segment=0)
        answers, foretold = [-1] * len(row.ids), [0] * len(row.ids)
        for place, pair in enumerate(pairs):
            trunk = 1 + 3 * place
            self._say(row, pair, segment=trunk)
            asked = len(row.ids) - 1
            answers += [-1] * (len(row.ids) - len(answers))
            foretold += [0] * (len(row.ids) - len(foretold))
            for worse, answer in enumerate(_answers(pair)):
                begun = len(row.ids)
                ids = self.prompts.content(answer) + self.prompts.next_turn()[:1]
                row.add(ids, segment=trunk + 1 + worse, trunk=trunk, learnt=True)
                answers += [2 * place + worse] * len(ids)
                foretold += [asked, *range(begun, begun + len(ids) - 1)]
        known = [self.reference.get(pair.name, (0.0, 0.0)) for pair in pairs]
        value = PairRows(
            padded([row]),
            torch.tensor([answers]),
            torch.tensor([foretold]),
            torch.tensor(known).flatten(),
        )
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
        length = sum(len(content(e.said)) + len(content(e.reply)) + around for e in exchanges)
        return length + len(content(exchanges[-1].worse or "")) + 1

    def _say(self, row: TalkRow, pair: Pair, *, segment: int) -> None:
        """Adds a pair's talk up to where its answers begin."""
        content, generator = self.prompts.content, _drawn_by(pair.name)
        is_spoken = bool(generator.random() < SPOKEN_SHARE)
        for exchange in pair.talk.exchanges[:-1]:
            sound = sound_of(exchange.emotion, is_spoken, generator)
            row.say(content(exchange.said), sound, segment=segment, told_in=self.told_in)
            row.add(self.prompts.reply_header(), segment=segment)
            row.add(content(exchange.reply) + self.prompts.next_turn(), segment=segment)
        last = pair.talk.exchanges[-1]
        sound = sound_of(last.emotion, is_spoken, generator)
        row.say(content(last.said), sound, segment=segment, told_in=self.told_in)
        row.add(self.prompts.reply_header(), segment=segment)


def _answers(pair: Pair) -> Iterator[str]:
    """Yields the better answer, then the worse one."""
    last = pair.talk.exchanges[-1]
    yield last.reply
    yield last.worse or ""


def _drawn_by(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))
