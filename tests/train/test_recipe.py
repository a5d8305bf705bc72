from pathlib import Path

import pytest

from models.pretrained.store import Store
from train.recipe import RecipeSettings, follow, read_recipe

STEPS = """
[[steps]]
name = "language"
command = "language"
share = 0.5
[steps.settings]
run = "{run}/language"
llm = "tongue"
material = ["{run}/talks.txt"]
domain_exchanges = 0
valid_share = 0.3
lora_rank = 2
loop = { warmup_steps = 1, evaluate_every = 5 }

[[steps]]
name = "together"
command = "assemble"
[steps.settings]
speech = "ears"
llm = "{run}/language/best"
emotion_head = "attentive"
adapter_width = 8
out = "{run}/whole"
"""


@pytest.fixture
def recipe(store: Store, tmp_path: Path) -> RecipeSettings:
    del store
    (tmp_path / "talks.txt").write_text("".join(f"> Number {n}.\n< Yes.\n\n" for n in range(30)))
    (tmp_path / "recipe.toml").write_text(STEPS)
    return RecipeSettings(recipe=tmp_path / "recipe.toml", run=tmp_path)


def test_the_steps_are_done_once_in_their_order(
    recipe: RecipeSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(recipe.model_copy(update={"dry_run": True}))
    assert capsys.readouterr().out.splitlines() == [
        "language: language, to do",
        "together: assemble, to do",
    ]
    follow(recipe.model_copy(update={"budget": "10min"}))
    assert '"budget": "300s"' in (recipe.run / "language" / "run.json").read_text()
    assert '"learning_rate": 0.0015' in (recipe.run / "language" / "run.json").read_text()
    written = (recipe.run / "whole" / "config.json").stat().st_mtime_ns
    follow(recipe)
    assert (recipe.run / "whole" / "config.json").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no recipe of"),
        ("steps = 3", "no recipe of"),
        ('[[steps]]\nname = "a"\ncommand = "fly"', "no command 'fly'"),
        ('[[steps]]\nname = "a"\ncommand = "slim"\n' * 2, "same name"),
        ("[[steps", "no valid TOML"),
    ],
)
def test_what_is_no_recipe_is_said(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_recipe(tmp_path / "recipe.toml")


def test_nothing_runs_before_the_settings_of_all_steps_are_read(
    recipe: RecipeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = STEPS.replace("adapter_width = 8", "adapter_width = 0")
    recipe.recipe.write_text(wrong)
    with pytest.raises(ValueError, match="step together"):
        follow(recipe)
    monkeypatch.delenv("ATTUNE_DATA", raising=False)
    recipe.recipe.write_text(STEPS.replace("{run}/talks.txt", "{data}/talks.txt"))
    with pytest.raises(ValueError, match="--data or ATTUNE_DATA"):
        follow(recipe)
    assert not (recipe.run / "language").exists()
