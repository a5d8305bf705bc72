"""By which name a program was started, so that what it advises can be typed as it stands."""

import re
import sys
from pathlib import Path

INSTALLED, PACKAGE = "attune", "attune-voice"
FROM_SOURCE = "python app.py"
PROJECT = Path(__file__).parent.parent / "pyproject.toml"
_ADVICE = re.compile(r"\b(?:python )?app\.py(?= +(?:[A-Za-z]|--))")
"""A command in a sentence, as texts write it wherever they are made."""


def program_name(started_as: str) -> str:
    """Returns how a person calls this program, who started it as `started_as` (`sys.argv[0]`)."""
    return INSTALLED if Path(started_as).stem == INSTALLED else FROM_SOURCE


def as_called(text: str, name: str) -> str:
    """Returns `text` with the commands of Attune in it called by `name`.

    A program beside it, such as `python -m train`, has none of these commands: it names Attune as
    it is called in its folder.
    """
    return _ADVICE.sub(name if name == INSTALLED else FROM_SOURCE, text)


def advice(text: str) -> str:
    """Returns `text` with the commands of Attune in it as this program was started."""
    return as_called(text, program_name(sys.argv[0]))


def installed_version() -> str:
    """Returns the version of this program, also where it was never installed."""
    # Both take longer to load than all of `--help` takes otherwise.
    from importlib.metadata import version
    from tomllib import loads

    # A folder of the source says which version it is, whatever was installed from it before.
    if PROJECT.is_file():
        return loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    return version(PACKAGE)
