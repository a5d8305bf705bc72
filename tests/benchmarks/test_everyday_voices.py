"""The same words in five voices: replies follow the voice alone, and a blind sheet is blind."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.everyday import sheets
from benchmarks.everyday.holding import AnsweredTurn
from benchmarks.everyday.voices import answered, blind, counted, heard_as
from models.blsp_emo import BlspEmo
from models.config import BlspEmoConfig
from models.decoding.shared import SharedSteps, Sharing
from models.emotions import EMOTION_LABELS, Emotion
from tests.models.small import byte_tokenizer


@pytest.fixture
def model() -> BlspEmo:
    torch.manual_seed(3)
    config = replace(BlspEmoConfig.tiny(emotion_head="attentive"), emotion_in_embeddings=True)
    found = BlspEmo(config, tokenizer=byte_tokenizer()).eval()
    for parameter in found.llm.parameters():
        if parameter.ndim > 1:  # as it is begun, it says the same whatever it is told
            torch.nn.init.normal_(parameter, std=0.5)
    torch.nn.init.normal_(found.get_parameter("emotion_vectors.weight"), std=3.0)
    found.steps = SharedSteps(found.llm, Sharing(10, 256))
    return found


def test_only_the_voice_differs_between_the_five(model: BlspEmo) -> None:
    heard = [heard_as(model, "It rained.", emotion, 1) for emotion in Emotion]
    assert [max(range(5), key=one.probabilities.__getitem__) for one in heard] == list(Emotion)
    assert all(sum(one.probabilities) == pytest.approx(1.0) for one in heard)
    assert heard_as(model, "It rained.", Emotion.SAD, 1).probabilities == heard[3].probabilities
    found = list(answered(model, ["It rained.", "We won."], list(Emotion), 0))
    assert [(turn.said, turn.emotion) for turn in found] == [
        (said, label) for said in ("It rained.", "We won.") for label in EMOTION_LABELS
    ]
    assert len({turn.reply for turn in found}) > 2
    model.get_parameter("emotion_vectors.weight").data.zero_()
    same = list(answered(model, ["It rained."], list(Emotion), 0))
    assert len({turn.reply for turn in same}) == 1


def test_replies_that_are_made_together_are_those_made_alone(model: BlspEmo) -> None:
    together = list(answered(model, ["It rained.", "We won."], list(Emotion), 0))
    model.steps = None
    assert list(answered(model, ["It rained.", "We won."], list(Emotion), 0)) == together


def test_a_blind_sheet_shows_neither_voice_nor_model_and_is_counted(tmp_path: Path) -> None:
    for name in ("old", "new"):
        turns = [
            AnsweredTurn(str(n), label, said, said, "written", f"{name} {label}")
            for n, said in enumerate(("It rained.", "We won."), 1)
            for label in EMOTION_LABELS
        ]
        sheets.write_answers(tmp_path / name / "voices.tsv", [turns])
    paths = [tmp_path / name / "voices.tsv" for name in ("old", "new")]
    blind(argparse.Namespace(blind=paths, out=tmp_path / "blind", seed=0))
    shown, key = (sheets.read(tmp_path / "blind" / f"{name}.tsv") for name in ("blind", "key"))
    assert list(shown[0]) == ["number", "said", "reply", "voice"] and len(shown) == 20
    assert {row["voice"] for row in shown} == {""}
    with pytest.raises(ValueError, match="number 1: voice must be one of neutral"):
        counted(shown, key)
    for row in shown:  # a judge who sees through the new one, and takes the old one for glad
        name, label = row["reply"].split()
        row["voice"] = label if name == "new" else "happy"
    table = {(sheet, voice): right for sheet, voice, right in counted(shown, key)}
    assert table["new/voices.tsv", "all"].startswith("10 of 10 (100 %")
    assert table["old/voices.tsv", "all"].startswith("2 of 10 (20 %")
    assert table["old/voices.tsv", "happy"].startswith("2 of 2")
    assert table["old/voices.tsv", "sad"].startswith("0 of 2")
