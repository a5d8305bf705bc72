"""The model that ships with Attune, and the parts that complete a checkpoint."""

import json
from pathlib import Path
from typing import Any

from models.pretrained.catalogue import Part, read_catalogue

EMBEDDED = "mini"
"""The model that lies in the folder `models`, and answers where nobody names another."""
FOLDER = Path(__file__).parents[1]


def folder_of(model: str | Path) -> Path:
    """Returns the folder that the embedded model's name, or a path, stands for."""
    return FOLDER / model if str(model) == EMBEDDED else Path(model).expanduser()


def parts_of_model(model: str, *, ears_only: bool = False) -> list[Part]:
    """Returns the parts of the catalogue that a model is made of, or is itself.

    Empty for one that is complete by itself, is no checkpoint of ours, or lies on a hub. With
    `ears_only` those that it hears with: its LLM, and what finds examples for it, are left out.
    """
    catalogue = read_catalogue()
    if model in catalogue:
        return [catalogue[model]]
    try:
        config: Any = json.loads((folder_of(model) / "config.json").read_text(encoding="utf-8"))
        named: dict[str, str] = config.get("parts") or {}
        names = [name for role, name in named.items() if role == "speech" or not ears_only]
    except (OSError, ValueError, AttributeError):  # who loads the checkpoint says what is wrong
        return []
    return [catalogue[name] for name in names if name in catalogue]
