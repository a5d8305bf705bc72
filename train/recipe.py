"""The command `recipe`: several commands one after the other, each with settings from one file.

    [[steps]]
    name = "language"
    command = "language"
    share = 0.7
    settings = { run = "{run}/language", llm = "smollm2-135m" }

`{run}` stands for the folder of everything that is made, `{data}` for that of the recordings. With
`--budget` a step that trains gets its `share` of it. What came to its end is not done again, what
was stopped goes on.
"""

import logging
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import tyro
from pydantic import BaseModel, Field, ValidationError

from command_line.commands import load
from command_line.settings import table_settings
from train.commands import COMMANDS
from train.loop.task import TrainingOutcome
from train.settings import Frozen, duration_s

logger = logging.getLogger(__name__)

DATA = "ATTUNE_DATA"
"""Environment variable with the folder of recordings."""


class RecipeSettings(Frozen):
    """Follows a recipe: its commands one after the other; what is finished is not made again."""

    recipe: Annotated[Path, tyro.conf.Positional] = Path("train/recipes/mini/recipe.toml")
    """The file that lists the steps."""
    run: Path = Path("runs/mini")
    """Folder of everything that is made."""
    data: Path | None = None
    """Folder of the recordings that steps read; ATTUNE_DATA where not given."""
    budget: str = ""
    """Training time of all steps together, such as 3h, shared out as the recipe says; empty: each
    step's own."""
    dry_run: bool = False
    """Check all steps, print them, and stop."""


class RecipeStep(Frozen):
    """One command of a recipe."""

    name: str
    command: str
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])
    share: float = Field(default=0.0, ge=0, le=1)
    """Of the budget."""


def follow(settings: RecipeSettings) -> None:
    """Runs the steps that are not done yet.

    Raises:
        ValueError: The recipe cannot be followed, or a step was stopped.
    """
    steps = [(step, chosen(step, settings)) for step in read_recipe(settings.recipe)]
    for step, its in steps:
        mark = settings.run / "done" / step.name
        if settings.dry_run:
            state = "done" if mark.exists() else "to do"
            print(f"{step.name}: {step.command}, {state}")
            continue
        if mark.exists():
            continue
        logger.info("%s: %s", step.name, COMMANDS[step.command].summary)
        outcome = load(COMMANDS[step.command].run)(its)
        if isinstance(outcome, TrainingOutcome) and outcome.ending == "stopped":
            raise ValueError(f"{step.name} was stopped: run the same command again to go on")
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def read_recipe(path: Path) -> list[RecipeStep]:
    """Returns the steps in `path`.

    Raises:
        ValueError: It is no recipe; the message names what is wrong in it.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is no file: name a file with [[steps]]")
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        steps = [RecipeStep.model_validate(table) for table in tables["steps"]]
    except FileNotFoundError as error:
        raise ValueError(f"there is no recipe {path}: name a file with [[steps]]") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no valid TOML: {error}") from error
    except (KeyError, TypeError, ValidationError) as error:
        raise ValueError(f"{path} is no recipe of [[steps]]: {error}") from error
    names = [step.name for step in steps]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: two steps have the same name")
    unknown = [step.command for step in steps if step.command not in COMMANDS]
    if unknown:
        raise ValueError(f"{path}: there is no command {unknown[0]!r}")
    return steps


def chosen(step: RecipeStep, recipe: RecipeSettings) -> BaseModel:
    """Returns the settings of a step.

    Raises:
        ValueError: They cannot work, or need a folder of recordings that was not named.
    """
    kind: type[BaseModel] = load(COMMANDS[step.command].settings)
    values = _filled(step.settings, dict(_folders(step, recipe)))
    if recipe.budget and step.share:
        seconds = max(1, round(duration_s(recipe.budget) * step.share))
        values = {**values, "loop": {**values.get("loop", {}), "budget": f"{seconds}s"}}
    return table_settings(kind, values, command=f"step {step.name}", file=str(recipe.recipe))


def _folders(step: RecipeStep, recipe: RecipeSettings) -> Iterator[tuple[str, str]]:
    yield "{run}", str(recipe.run)
    data = recipe.data or os.environ.get(DATA)
    if data:
        yield "{data}", str(data)
    elif "{data}" in str(step.settings):
        raise ValueError(
            f"step {step.name} needs recordings: name their folder by --data or {DATA}"
        )


def _filled(value: Any, folders: Mapping[str, str]) -> Any:
    """Returns `value` with the folders in all its texts."""
    if isinstance(value, str):
        for sign, folder in folders.items():
            value = value.replace(sign, folder)
        return value
    if isinstance(value, list):
        return [_filled(each, folders) for each in cast(list[Any], value)]
    if isinstance(value, dict):
        return {k: _filled(each, folders) for k, each in cast(dict[str, Any], value).items()}
    return value
