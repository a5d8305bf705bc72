"""The owner's side of a conversation whose speech model works elsewhere."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from assistant.audio.waveform import Waveform
from assistant.engines.cluster.course import Answered, Asked, Course, NotHeard
from assistant.engines.cluster.link import Link, persistently
from assistant.engines.protocols import Cancel, EmotionEstimate, Persona, TextDelta, Transcript


class ClusterDialogue:
    """One conversation, known in full here; a replica that is lost costs a prefill and no word."""

    is_shortened = False
    """Not told: what is too long for the model is answered by its end all the same."""

    def __init__(self, link: Link, persona: Persona, tools: Sequence[dict[str, Any]] = ()) -> None:
        """Starts a conversation; no replica hears of it before its first question."""
        self._link = link
        self._course = Course(uuid.uuid4().hex, persona, tuple(tools))
        self._count = 0
        self._is_answering = False
        """Whether the last of `answered` is the answer to what was asked last."""
        self._tries = 0
        """Replicas that were lost so far: the conversation stays where it was answered since."""

    @property
    def course(self) -> Course:
        """The conversation so far."""
        return self._course

    def prefill(self) -> Iterator[None]:
        """Computes nothing: no replica hears of it before its first question."""
        yield from ()

    def expect(self, words: str, gives_way: Callable[[], bool]) -> Iterator[None]:
        """Computes nothing: a replica has other talks to answer meanwhile."""
        yield from ()

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """See `Dialogue.hear`; asked of another replica where the first is lost."""
        if cancel.is_set():
            return
        before, asked = self._course, self._numbered(Asked(0, utterance=utterance, is_spoken=True))
        known: set[str] = set()
        first = self._tries

        def ask(lost: int) -> Iterator[EmotionEstimate | Transcript]:
            self._tries = first + lost
            for item in self._stream("hear", cancel, before, asked):
                if (kind := type(item).__name__) not in known:
                    known.add(kind)
                    yield item

        for item in persistently(ask, "hearing"):
            if cancel.is_set():
                return
            if len(known) == 1:  # the model has taken the question in: an answer may begin
                self._ask(before, asked)
            if isinstance(item, Transcript):
                self._write_down(asked.number, item.text)
            yield item

    def read(self, text: str) -> None:
        """See `Dialogue.read`; the replica reads it when it is to be answered."""
        self._ask(self._course, self._numbered(Asked(0, said=text)))

    def withdraw(self) -> None:
        """See `Dialogue.withdraw`."""
        if self._course.asked:
            self._course = replace(self._course, asked=())
        elif self._is_answering:
            self._course = replace(self._course, answered=self._course.answered[:-1])
        self._is_answering = False

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """See `Dialogue.reply`; where a replica is lost another goes on in the same sentence."""
        course, begun, first = self._course, "", self._tries

        def ask(lost: int) -> Iterator[TextDelta]:
            self._tries = first + lost
            known = replace(course, asked=tuple(replace(a, utterance=None) for a in course.asked))
            try:
                # The replica that heard the question needs no sound: 64 kB a second are spared.
                yield from self._stream("reply", cancel, known, begun)
            except NotHeard:
                yield from self._stream("reply", cancel, course, begun)

        for delta in persistently(ask, "answering"):
            begun += delta.text
            self._answer(begun)
            yield delta

    def replace_reply(self, text: str) -> None:
        """See `Dialogue.replace_reply`."""
        self._answer(text)

    def truncate(self, heard: str) -> None:
        """See `Dialogue.truncate`: the replica follows with the next question."""
        if self._course.answered and not self._course.asked:
            self._reword(reply=heard)

    def _stream(self, method: str, cancel: Cancel, *arguments: Any) -> Iterator[Any]:
        talk = self._course.talk
        return self._link.stream(method, talk, cancel, *arguments, tries=self._tries)

    def _numbered(self, asked: Asked) -> Asked:
        self._count += 1
        return replace(asked, number=self._count)

    def _ask(self, before: Course, asked: Asked) -> None:
        self._course = replace(before, asked=(*before.asked, asked))
        self._is_answering = False

    def _write_down(self, number: int, said: str) -> None:
        """Notes the words of a question, whose answer may have begun already."""
        if self._is_answering:
            last = self._course.answered[-1]
            self._reword(said=f"{last.said} {said}".strip())
            return
        asked = tuple(
            replace(a, said=said) if a.number == number else a for a in self._course.asked
        )
        self._course = replace(self._course, asked=asked)

    def _answer(self, text: str) -> None:
        if not self._course.asked:
            if self._course.answered:
                self._reword(reply=text)
            return
        numbers = tuple(asked.number for asked in self._course.asked)
        said = " ".join(asked.said for asked in self._course.asked if asked.said)
        answered = (*self._course.answered, Answered(numbers, said, text))
        self._course = replace(self._course, answered=answered, asked=())
        self._is_answering = True

    def _reword(self, **changes: str) -> None:
        *earlier, last = self._course.answered
        self._course = replace(self._course, answered=(*earlier, replace(last, **changes)))
