"""Every recipe is understood by the command that it is for, and names only what exists."""

import importlib
import tomllib
from pathlib import Path

import pytest
import yaml

import train
from train.__main__ import COMMANDS

RECIPES = Path(train.__file__).parent / "recipes"
TOMLS = sorted(
    p for folder in ("blsp-emo-7b", "small-llm") for p in (RECIPES / folder).glob("*.toml")
)


@pytest.mark.parametrize("path", TOMLS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_recipe(path: Path) -> None:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    assert tables.keys() <= COMMANDS.keys()
    for name, values in tables.items():
        module, kind_name = COMMANDS[name].settings.split(":")
        kind = getattr(importlib.import_module(module), kind_name)
        assert kind.model_validate(values).model_dump()


def test_stage_two_starts_where_stage_one_ends() -> None:
    for folder in ("blsp-emo-7b", "small-llm"):
        one = tomllib.loads((RECIPES / folder / "semantic.toml").read_text())["align-semantic"]
        two = tomllib.loads((RECIPES / folder / "emotion.toml").read_text())["align-emotion"]
        assert two["model"] == f"{one['run']}/best"


@pytest.mark.parametrize(
    "path", sorted((RECIPES / "accelerate").glob("*.yaml")), ids=lambda p: p.stem
)
def test_accelerate_reads_its_configurations(path: Path) -> None:
    from accelerate.commands.config.config_args import ClusterConfig

    config = ClusterConfig.from_yaml_file(yaml_file=str(path))
    assert config.num_processes == yaml.safe_load(path.read_text())["num_processes"]
