import json
from pathlib import Path

import pytest

from models.blsp_emo import BlspEmo
from models.checkpoints import checkpoint
from models.config import ExamplesConfig
from models.emotions import Emotion
from models.examples.written import EXAMPLES, Example, read_examples
from models.talk import TalkSession
from models.weights import CheckpointError
from tests.models.examples.small_encoder import write_encoder
from tests.models.small import tiny_model
from train.language.examples import ExamplesSettings, write_example_file

TALKS = """sad> It rained on our wedding.
< All day?
> Only in the morning.
< A pity.

> Hello.
< Hi.

> HELLO.
< Hi.

> This one is far too long for anybody to read before an answer.
< Yes.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "talks.txt").write_text(TALKS)
    checkpoint.save(tiny_model().checkpoint(), tmp_path / "model")
    return tmp_path / "model"


def settings(folder: Path) -> ExamplesSettings:
    encoder = folder.parent / "encoder"
    if not encoder.exists():
        write_encoder(encoder)
    return ExamplesSettings(
        model=folder,
        material=(folder.parent / "talks.txt",),
        count=2,
        longest=40,
        least=0.0,
        sentences=str(encoder),
    )


def test_first_exchanges_go_into_the_checkpoint_each_once(folder: Path) -> None:
    write_example_file(settings(folder))
    wedding = Example("It rained on our wedding.", "All day?", Emotion.SAD)
    assert read_examples(folder / EXAMPLES) == (wedding, Example("Hello.", "Hi."))


def test_material_of_answers_alone_is_not_shown(folder: Path) -> None:
    talks = folder.parent / "answers.txt"
    talks.write_text("sad> It rained on us.\n< What a pity.\n\n> Hello.\n< Hi.\n")
    changed = {"answering": (talks,), "answers_from": 0.8}
    write_example_file(settings(folder).model_copy(update=changed))
    chosen = json.loads((folder / "config.json").read_text())["examples"]
    assert (chosen["answers_from"], chosen["longest"]) == (0.8, 40)
    first, *others = read_examples(folder / EXAMPLES)
    assert first == Example("It rained on us.", "What a pity.", Emotion.SAD, is_shown=False)
    assert [example.is_shown for example in others] == [True, True], "Hello. is shown as before"


def test_a_loaded_checkpoint_answers_with_them(folder: Path) -> None:
    write_example_file(settings(folder))
    model = BlspEmo.from_pretrained(folder, dtype="float32", device="cpu")
    assert model.config.examples == ExamplesConfig(count=2, longest=40, least=0.0)
    talk = TalkSession(model)
    talk.read("Our wedding!")
    assert "All day?" in model.tokenizer.decode(list(talk.pieces[0].ids))


def test_a_checkpoint_without_the_file_answers_without(folder: Path) -> None:
    write_example_file(settings(folder))
    (folder / EXAMPLES).unlink()
    model = BlspEmo.from_pretrained(folder, dtype="float32", device="cpu")
    talk = TalkSession(model)
    talk.read("Our wedding!")
    assert model.examples is None
    assert "All day?" not in model.tokenizer.decode(list(talk.pieces[0].ids))


def test_only_what_it_is_about_changes_in_the_configuration(folder: Path) -> None:
    before = json.loads((folder / "config.json").read_text())
    write_example_file(settings(folder))
    after = json.loads((folder / "config.json").read_text())
    examples = {"count": 2, "longest": 40, "least": 0.0, "answers_from": None}
    parts = {"sentences": str(folder.parent / "encoder")}
    assert after == before | {"examples": examples, "parts": parts}


def test_a_folder_without_a_checkpoint_is_told(tmp_path: Path) -> None:
    (tmp_path / "talks.txt").write_text(TALKS)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        write_example_file(settings(tmp_path / "nothing"))
