"""How words sound, told by eSpeak NG in a process of its own: phonemes clause by clause."""

import re
import unicodedata
from collections.abc import Iterator

from assistant.engines.voices.espeak_process import EspeakProcess

_CLAUSE = re.compile(r"([^.,;:!?]*)([.,;:!?]?)[.,;:!?\s]*")
_LANGUAGE_SWITCH = re.compile(r"\([a-z-]+\)")


class Phonemes:
    """The phonemes of a language, IPA as eSpeak NG writes it.

    Args:
        language: A voice of eSpeak NG, such as en-us.

    Raises:
        EngineUnavailable: It is not on this machine; names the remedy.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._process = EspeakProcess(language)

    def clauses(self, words: str) -> Iterator[tuple[str, str]]:
        """Yields the phonemes of each clause and the mark that ends it, either perhaps empty.

        Raises:
            EngineFailed: The process broke; the next call may work.
        """
        for clause, mark in _CLAUSE.findall(words):
            if clause.strip() or mark:
                yield self._of(clause.strip()), mark

    def close(self) -> None:
        """Ends the process."""
        self._process.close()

    def _of(self, clause: str) -> str:
        if not clause:
            return ""
        phonemes = self._process.ask({"phonemes": clause}).decode("utf-8")
        return unicodedata.normalize("NFD", _LANGUAGE_SWITCH.sub("", phonemes))
