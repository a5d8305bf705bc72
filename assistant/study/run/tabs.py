"""One window at a time: the page that was opened last is the one that counts."""

from assistant.study.run.refusals import OtherTab


class Tabs:
    """Which window of each participant counts; after a restart the first that asks does."""

    def __init__(self) -> None:
        """Knows nobody."""
        self._current: dict[str, str] = {}

    def open(self, participant: str, tab: str) -> None:
        """A page was opened, or loaded anew: it counts from now on."""
        self._current[participant] = tab

    def check(self, participant: str, tab: str) -> None:
        """Makes sure that `tab` is the one that counts.

        Raises:
            OtherTab: Another one was opened after it.
        """
        current = self._current.setdefault(participant, tab)
        if current != tab:
            raise OtherTab(
                "the study is open in another window: go on there, or press Go on here to take it "
                "over"
            )
