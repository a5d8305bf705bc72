"""A replica's side: conversations that other processes own, each with a dialogue kept warm here.

All of it runs on the worker of the replica's speech model, one step at a time.
"""

from collections import OrderedDict
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

from assistant.engines.cluster.course import VERSION, Answered, Asked, Course, NotHeard
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    SpeechModel,
    TextDelta,
    Transcript,
)
from assistant.errors import EngineFailed

KEPT = 48
"""Conversations whose dialogues stay warm. Of those beyond, the one that was silent for longest is
prefilled again when it is asked something. A KV cache of mini takes 28 kB a token."""


@dataclass(eq=False, slots=True)
class _Warm:
    """A dialogue, and what of the owner's conversation it has taken in."""

    dialogue: Dialogue
    answered: list[Answered] = field(default_factory=list[Answered])
    asked: list[int] = field(default_factory=list[int])
    """Numbers of what was said and is not answered yet."""
    running: list[Generator[object]] = field(default_factory=list[Generator[object]])
    """What still yields; closed when another question comes."""


class ServedTalks:
    """Answers questions of conversations that are owned elsewhere."""

    def __init__(self, model: SpeechModel, *, kept: int = KEPT) -> None:
        """Starts empty.

        Args:
            model: Answers.
            kept: Conversations that stay warm.
        """
        self._model = model
        self._kept = kept
        self._warm: OrderedDict[str, _Warm] = OrderedDict()
        self.prefilled = 0
        """Conversations under way that had to be taken in from their text."""

    @property
    def kept(self) -> int:
        """Conversations that are warm now."""
        return len(self._warm)

    def hear(
        self, course: Course, asked: Asked, cancel: Cancel
    ) -> Iterator[EmotionEstimate | Transcript]:
        """Yields what `Dialogue.hear` yields of `asked`, said next in `course`.

        Raises:
            EngineFailed: The owner is of another version.
        """
        _check(course)
        warm = self._at(course)
        self._take_in(warm, course, cancel)
        hearing = self._hear(course.talk, warm, asked, cancel)
        warm.running.append(hearing)
        yield from hearing

    def reply(self, course: Course, begun: str, cancel: Cancel) -> Iterator[TextDelta]:
        """Yields the answer to what was asked last in `course`, after what was `begun` of it.

        Raises:
            NotHeard: What was asked was heard by another replica, and its sound is not here.
            EngineFailed: The owner is of another version.
        """
        _check(course)
        warm = self._warm.get(course.talk)
        if warm is None or warm.asked != _numbers(course):
            if any(asked.is_spoken and asked.utterance is None for asked in course.asked):
                raise NotHeard
            warm = self._at(course)
            self._take_in(warm, course, cancel)
        self._warm.move_to_end(course.talk)
        answering = self._reply(warm, begun, cancel)
        warm.running.append(answering)
        yield from answering

    def _hear(
        self, talk: str, warm: _Warm, asked: Asked, cancel: Cancel
    ) -> Generator[EmotionEstimate | Transcript]:
        assert asked.utterance is not None, "what was typed is read"
        is_whole = False
        try:
            for number, item in enumerate(warm.dialogue.hear(asked.utterance, cancel)):
                if number == 0:
                    warm.asked.append(asked.number)
                yield item
            is_whole = not cancel.is_set()
        finally:
            if not is_whole and self._warm.get(talk) is warm:
                # Given up half-way, perhaps with its answer begun: what the dialogue holds now,
                # nobody knows. Its owner does, and another hearing makes it anew.
                del self._warm[talk]

    def _reply(self, warm: _Warm, begun: str, cancel: Cancel) -> Generator[TextDelta]:
        turn = Answered(tuple(warm.asked), "", "")
        warm.asked.clear()
        warm.answered.append(turn)
        text = ""
        for delta in warm.dialogue.reply(cancel):
            text += delta.text
            warm.answered[-1] = replace(turn, reply=text)
            rest = _beyond(begun, text, delta.text)
            if rest or delta.call or delta.problem or delta.ends_sentence:
                yield replace(delta, text=rest, awaits=None)

    def _at(self, course: Course) -> _Warm:
        """Returns the dialogue of `course` in the state that its owner tells of."""
        if (warm := self._warm.get(course.talk)) is not None:
            # Its owner may have given up what still runs, and word of that be on its way.
            for generator in warm.running:
                generator.close()
            warm.running.clear()
        warm = self._warm.get(course.talk)
        if warm is None or not _follows(warm, course):
            warm = self._opened(course)
        self._warm[course.talk] = warm
        self._warm.move_to_end(course.talk)
        while len(self._warm) > self._kept:
            self._warm.popitem(last=False)
        return warm

    def _opened(self, course: Course) -> _Warm:
        tools = course.tools
        with_tools = self._model.open_with_tools(course.persona, tools) if tools else None
        warm = _Warm(with_tools or self._model.open(course.persona))
        self.prefilled += bool(course.answered)
        for turn in course.answered:
            # Their sound is gone, and need not come again: the words are most of what the model
            # made of it, and reading them is one prefill.
            warm.dialogue.read(turn.said or " ")
            warm.dialogue.replace_reply(turn.reply)
            warm.answered.append(turn)
        return warm

    def _take_in(self, warm: _Warm, course: Course, cancel: Cancel) -> None:
        """Reads or hears what was asked before and is not answered yet, where it is missing."""
        for asked in course.asked[len(warm.asked) :]:
            if asked.utterance is None:
                warm.dialogue.read(asked.said)
            else:
                for _ in warm.dialogue.hear(asked.utterance, cancel):
                    pass
            warm.asked.append(asked.number)


def _check(course: Course) -> None:
    # What an older version packed may lack the field itself.
    if (theirs := getattr(course, "version", 1)) != VERSION:
        raise EngineFailed(
            f"this gateway speaks version {theirs} with the replicas and they speak {VERSION}: "
            "start it anew with the version of Attune that they have"
        )


def _numbers(course: Course) -> list[int]:
    return [asked.number for asked in course.asked]


def _follows(warm: _Warm, course: Course) -> bool:
    """Brings `warm` to `course` where they differ in the last turn only; False where in more."""
    if warm.asked and warm.asked != _numbers(course)[: len(warm.asked)]:
        warm.dialogue.withdraw()
        warm.asked.clear()
    told = [turn.numbers for turn in course.answered]
    held = [turn.numbers for turn in warm.answered]
    if held[: len(told)] != told or len(held) > len(told) + 1:
        return False
    if len(held) > len(told):  # answered too soon: its owner took it back
        warm.dialogue.withdraw()
        warm.answered.pop()
    elif told and warm.answered[-1].reply != course.answered[-1].reply:
        _correct(warm, course.answered[-1])
    return True


def _correct(warm: _Warm, turn: Answered) -> None:
    """Keeps of the last answer what was heard of it, or what was put in its place."""
    if warm.answered[-1].reply.startswith(turn.reply):
        warm.dialogue.truncate(turn.reply)
    else:
        warm.dialogue.replace_reply(turn.reply)
    warm.answered[-1] = turn


def _beyond(begun: str, text: str, delta: str) -> str:
    """Returns what of `delta`, the end of `text`, is new to somebody who has `begun` already.

    Replicas of one model say the same; where one does not, its answer goes on at the same length,
    for what was said cannot be taken back.
    """
    new = len(text) - len(begun)
    return delta[-new:] if 0 < new < len(delta) else delta if new > 0 else ""
