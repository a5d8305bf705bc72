"""A conversation in the LLM's KV cache: prefill, one decode step at a time, crop."""

import itertools
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.decoding.sampling import Sampling, TokenSampler
from models.decoding.shared import Seat, SharedSteps
from models.kv_cache import GaveWay
from models.llm import LanguageModel


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the conversation: words or speech."""

    ids: tuple[int, ...] = ()
    speech: Tensor | None = None
    """(S, D) speech embeddings, instead of `ids`."""

    def __len__(self) -> int:
        return len(self.ids) if self.speech is None else int(self.speech.shape[0])


class CachedText:
    """The positions of one conversation in the LLM, those already computed in a KV cache.

    What is appended is computed with the next decode step, so that a turn costs one prefill.

    Args:
        llm: Computes.
        steps: What conversations share while they are answered; None: each takes its own.
    """

    def __init__(self, llm: LanguageModel, steps: SharedSteps | None = None) -> None:
        self._llm, self._steps = llm, steps
        self._seat: Seat | None = None
        self._cache: Any = llm.new_cache()
        self._computed = 0
        self._ahead: tuple[int, ...] = ()
        """What the cache holds beyond `_computed`, see `expect`."""
        self._pieces: list[Piece] = []

    def __len__(self) -> int:
        return sum(len(piece) for piece in self._pieces)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What the conversation consists of so far."""
        return tuple(self._pieces)

    def append_ids(self, ids: Sequence[int]) -> None:
        """Adds words or markup; neighbouring words stay one piece."""
        if ids and self._pieces and self._pieces[-1].speech is None:
            self._pieces[-1] = Piece(ids=(*self._pieces[-1].ids, *ids))
        elif ids:
            self._pieces.append(Piece(ids=tuple(ids)))
        if self._seat is not None and self._steps is not None and ids:
            # At once, and not when it is asked for: another conversation may take the step before.
            is_next = len(self) == self._seat.length + 1 and self._steps.has_room(self._seat)
            self._seat.token = ids[-1] if is_next else None

    def append_speech(self, embeddings: Tensor) -> None:
        """Adds speech embeddings (S, D); the LoRA updates act on them."""
        self._pieces.append(Piece(speech=embeddings.detach()))

    @torch.inference_mode()
    def logits(self) -> Tensor:
        """Returns the logits (V,) after the last position, computing what is not yet computed.

        Raises:
            ValueError: Nothing was appended yet.
        """
        if len(self) == 0:
            raise ValueError("an empty conversation has no next token")
        self._meet_expected()
        if (seat := self._shared()) is not None:
            assert self._steps is not None
            return self._steps.logits(seat)
        self.rest()
        self._admit(len(self))
        # The cache holds keys and values, no logits: the last position is computed once more.
        if self._computed == len(self):
            self.crop(len(self) - 1, keep_pieces=True)
        return self._compute(len(self))[0, -1]

    @torch.inference_mode()
    def prefill(self, most: int) -> bool:
        """Computes up to `most` positions that are not computed yet; returns whether some are left.

        A long text is so computed in several steps, between which others may be served.
        """
        self.rest()
        self._meet_expected()
        end = min(len(self), self._computed + most)
        if end > self._computed:
            self._admit(end)
            self._compute(end)
        return self._computed < len(self)

    @torch.inference_mode()
    def expect(self, ids: Sequence[int], most: int, gives_way: Callable[[], bool]) -> bool:
        """Computes up to `most` of the positions that may come next; returns whether some are left.

        The conversation stays as it is. As far as `ids` are appended to it then, they are computed.

        Args:
            ids: What may come next.
            most: Positions to compute at once, those of the conversation itself before all.
            gives_way: Asked again and again; where it turns true nothing of this step is kept.
        """
        self.rest()
        cache = self._cache
        cache.gives_way = gives_way
        try:
            return self._expect(ids, most)
        except GaveWay:
            if not cache.take_back(self._computed + len(self._ahead)):
                self._start_over()
            return True
        finally:
            cache.gives_way = None

    def _expect(self, ids: Sequence[int], most: int) -> bool:
        if self._computed < len(self):
            return self.prefill(most) or bool(ids)
        self._keep_ahead(_agreeing(self._ahead, ids))
        coming = tuple(ids[len(self._ahead) :][:most])
        if coming:
            self._admit(len(self) + len(self._ahead) + len(coming))
            given = torch.tensor([coming], device=self._llm.like.device)
            self._llm(self._llm.embed(given), cache=self._cache, last_only=True)
            self._ahead += coming
        return len(self._ahead) < len(ids)

    def _meet_expected(self) -> None:
        """Counts as computed what was expected and came; the rest of what was expected goes."""
        if not self._ahead:
            return
        self._keep_ahead(_agreeing(self._ahead, _words_of(self._coming())))
        self._computed += len(self._ahead)
        self._ahead = ()

    def _keep_ahead(self, count: int) -> None:
        """Keeps of what is expected the first `count` positions."""
        if (remove := len(self._ahead) - count) > 0:
            self._ahead = self._ahead[:count]
            if not self._shrunk(remove):
                self._ahead = ()

    def _coming(self) -> Iterator[Piece]:
        """Yields what is not computed yet."""
        return _after(self._pieces, self._computed)

    def _compute(self, end: int) -> Tensor:
        """Returns the logits (1, 1, V) of position `end` - 1, computing all that lead there."""
        count, cache = end - self._computed, self._cache
        embeddings, speech = (part[:, :count] for part in self.inputs(self._computed))
        coming = _first(list(self._coming()), count)
        has_speech = any(piece.speech is not None for piece in coming)
        # Outside of the block the updates cost nothing; inside they multiply every position, which
        # each step of a reply, one word at a time, would pay for. The pieces know it, and not the
        # mask, whose device would have to be waited for.
        if has_speech:
            with self._llm.speech_positions(speech):
                logits = self._llm(embeddings, cache=cache, last_only=True)
        else:
            logits = self._llm(embeddings, cache=cache, last_only=True)
        self._computed = end
        return logits

    def _admit(self, length: int) -> None:
        """Makes room for the cache of `length` positions, where memory is bounded."""
        if self._steps is not None and self._steps.sharing.budget is not None:
            self._steps.sharing.budget.admit(self, length)

    @property
    def best(self) -> Tensor | None:
        """The most probable tokens of the last step, see `TokenSampler.choose`; None: not known."""
        return None if self._seat is None else self._seat.best

    @contextmanager
    def replying(self) -> Generator[None]:
        """Within it single tokens are computed together with those of other conversations."""
        if self._steps is None:
            yield
            return
        self._steps.begin(self)
        try:
            yield
        finally:
            self._steps.end(self)
            self.rest()

    def _shared(self) -> Seat | None:
        """Returns the seat from which the next token is computed; None where there is none."""
        if self._steps is None:
            return None
        if self._seat is not None:
            computed = self._seat.length + (self._seat.token is not None)
            return self._seat if computed == len(self) else None
        last = self._pieces[-1]
        # One token after what is computed. A prefill has more, and its logits.
        if self._computed and len(self) == self._computed + 1 and last.speech is None:
            self._seat = self._steps.join(self, self._cache)
            if self._seat is not None:
                self._seat.token = last.ids[-1]
        return self._seat

    def rest(self) -> None:
        """Goes on by itself, with what was computed together with others."""
        if self._seat is not None and self._steps is not None:
            seat, self._seat = self._seat, None
            self._steps.free(seat, self._cache)
            self._computed = seat.length

    def forget(self) -> bool:
        """Drops what is computed, which the next step computes anew; False while it replies."""
        if self._seat is not None or (self._steps is not None and self._steps.is_replying(self)):
            return False
        self._start_over()
        return True

    def crop(self, length: int, *, keep_pieces: bool = False, expects: bool = False) -> None:
        """Forgets everything from position `length` on.

        Args:
            length: Positions to keep.
            keep_pieces: Only the computed states go; the positions are computed again.
            expects: The words from there on may come again, see `expect`.
        """
        self.rest()
        self._meet_expected()
        coming = _words_of(_after(self._pieces, length)) if expects else ()
        ahead = coming[: max(0, self._computed - length)]
        remove = self._computed - length - len(ahead)
        if self._computed > length and (remove <= 0 or self._shrunk(remove)):
            self._computed, self._ahead = length, ahead
        if not keep_pieces:
            self._pieces = list(_first(self._pieces, length))

    def replace(self, start: int, end: int, ids: Sequence[int]) -> None:
        """Puts `ids` in place of the positions from `start` to `end`; the rest stays behind them.

        What follows `start` is computed again.
        """
        middle = [Piece(ids=tuple(ids))] if ids else []
        # Read before the crop, which cuts the pieces that are to stay behind `end`.
        pieces = [*_first(self._pieces, start), *middle, *_after(self._pieces, end)]
        self.crop(start)
        self._pieces = pieces

    def _shrunk(self, count: int) -> bool:
        """Takes the last `count` positions out of the cache; False where all of them had to go."""
        try:
            self._cache.crop(-count)
        except (RuntimeError, AttributeError, NotImplementedError, ValueError):
            # A window of attention that has slid on cannot slide back: start over.
            self._start_over()
            return False
        return True

    def _start_over(self) -> None:
        self._cache = self._llm.new_cache()
        self._computed, self._ahead = 0, ()

    def inputs(self, start: int = 0) -> tuple[Tensor, Tensor]:
        """Returns embeddings (1, T, D) and the speech mask (1, T) from position `start` on."""
        pieces = list(_after(self._pieces, start))
        like = self._llm.like
        ids = [piece.ids if piece.speech is None else (0,) * len(piece) for piece in pieces]
        given = torch.tensor([[token for some in ids for token in some]], device=like.device)
        is_speech = [piece.speech is not None for piece in pieces for _ in range(len(piece))]
        mask = torch.tensor([is_speech], device=like.device)
        speech = [piece.speech.to(like) for piece in pieces if piece.speech is not None]
        return self._llm.embed(given, mask, torch.cat(speech) if speech else None), mask


@dataclass(frozen=True, slots=True)
class Guidance:
    """Leads a reply away from what would be answered to anybody.

    Classifier-free guidance of language models (Sanchez et al., arXiv 2306.17806): small models
    answer so generally that the same reply fits any question. Only what is plausible to begin with
    can be chosen (contrastive decoding, Li et al., arXiv 2210.15097).
    """

    unasked: CachedText
    """A conversation whose question says nothing; what is appended while a reply grows is removed
    again at its end."""
    weight: float
    plausible: float

    def led(self, logits: Tensor) -> Tensor:
        """Returns logits (V,) that lead away from those of the conversation without a question."""
        asked = logits.float().log_softmax(dim=-1)
        unasked = self.unasked.logits().float().log_softmax(dim=-1)
        # Normalised before they are subtracted: logits of two runs have no common zero.
        guided = asked + self.weight * (asked - unasked)
        return guided.masked_fill(asked < asked.max() + math.log(self.plausible), -torch.inf)


def generate(
    text: CachedText,
    sampling: Sampling,
    *,
    stop_ids: Sequence[int],
    cancelled: Callable[[], bool] = lambda: False,
    guidance: Guidance | None = None,
) -> Generator[int]:
    """Yields the tokens of a reply as they are chosen; `text` grows with each of them.

    Ends at a stop token (which is neither yielded nor kept), after `max_new_tokens`, or when
    `cancelled()` is true before a step.
    """
    sampler = TokenSampler(sampling)
    before = 0 if guidance is None else len(guidance.unasked)
    with ExitStack() as replying:
        for each in (text, *([guidance.unasked] if guidance else [])):
            replying.enter_context(each.replying())
        if guidance is not None:
            # Also where the reader stops in the middle: the conversation without a question serves
            # every further reply, and would hold half of this one.
            replying.callback(guidance.unasked.crop, before)
        for _ in range(sampling.max_new_tokens):
            if cancelled():
                return
            logits = text.logits()
            if guidance is None:
                token = sampler.choose(logits, text.best)
            else:
                token = sampler.choose(guidance.led(logits))
            if token in stop_ids:
                return
            text.append_ids([token])
            if guidance is not None:
                guidance.unasked.append_ids([token])
            yield token


def _words_of(pieces: Iterator[Piece]) -> tuple[int, ...]:
    """Returns the tokens that `pieces` begin with, up to the first speech."""
    words = itertools.takewhile(lambda piece: piece.speech is None, pieces)
    return tuple(token for piece in words for token in piece.ids)


def _agreeing(ids: Sequence[int], others: Sequence[int]) -> int:
    """Returns how many tokens two texts begin with alike."""
    pairs = zip(ids, others, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _first(pieces: Sequence[Piece], length: int) -> Iterator[Piece]:
    """Yields the first `length` positions."""
    for piece in pieces:
        if length <= 0:
            return
        if len(piece) <= length:
            yield piece
        elif piece.speech is None:
            yield Piece(ids=piece.ids[:length])
        else:
            yield Piece(speech=piece.speech[:length])
        length -= len(piece)


def _after(pieces: Sequence[Piece], start: int) -> Iterator[Piece]:
    """Yields the positions from `start` on."""
    for piece in pieces:
        if start <= 0:
            yield piece
        elif start < len(piece):
            if piece.speech is None:
                yield Piece(ids=piece.ids[start:])
            else:
                yield Piece(speech=piece.speech[start:])
        start -= len(piece)
