"""What a server does beside its talks: it obeys the rule of retention, and carries talks over."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from assistant.errors import AssistantError
from assistant.records.removal.deletion import Receipt
from assistant.records.removal.retention import too_old

RETAIN_S = 3_600.0
"""How often a running server looks whether talks may still be kept."""
CARRY_S = 3.0
"""How often it looks whether talks have ended, or whether a database that was away is back."""
Retain = Callable[[], list[tuple[Receipt, Path]]]
logger = logging.getLogger(__name__)


class Carrier:
    """Brings the index up to date after each talk, and later where its database is away.

    Talks are recorded in their folder and need no database: what it misses while it is away it is
    told when it is back. What ended before this server began, here or at another one that is gone,
    it is told at first.
    """

    def __init__(self, sync: Callable[[Collection[str] | None], object]) -> None:
        """Starts with all that is in the folder still to be carried over.

        Args:
            sync: Brings the index up to date with the records of these ids, or with all for None;
                may block.
        """
        self._sync = sync
        self._waiting = set[str]()
        self._is_all_told = False
        self.is_behind = False
        """Whether the database was away when it was last to be told something."""

    def note(self, recorded: Iterable[str]) -> None:
        """These records are closed: they are to be carried over."""
        self._waiting |= set(recorded)

    async def look(self) -> None:
        """Carries over what was noted, now or before and could not be since then."""
        carried = frozenset(self._waiting)
        if self._is_all_told and not carried:
            return
        try:
            await asyncio.to_thread(self._sync, carried if self._is_all_told else None)
        except AssistantError as error:
            if not self.is_behind:  # once, and not every three seconds of a night
                logger.error("%s; what is recorded meanwhile is carried over later", error)
            self.is_behind = True
            return
        if self.is_behind:
            logger.warning("the index can be used again: what was recorded meanwhile is in it")
        self._waiting -= carried
        self._is_all_told, self.is_behind = True, False

    async def keep_on(self) -> None:
        """Looks for ever."""
        while True:
            await self.look()
            await asyncio.sleep(CARRY_S)


async def retaining(retain: Retain) -> None:
    """Deletes for ever what may not be kept any longer."""
    while True:
        try:
            for receipt, path in await asyncio.to_thread(retain):
                logger.warning("%s", too_old(receipt, path))
        except AssistantError as error:  # a full disk, say: the next look may do it
            logger.error("%s", error)
        await asyncio.sleep(RETAIN_S)
