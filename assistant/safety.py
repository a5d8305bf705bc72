"""Words that suggest danger to life, and where to find help.

The check reads words only and is meant to miss little: a wrong alarm costs one line on the
screen, a missed one may cost more. It is no diagnosis and replaces nobody; the answer of the
model goes on beside it. Phrases and texts live in `safety.toml`.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import SettingsError

SHIPPED = Path(__file__).with_name("safety.toml")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'"})


@dataclass(frozen=True, slots=True)
class Help:
    """What to show."""

    topic: str
    """Such as ``"suicide"``; stands in the log, the words do not."""
    text: str
    """Where to find help in the person's country."""


class HelpFinder:
    """Finds words that suggest danger to life."""

    def __init__(self, country: str = "international", file: Path = SHIPPED) -> None:
        """Reads the phrases and the help text of a country.

        Args:
            country: Two letters (ISO 3166), such as `DE`, or `international`.
            file: The phrases and texts, in the form of the shipped `safety.toml`.

        Raises:
            SettingsError: The file cannot be used, or has no such country; names those it has.
        """
        try:
            table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
            texts: dict[str, str] = table["help"]
            self._topics = [
                (topic, re.compile("|".join(f"(?:{phrase})" for phrase in entry["phrases"])))
                for topic, entry in table["topic"].items()
            ]
            self._unless = re.compile("|".join(table["unless"]["phrases"]))
        except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, re.error) as error:
            raise SettingsError(f"{file} is no file of help texts: {error}") from error
        texts = {name.casefold(): text for name, text in texts.items()}
        if country.casefold() not in texts:
            raise SettingsError(
                f"there is no help text for {country!r}: use one of {', '.join(sorted(texts))}, "
                f"or add one to {file}"
            )
        self._text = texts[country.casefold()]

    def find(self, words: str) -> Help | None:
        """Returns the help that `words` call for, or None."""
        plain = words.translate(_APOSTROPHES).casefold()
        plain = " ".join(re.sub(r"[^\w' ]+", " ", plain).split())
        plain = self._unless.sub(" ", plain)
        for topic, pattern in self._topics:
            if pattern.search(plain):
                return Help(topic, self._text)
        return None
