"""How requests reach replicas, whatever carries them, and what is done when a replica is lost."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from assistant.engines.protocols import Cancel
from assistant.errors import EngineFailed

logger = logging.getLogger(__name__)

TRIES = 3
"""Replicas that are asked before a turn fails: more would take longer than anybody waits."""

_TRIES_MARK = "#"

Item = TypeVar("Item")


class ReplicaLost(EngineFailed):
    """The replica that was asked died, hangs or cannot be reached: another may answer."""


class Link(Protocol):
    """A way to the replicas of one deployment."""

    def call(self, method: str, *arguments: Any) -> Any:
        """Returns what a method of some replica returns.

        Raises:
            ReplicaLost: It did not answer.
            EngineFailed: It answered that its engine broke.
        """
        ...

    def stream(
        self, method: str, talk: str, cancel: Cancel, *arguments: Any, tries: int = 0
    ) -> Iterator[Any]:
        """Yields what a method yields; requests of one `talk` go to one replica while it lives.

        With other `tries` they go to another one, where there are several. Ends early where
        `cancel` is set.

        Raises:
            ReplicaLost: It did not answer, or no more.
            EngineFailed: It answered that its engine broke.
        """
        ...


def session(talk: str, tries: int) -> str:
    """Returns how a request names its conversation to whoever chooses the replica."""
    return f"{talk}{_TRIES_MARK}{tries}" if tries else talk


def turned(name: str) -> tuple[str, int]:
    """Returns the conversation and the tries of what `session` made."""
    talk, _, tries = name.partition(_TRIES_MARK)
    return talk, int(tries or 0)


def persistently(ask: Callable[[int], Iterator[Item]], what: str) -> Iterator[Item]:
    """Yields what `ask(tries)` yields, asked again where a replica is lost.

    `ask` knows what was yielded before and leaves it out; it is told how many replicas were lost.

    Raises:
        EngineFailed: No replica answered.
    """
    lost: ReplicaLost | None = None
    for attempt in range(1, TRIES + 1):
        try:
            yield from ask(attempt - 1)
            return
        except ReplicaLost as error:
            logger.warning("%s: a replica was lost (%s), try %d of %d", what, error, attempt, TRIES)
            lost = error
    raise EngineFailed(f"{what}: no replica answers ({lost}); try again in a moment") from lost
