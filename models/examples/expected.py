"""Examples that are chosen while a person still speaks, by the words so far.

What is shown to an LLM before it answers takes longer to compute than what was said. Begun early,
most of it is there when the person pauses; by the last words it may not be quite what would be
chosen now, so that what was computed is kept only as far as it still fits.
"""

from dataclasses import replace

from models.examples.book import Fitting
from models.examples.written import Example

MOST_NEW = 2
"""Examples that are shown beside those that were expected: each of them is waited for, and what
matters is the one most like the words."""


class ExpectedExamples:
    """What is expected to be shown for the turn that comes next."""

    def __init__(self) -> None:
        self._shown: tuple[Example, ...] = ()

    def expect(self, found: Fitting) -> Fitting:
        """Expects what was found for the words so far; returns what is to be computed."""
        expected = self._kept(found)
        self._shown = tuple(expected.shown)
        return expected

    def met_by(self, found: Fitting) -> Fitting:
        """Returns what is shown for all the words; nothing is expected any more."""
        met = self._kept(found)
        self._shown = ()
        return met

    def _kept(self, found: Fitting) -> Fitting:
        """Returns `found` behind the expected ones up to the last that it holds, too."""
        places = [place for place, example in enumerate(self._shown) if example in found.shown]
        if not places:
            return found
        kept = self._shown[: places[-1] + 1]
        new = [example for example in found.shown if example not in kept]
        return replace(found, shown=[*kept, *new[-MOST_NEW:]])
