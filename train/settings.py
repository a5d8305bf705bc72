"""What the settings of all training commands have in common.

Each command's stand beside it: one frozen record; defaults, then TOML, then flags.
"""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from command_line.options import MAY_BE_EMPTY

Instruction = Annotated[str, MAY_BE_EMPTY]
"""What stands before words or speech; empty: nothing."""
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def duration_s(text: str) -> float:
    """Returns the seconds in a duration such as ``90s``, ``60min``, ``1.5h`` or ``2d``.

    Raises:
        ValueError: `text` is no positive number followed by one of those units.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h|d)\s*", text)
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"{text!r} is no duration: write a number and s, min, h or d, like 60min")
    return float(match[1]) * _SECONDS[match[2]]


class Frozen(BaseModel):
    """Base of all settings: frozen, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
