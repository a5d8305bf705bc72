"""Refusals that a page answers by showing another page, instead of a sentence alone."""

from assistant.errors import InputError


class FinishedPage(InputError):
    """A page is over, or not there yet: the participant is at another one."""


class OtherTab(InputError):
    """The study is open in another window, which is the one that counts."""
