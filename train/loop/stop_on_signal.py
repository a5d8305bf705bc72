"""The first SIGTERM or SIGINT asks a training to stop; the second ends it as it always does."""

import logging
import signal
from types import FrameType, TracebackType
from typing import Any, Self

logger = logging.getLogger(__name__)


class StopOnSignal:
    """Within it the first signal is remembered instead of obeyed.

    Outside the main thread it does nothing: the owner of the process handles signals.
    """

    def __init__(self) -> None:
        self.is_asked = False
        """Whether a signal came."""
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._ask)
        except ValueError:  # not the main thread
            self._previous = {}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        logger.warning("stopping after this step: the state will be saved")
        self.is_asked = True
        signal.signal(number, self._previous[signal.Signals(number)])
