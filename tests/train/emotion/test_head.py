"""A head fitted to a frozen encoder: heard as in a talk, calibrated, everything else as it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from models.config import CalibrationConfig
from models.emotion.heads import is_told
from models.emotions import emotion_from_label
from tests.train.tiny import tiny_model, utterances
from train.data.audio_files import read_audio
from train.data.manifest import Utterance, write_manifest
from train.emotion.head import (
    EmotionHeadSettings,
    HeardVoices,
    cross_fitted,
    speaker_folds,
    sure_enough,
    teach_emotion_head,
)

torch.set_num_threads(1)


@pytest.fixture
def start(tmp_path: Path) -> BlspEmo:
    model = tiny_model(tmp_path / "tokenizer", emotion_head="attentive")
    save(model.checkpoint(), tmp_path / "start")
    return model


def settings(tmp_path: Path, told: list[Utterance], **changes: object) -> EmotionHeadSettings:
    write_manifest(tmp_path / "told.jsonl", told)
    values: dict[str, object] = {
        "model": str(tmp_path / "start"),
        "train": (tmp_path / "told.jsonl",),
        "out": tmp_path / "new",
        "views": 1,
        "device": "cpu",
        **changes,
    }
    return EmotionHeadSettings.model_validate(values)


def test_the_new_checkpoint_tells_the_emotions_apart_and_speaks_as_before(
    start: BlspEmo, tmp_path: Path
) -> None:
    told = utterances(tmp_path / "audio", 40)
    teach_emotion_head(settings(tmp_path, told))
    new = BlspEmo.from_pretrained(tmp_path / "new", dtype="float32", device="cpu")
    assert new.config.emotion_head.kind == "layers"
    assert new.config.calibration != start.config.calibration
    right = 0
    for one in told[::3]:
        wave = read_audio(one.audio, Path())
        heard, before = new.hear(wave), start.hear(wave)
        right += int(heard.emotion_logits.argmax()) == int(emotion_from_label(str(one.emotion)))
        assert torch.allclose(heard.speech_embeddings, before.speech_embeddings, atol=1e-5)
    assert right >= 0.8 * len(told[::3])


def test_only_manifests_that_tell_strangers_apart_are_taken(start: BlspEmo, tmp_path: Path) -> None:
    told = utterances(tmp_path / "audio", 12)
    one = [u.model_copy(update={"speaker": "s"}) for u in told]
    with pytest.raises(ValueError, match="1 speakers are too few"):
        teach_emotion_head(settings(tmp_path, one))
    calm = [u.model_copy(update={"emotion": "neutral"}) for u in told]
    with pytest.raises(ValueError, match="no recording to learn from is"):
        teach_emotion_head(settings(tmp_path, calm))
    with pytest.raises(ValueError, match="choose another --out"):
        teach_emotion_head(settings(tmp_path, told, out=tmp_path))
    with pytest.raises(ValueError, match="--model, and --train"):
        teach_emotion_head(EmotionHeadSettings())
    with pytest.raises(ValueError, match="each named in the manifest"):
        speaker_folds(["", "a", "b", "c", "d"])
    assert not (tmp_path / "new").exists()


def test_the_fit_is_judged_on_speakers_that_it_has_not_heard(start: BlspEmo) -> None:
    """What is one speaker's own says nothing of others, however well it tells emotions apart."""
    width = 2 * 3 * start.config.speech_encoder.width
    generator = np.random.default_rng(0)
    speakers = np.repeat([f"s{n}" for n in range(8)], 20)
    emotions = np.tile(np.arange(5), 32)
    own = generator.normal(size=(8, 5, width))
    rows = own[np.repeat(np.arange(8), 20), emotions] + 0.1 * generator.normal(size=(160, width))
    heard = HeardVoices(
        rows.astype(np.float32),
        emotions,
        speakers,
        np.zeros(160, np.bool_),
        np.zeros(160, np.bool_),
    )
    folds = speaker_folds(speakers.tolist())
    assert [len(fold) for fold in folds] == [2, 2, 2, 2]
    _, logits = cross_fitted(heard, folds, start.config.speech_encoder)
    assert (logits.argmax(axis=1) == emotions).mean() < 0.5


def test_hardly_a_reader_is_told_of() -> None:
    # Of 100 readers one seems surely happy, two less surely; the others are plain.
    logits = np.tile([5.0, 0.0, 0.0, 0.0, 0.0], (100, 1))
    logits[:3] = [[0.0, 9.0, 0.0, 0.0, 0.0], [0.0, 2.5, 0.0, 0.0, 0.0], [0.0, 2.4, 0.0, 0.0, 0.0]]
    calibration = CalibrationConfig()
    told_from = sure_enough(logits, calibration)
    rows = torch.softmax(torch.tensor(logits), dim=-1).tolist()
    told = [is_told(row, replace(calibration, told_from=told_from)) for row in rows]
    assert sum(told) <= 2 and told[0]
    assert sure_enough(logits[3:], calibration) == 0.5


@pytest.mark.parametrize("as_folder", [True, False])
def test_ordinary_readers_count_as_neutral(
    start: BlspEmo, tmp_path: Path, capsys: pytest.CaptureFixture[str], as_folder: bool
) -> None:
    told = utterances(tmp_path / "audio", 40)
    happy = [one for one in told if one.emotion == "happy"]
    others = [one for one in told if one.emotion != "neutral"]
    if as_folder:
        readers = tmp_path / "read"
        readers.mkdir()
        for number, one in enumerate(told):
            if one.emotion == "neutral":
                (readers / f"{number}.wav").write_bytes(Path(one.audio).read_bytes())
    else:
        readers = tmp_path / "read.jsonl"
        write_manifest(readers, [u for u in told if u.emotion == "neutral"])
    teach_emotion_head(settings(tmp_path, others, readers=(readers,)))
    new = BlspEmo.from_pretrained(tmp_path / "new", dtype="float32", device="cpu")
    neutral = [one for one in told if one.emotion == "neutral"]
    for group, label in ((neutral, 0), (happy, 1)):
        right = [
            int(new.hear(read_audio(u.audio, Path())).emotion_logits.argmax()) == label
            for u in group
        ]
        assert sum(right) >= 0.8 * len(right)
    assert "read, as recorded" in capsys.readouterr().out
