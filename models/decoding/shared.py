"""Conversations that are answered at the same time, and share the steps of the LLM.

A step reads all weights of the LLM, for one conversation or for many: together they are answered in
little more time than one. Whoever asks for a token computes the next of all others along that have
taken theirs, and these find it ready when they ask. So nothing has to wait for anybody, each
conversation keeps its own length and end, and joins or leaves between two steps. What was computed
along and is not asked for, because somebody interrupts, is written over.

All of it runs on the one thread of the model.
"""

from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakSet

from torch import Tensor

from models.decoding.budget import CacheBudget
from models.decoding.rows import Rows, shapes_of
from models.decoding.step import How, RecordRun, Steps
from models.llm import LanguageModel

UNASKED = 16
"""Steps that a conversation may be computed past before it leaves: its reader has enough for now,
and its row is computed for nothing."""
GROWTH = 512
"""On a CPU the buffers grow by so many positions."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How conversations share steps."""

    rows: int
    """Conversations in one step, at most."""
    positions: int
    """Of the longest conversation."""
    how: How = "plain"
    when_alone: bool = False
    """Whether one that is alone takes steps here, too: where they are quicker than those that grow
    with the conversation, as on a GPU. Elsewhere the first two to meet begin."""
    is_fixed: bool = False
    """Whether all memory is taken at once, as what is recorded needs, or as far as it is used."""
    budget: CacheBudget | None = None
    """Of the caches of all conversations; None: no bound but the machine's."""


class SeatedTalk(Protocol):
    """What takes a seat."""

    def rest(self) -> None:
        """Takes back what was computed in its seat, by `SharedSteps.give_back`, and leaves it."""
        ...


class Seat:
    """The place of one conversation while it is answered.

    Args:
        row: Of the buffers.
        length: Positions that its conversation has computed.
        conversation: Whose it is.
    """

    def __init__(self, row: int, length: int, conversation: SeatedTalk) -> None:
        self.row, self.length, self.cached = row, length, length
        self.token: int | None = None
        """What comes next and is not computed yet."""
        self.logits: Tensor | None = None
        """(V,) after what is computed."""
        self.best: Tensor | None = None
        """The most probable tokens after it, see `Stepped.best`."""
        self.unasked = 0
        self.conversation = conversation


class StepsNotShared(ValueError):
    """An LLM whose cache is of another kind: its conversations take steps of their own."""


class SharedSteps:
    """Takes steps of an LLM for all conversations that are being answered.

    Args:
        llm: In eval mode.
        sharing: How.
        record: Of graphs; CUDA's if not given.

    Raises:
        StepsNotShared: Not all layers of this LLM keep all positions.
    """

    def __init__(
        self, llm: LanguageModel, sharing: Sharing, *, record: RecordRun | None = None
    ) -> None:
        shapes = shapes_of(llm)
        if shapes is None:
            raise StepsNotShared(
                "the layers of this LLM do not keep all positions: conversations cannot share steps"
            )
        self.sharing = sharing
        self.taken = 0
        """Steps so far."""
        self.given = 0
        """Tokens that came of them."""
        self._llm, self._shapes, self._record = llm, shapes, record
        self._steps: Steps | None = None
        self._rows: Rows | None = None
        self._seats: list[Seat | None] = [None] * sharing.rows
        self._replying: WeakSet[SeatedTalk] = WeakSet()
        if sharing.is_fixed:
            self._grow(sharing.positions)

    @property
    def seated(self) -> list[Seat]:
        """The conversations that share steps now."""
        return [seat for seat in self._seats if seat is not None]

    def rehearse(self) -> None:
        """Records all steps beforehand, where they are recorded."""
        if self._steps is not None:
            self._steps.rehearse()

    def begin(self, conversation: SeatedTalk) -> None:
        """A reply begins."""
        self._replying.add(conversation)

    def end(self, conversation: SeatedTalk) -> None:
        """A reply is over."""
        self._replying.discard(conversation)

    def is_replying(self, conversation: SeatedTalk) -> bool:
        """Whether a reply of `conversation` is under way."""
        return conversation in self._replying

    def join(self, conversation: SeatedTalk, cache: Any) -> Seat | None:
        """Returns a seat with what `cache` holds; None where there is none or it is no gain.

        Args:
            conversation: Whose it is; it must be replying.
            cache: Its keys and values, which stay with it.
        """
        length = int(cache.get_seq_length())
        is_alone = len(self._replying) < 2
        if conversation not in self._replying or length >= self.sharing.positions:
            return None
        if None not in self._seats or (is_alone and not self.sharing.when_alone):
            return None
        if self._rows is None or length >= self._rows.positions:
            self._grow(length)
        assert self._rows is not None
        seat = Seat(self._seats.index(None), length, conversation)
        self._rows.put(seat.row, cache)
        self._seats[seat.row] = seat
        return seat

    def has_room(self, seat: Seat) -> bool:
        """Whether `seat` takes one position more."""
        return seat.length < self.sharing.positions

    def logits(self, seat: Seat) -> Tensor:
        """Returns the logits (V,) after what `seat` was given, computing others' along."""
        if seat.token is not None:
            self._take_step()
        seat.unasked = 0
        assert seat.logits is not None, "a seat is asked after its first token only"
        return seat.logits

    def free(self, seat: Seat, cache: Any) -> None:
        """Ends `seat`: `cache` is given what was computed since it joined."""
        assert self._rows is not None
        if seat.length > seat.cached:
            self._rows.give_back(seat.row, cache, seat.cached, seat.length)
        self._seats[seat.row] = None
        # No gaps: a step computes the first rows, whoever sits there.
        last = max((other.row for other in self.seated), default=-1)
        if last > seat.row:
            self._move(last, seat.row)
        if not self.sharing.is_fixed and last < 0:
            self._rows = self._steps = None  # memory that nobody needs until the next two meet

    def _take_step(self) -> None:
        asked = [seat for seat in self._seats if seat is not None and seat.token is not None]
        size = max(seat.row for seat in asked) + 1
        assert self._rows is not None and self._steps is not None
        longest = max(seat.length for seat in asked)
        if longest >= self._rows.positions:
            self._grow(longest)
            assert self._steps is not None
        # Who was not asked writes at its next position too, where it will write over that itself.
        computed = sorted(self.seated, key=lambda seat: seat.row)[:size]
        tokens = [seat.token or 0 for seat in computed]
        positions = [min(seat.length, self._rows.positions) for seat in computed]
        found = self._steps(tokens, positions, longest)
        self.taken += 1
        self.given += len(asked)
        for seat in asked:
            seat.logits = found.logits[seat.row]
            seat.best = None if found.best is None else found.best[seat.row]
            seat.length += 1
            seat.token = None
        self._ask_to_leave(asked)

    def _ask_to_leave(self, asked: list[Seat]) -> None:
        """Lets those go whose readers have not come for long: their rows are computed in vain."""
        for seat in self.seated:
            if seat not in asked:
                seat.unasked += 1
                if seat.unasked > UNASKED:
                    seat.conversation.rest()

    def _move(self, source: int, target: int) -> None:
        seat = self._seats[source]
        assert seat is not None and self._rows is not None
        self._rows.move(source, target, seat.length)
        seat.row = target
        self._seats[source], self._seats[target] = None, seat

    def _grow(self, longest: int) -> None:
        """Makes buffers that hold `longest` positions and some more, with what is held already."""
        positions = min(self.sharing.positions, (longest // GROWTH + 1) * GROWTH)
        larger = Rows(self._shapes, self.sharing.rows, positions)
        if self._rows is not None:
            larger.adopt(self._rows)
        self._rows = larger
        self._steps = Steps(self._llm, larger, self.sharing.how, self._record)
