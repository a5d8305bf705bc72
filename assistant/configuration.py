"""The base of all settings that a person may set."""

import json
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

Part = TypeVar("Part", bound=BaseModel)


class Settings(BaseModel):
    """Base of every part of the tree: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def part(self, kind: type[Part]) -> Part:
        """Returns those of the settings that `kind` knows, for whoever has no use for the others.

        So the options of a command lie side by side, and yet nobody is handed all of them.
        """
        return kind.model_construct(**{name: getattr(self, name) for name in kind.model_fields})

    def effective(self) -> dict[str, object]:
        """Returns the settings as JSON knows them, for the head of a transcript."""
        text = json.dumps(self.model_dump(mode="python"), default=str, ensure_ascii=False)
        return json.loads(text.encode("utf-8", errors="replace"))
