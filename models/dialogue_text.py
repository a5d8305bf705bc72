"""Where the turns of a talk lie in the text that the LLM is given; old ones make room for new."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from models.blsp_emo import BlspEmo
from models.emotions import Emotion
from models.examples.book import Fitting
from models.generation import CachedText
from models.prompts import system_line

REPLY_ROOM, REPLY_SHARE = 128, 8
"""Positions that are kept free for a reply when old turns are dropped: so many, at most one in so
many of the longest talk."""
KEPT_SHARE = 0.4
"""Of the longest talk without its system line: where it would be longer, old turns are dropped
until they take this."""
PREFILLED_FROM, PREFILL_STEP = 192, 256
"""Positions of a system line from which it is computed before the first turn, and how many of them
at once, between which others are served. Smaller steps cost more than they spare: with weights in 4
to 6 bits a step takes as long as some 130 positions, however short it is."""
EXPECTED_STEP = 48
"""Positions of what is expected that are computed at once: of a step that gives way nothing is
kept."""
EXAMPLES_SHARE = 0.25
"""Of the longest talk: examples that would take more of it are not shown."""


@dataclass(slots=True)
class TurnPlace:
    """Where one turn lies."""

    start: int
    reply_start: int = -1
    """First position of the reply itself; negative while there is none."""
    examples_start: int = 0
    examples_length: int = 0
    """Positions before the person's words that hold examples of others; none once it is answered
    and another turn begins."""
    found: Fitting = field(default_factory=Fitting)
    """What it was opened with."""
    answer: str = ""
    """A written reply that fits; empty where the LLM answers."""


class DialogueText:
    """A system line and turns, in positions of the LLM.

    Args:
        model: Whose LLM reads it, and whose limits count.
        persona: The system line.
    """

    def __init__(self, model: BlspEmo, persona: str) -> None:
        self._model, self._prompts, self._persona = model, model.prompts, persona
        self.text = CachedText(model.llm, model.steps)
        """What is said within a turn is appended to it, and replies are cut in it."""
        self.turns: list[TurnPlace] = []
        self.forgotten_turns = 0
        """Oldest turns dropped because the conversation outgrew what the model follows."""
        self._opening = 0
        self._emotion: Emotion | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the last turn of the person has no reply yet."""
        return bool(self.turns) and self.turns[-1].reply_start < 0

    @property
    def _held(self) -> int:
        """Positions that what is waiting for a reply takes, without its examples."""
        if not self.is_waiting:
            return 0
        return len(self.text) - self.turns[-1].start - self.turns[-1].examples_length

    @property
    def turn_room(self) -> int:
        """Positions that the turn has still room for."""
        longest = self._model.config.longest_turn
        # What is held of the first turn counts the system line, which takes nothing of its room.
        return min(longest, longest + self._opening - self._held)

    def open_turn(
        self, length: int, emotion: Emotion | None, found: Fitting, *, reply_tokens: int
    ) -> None:
        """Makes room for a turn of `length` positions and writes what stands before it.

        Where a turn is waiting, it goes on, with the examples that it was opened with.

        Args:
            length: Positions of what was said, which are appended next.
            emotion: What the system line tells of the voice.
            found: Examples that are shown before it, or what answers it.
            reply_tokens: The longest reply.

        Raises:
            ValueError: It is longer than a turn may be; all stays as it was.
        """
        held = self._held
        # Refused before anything is written, so that the talk stays as it was.
        if held + length > self._model.config.longest_turn + self._opening:
            raise ValueError(
                f"this turn takes {held + length} positions and the model follows "
                f"{self._model.config.longest_turn}: say it in shorter turns"
            )
        if self.is_waiting:
            self.turns[-1].answer = ""  # it answers what was said before alone
            return
        self.forget_examples()
        # The opening first: its length counts when room is made.
        self._set_opening(emotion)
        ids = self._examples(found)
        self._make_room(length + len(ids), reply_tokens)
        start = len(self.text) if self.turns else 0
        self.turns.append(TurnPlace(start, found=found, answer=found.answer))
        if len(self.turns) > 1:
            self.text.append_ids(self._prompts.next_turn())
        self.turns[-1].examples_start = len(self.text)
        self.turns[-1].examples_length = len(ids)
        self.text.append_ids(ids)

    def expect(self, found: Fitting, gives_way: Callable[[], bool]) -> Iterator[None]:
        """Computes what a turn would begin with that `found` is for, a part with each step.

        The talk stays as it is. It ends early where a turn begins meanwhile.
        """
        if self.is_waiting:
            return
        self.forget_examples()
        if not len(self.text):
            self._set_opening(None)
        ids = [*(self._prompts.next_turn() if self.turns else []), *self._examples(found)]
        begun = len(self.turns)
        while not self.is_waiting and len(self.turns) == begun:
            if not self.text.expect(ids, EXPECTED_STEP, gives_way):
                return
            yield

    def _examples(self, found: Fitting) -> list[int]:
        """Returns the tokens of the examples that are shown; none where they take too much."""
        ids = self._prompts.turns([(example.said, example.reply) for example in found.shown])
        return [] if len(ids) > EXAMPLES_SHARE * self._model.config.longest_talk else ids

    def open_reply(self) -> None:
        """Closes the person's turn and opens the assistant's.

        Raises:
            ValueError: No turn is waiting for a reply.
        """
        if not self.is_waiting:
            raise ValueError("there is nothing to reply to: listen or read first")
        self.text.append_ids(self._prompts.reply_header())
        self.turns[-1].reply_start = len(self.text)

    def forget_last(self) -> Fitting:
        """Takes the last turn out, with whatever was begun in answer to it.

        Returns:
            What it was opened with, and still is expected to be, as far as it is computed: who
            paused and goes on says something like it.
        """
        turn = self.turns.pop()
        # The first turn begins with the system line, which the next one needs again: a long one
        # takes far longer to compute than the turn itself.
        self.text.crop(max(turn.start, self._opening), expects=True)
        return turn.found

    def forget_examples(self) -> None:
        """Takes the examples of the last turn out of the talk: what others said is no part of it.

        What was said and answered since is computed anew, with the prefill of the next turn.
        """
        if not self.turns or not self.turns[-1].examples_length:
            return
        turn = self.turns[-1]
        self.text.replace(turn.examples_start, turn.examples_start + turn.examples_length, [])
        turn.reply_start -= turn.examples_length
        turn.examples_length = 0

    def prefill(self) -> Iterator[None]:
        """Computes a long system line before the first turn, a part with each step.

        It ends early where a turn begins meanwhile, which computes the rest.
        """
        if self.turns or len(self._prompts.opening(self._persona)) < PREFILLED_FROM:
            return
        self._set_opening(None)
        while not self.turns and self.text.prefill(PREFILL_STEP):
            yield

    def logits_after(self, said: Sequence[int]) -> Tensor:
        """Returns the logits (V,) after the tokens `said` by the person; the talk stays as it was.

        They go on from a turn that is waiting, and else begin one.
        """
        if not len(self.text):
            self._set_opening(None)  # stays, as the first turn needs it, too
        before = len(self.text)
        if self.turns and not self.is_waiting:
            self.text.append_ids(self._prompts.next_turn())
        self.text.append_ids(said)
        logits = self.text.logits()
        # Back at once: the judge of pauses asks at every one, and the talk must not show it.
        self.text.crop(before)
        return logits

    def _set_opening(self, emotion: Emotion | None) -> None:
        """Writes the system line, or rewrites it where it now tells another emotion."""
        if len(self.text) and emotion == self._emotion:
            return
        ids = self._prompts.opening(system_line(self._persona, emotion))
        moved = len(ids) - self._opening if len(self.text) else 0
        self.text.replace(0, self._opening if len(self.text) else 0, ids)
        for index, turn in enumerate(self.turns):
            turn.start += moved if index else 0  # the first begins with the opening itself
            turn.reply_start += moved
        self._opening, self._emotion = len(ids), emotion

    def _make_room(self, length: int, reply_tokens: int) -> None:
        """Drops the oldest whole turns where the model could not follow one more of `length`.

        All that stays is computed anew, so several go at once.
        """
        limit = self._model.config.longest_talk
        room = min(reply_tokens, REPLY_ROOM, limit // REPLY_SHARE)
        if len(self.turns) == self._model.config.talk_turns:
            self._drop_oldest()
        # Every drop computes all that stays again, which is a pause that can be heard: several
        # turns go at once, down to a share of the limit, and then none for a long while.
        if len(self.text) + length + room > limit:
            kept = self._opening + KEPT_SHARE * (limit - self._opening)
            while self.turns and len(self.text) + length + room > kept:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        markup = len(self._prompts.next_turn())
        # The markup between two turns goes too: the opening already ends with that of the first.
        end = self.turns[1].start + markup if len(self.turns) > 1 else len(self.text)
        self.text.replace(self._opening, end, [])
        removed = end - self._opening
        del self.turns[0]
        for index, turn in enumerate(self.turns):
            turn.start = turn.start - removed if index else 0
            turn.reply_start -= removed
        self.forgotten_turns += 1
