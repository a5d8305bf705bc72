"""The base of all settings that a person may set."""

import json

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of every part of the tree: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def effective(self) -> dict[str, object]:
        """Returns the settings as JSON knows them, for the head of a transcript."""
        text = json.dumps(self.model_dump(mode="python"), default=str, ensure_ascii=False)
        return json.loads(text.encode("utf-8", errors="replace"))
