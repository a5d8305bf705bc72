"""People who talk with a cluster while parts of it die, and the count of what became of it."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.protocols import Cancel, Persona
from assistant.events import ReplyText, WordsHeard
from assistant.records.reading import find_records, read_record
from tests.deploy.clusters import QUESTIONS, answer
from tests.ui.calling import line

NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ivy", "Jo")
LONGEST_TALK = 16
"""Questions of a talk; its person then begins another one."""
HANDED_OVER_S = 0.5
"""What a gateway that is killed may have told and not written down: see `Recorder`."""


@dataclass(frozen=True)
class Exchange:
    """A question and its whole answer."""

    question: str
    answer: str
    at_s: float
    """When it had come, on the monotonic clock."""


@dataclass
class Person:
    """Somebody, and what they were told."""

    name: str
    talks: list[list[Exchange]] = field(default_factory=list[list[Exchange]])
    hung_up_on: int = 0
    """Connections that were closed in the middle: the page says so, and begins anew."""

    @property
    def answers(self) -> int:
        return sum(map(len, self.talks))


class People:
    """As many as are wanted, spread over the gateways."""

    def __init__(self, hosts: Sequence[str], many: int, *, think_s: float = 0.5) -> None:
        """Prepares them; without time to think they leave none to what is being started."""
        self.all = [Person(name) for name in NAMES[:many]]
        self._hosts = hosts
        self._think_s = think_s
        self._is_over = threading.Event()
        self._held: list[Future[None]] = []

    @property
    def least(self) -> int:
        """Answers that everybody has had; raises what somebody's talk failed with."""
        for task in self._held:
            if task.done():
                task.result()
        return min(person.answers for person in self.all)

    @property
    def hung_up_on(self) -> list[str]:
        """Names of those whose connection was closed, as often as it was."""
        return [one.name for one in self.all for _ in range(one.hung_up_on)]

    @property
    def talks(self) -> list[list[Exchange]]:
        return [talk for person in self.all for talk in person.talks if talk]

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Everybody asks one question after another until the end, which waits for the answers.

        An answer that fails ends it with that failure.
        """
        with ThreadPoolExecutor(len(self.all)) as pool:
            self._held = [pool.submit(self._talk, one, at) for at, one in enumerate(self.all)]
            try:
                yield
            finally:
                self._is_over.set()
        for task in self._held:
            task.result()

    def _talk(self, person: Person, at: int) -> None:
        while not self._is_over.is_set():
            person.talks.append([])
            try:
                self._hold(person, self._hosts[at % len(self._hosts)])
            except (ConnectionClosed, ConnectionError):
                person.hung_up_on += bool(person.talks[-1])
                at += 1

    def _hold(self, person: Person, host: str) -> None:
        with line(host) as there:
            there.until("session.created")
            # As text: what of a sound was heard before the next question, nobody can foretell.
            there.send(
                "session.update",
                session={"output_modalities": ["text"], "attune": {"keep_words": True}},
            )
            there.until("session.updated")
            while not self._is_over.is_set() and len(person.talks[-1]) < LONGEST_TALK:
                question = f"{QUESTIONS[person.answers % len(QUESTIONS)]} {person.name}"
                told = answer(there, question)
                person.talks[-1].append(Exchange(question, told, time.monotonic()))
                self._is_over.wait(self._think_s)


def crossed_wires(people: People, model: BlspEmoModel) -> list[Exchange]:
    """Returns what was not answered as a model answers it that holds this one talk alone."""
    alone: dict[tuple[str, ...], list[str]] = {}
    crossed: list[Exchange] = []
    for talk in sorted(people.talks, key=len, reverse=True):
        asked = tuple(exchange.question for exchange in talk)
        # People ask the same in each of their talks: most are the beginning of one that is known.
        known = next((alone[one] for one in alone if one[: len(asked)] == asked), None)
        if known is None:
            known = alone[asked] = _answers(model, asked)
        crossed += [one for one, words in zip(talk, known, strict=False) if one.answer != words]
    return crossed


def _answers(model: BlspEmoModel, asked: Sequence[str]) -> list[str]:
    dialogue, answers = model.open(Persona()), list[str]()
    for question in asked:
        dialogue.read(question)
        answers.append("".join(delta.text for delta in dialogue.reply(Cancel())).strip())
    return answers


def recorded(root: Path) -> list[dict[str, str]]:
    """Returns of each recorded talk its answers by its questions, in the order of the turns."""
    found: list[dict[str, str]] = []
    for folder in find_records(root):
        events = read_record(folder).log.events
        asked = {one.turn: one.transcript.text for one in events if isinstance(one, WordsHeard)}
        told = dict.fromkeys(asked, "")
        for one in events:
            if isinstance(one, ReplyText):
                told[one.turn] += one.text
        found.append({f"{turn} {asked[turn]}": told[turn].strip() for turn in asked})
    return found


def lost_recordings(people: People, root: Path, killed_s: float | None = None) -> list[Exchange]:
    """Returns what somebody was told and no record holds, or one that holds another's words too."""
    records = recorded(root)
    lost: list[Exchange] = []
    for talk in people.talks:
        name = talk[0].question.rpartition(" ")[2]
        own = [one for one in records if {q.rpartition(" ")[2] for q in one} == {name}]
        held = [list(one.items()) for one in own]
        for number, exchange in enumerate(talk):
            told = (f"{number} {exchange.question}", exchange.answer)
            if killed_s is not None and abs(killed_s - exchange.at_s) < HANDED_OVER_S:
                continue
            if not any(told in one for one in held):
                lost.append(exchange)
    return lost
