"""The recipe of nano: what it needs, how it goes on, and what its variants train."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.config import AdapterConfig, SpeechEncoderConfig
from tests.train.tiny import byte_tokenizer, voice
from train import nano_alignment
from train.batches import BucketedBatches
from train.nano import make_nano
from train.nano_alignment import align_nano
from train.nano_needs import check_needs, print_plan
from train.nano_recogniser import Item, Recogniser, SpeechCollate, marker_ids
from train.nano_recogniser_runs import DecoderErrors, start_sounds
from train.nano_recordings import Recording, measured
from train.nano_settings import SHARES, NanoSettings, finish, is_done
from train.nano_speech import read_lines
from train.settings import EmotionSettings, SemanticSettings, duration_s
from train.task import Outcome, Position

torch.set_num_threads(1)


def tiny_recogniser(vocabulary: int) -> Recogniser:
    shape = SpeechEncoderConfig(
        mel_bins=80,
        width=16,
        layers=4,
        heads=2,
        ffn=32,
        max_positions=200,
        frames_per_state=4,
        trained_on_short_inputs=True,
        decoder_layers=1,
        decoder_heads=2,
        decoder_ffn=32,
        vocabulary=vocabulary,
        max_target_positions=64,
    )
    adapter = AdapterConfig(kind="ctc", kernel_sizes=(5, 5), inner_width=16, vocabulary=vocabulary)
    torch.manual_seed(0)
    return Recogniser(shape, adapter, 24).eval()


def test_everything_that_is_missing_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = NanoSettings(data=tmp_path, run=tmp_path / "run")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="apt install flite festival espeak-ng"):
        make_nano(settings)
    monkeypatch.setattr("shutil.which", lambda program: program)
    with pytest.raises(ValueError, match=r"lacks emotion/ravdess, .*--data"):
        make_nano(settings)
    assert not (tmp_path / "run").exists()


def test_a_disk_that_is_too_small_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: program)
    monkeypatch.setattr("train.nano_needs.DATA", ())
    with pytest.raises(ValueError, match=r"free space and nano needs 45\d+\.\d GB"):
        check_needs(NanoSettings(data=tmp_path, run=tmp_path / "a" / "b", shards=100_000))


def test_the_plan_shares_out_the_budget(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.nano_needs.MORE_VOICES", {})
    settings = NanoSettings(budget="100min")
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert sum(duration_s(settings.stage_budget(name)) for name in SHARES) == pytest.approx(6000)
    print_plan(settings)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        *("speech", *SHARES, "The"),
    ]


def test_a_run_with_other_settings_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(settings: NanoSettings, domain: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("train.nano.check_needs", lambda settings: None)
    monkeypatch.setattr("train.nano._tokenizer", stop)
    settings = NanoSettings(data=tmp_path, run=tmp_path / "run")
    for changes in ({}, {"variant": "joint"}, {"data": tmp_path / "moved"}):
        with pytest.raises(KeyboardInterrupt):
            make_nano(settings.model_copy(update=changes))
    with pytest.raises(ValueError, match="other values of budget"):
        make_nano(settings.model_copy(update={"budget": "1h"}))
    monkeypatch.setattr("train.nano.domain_sha256", lambda: "another")
    with pytest.raises(ValueError, match="other values of domain"):
        make_nano(settings)


def test_only_a_stage_that_came_to_its_end_is_done(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="words was stopped: run the same command"):
        finish("words", Outcome("stopped", Position(), tmp_path))
    assert not is_done(tmp_path)
    finish("words", Outcome("budget", Position(), tmp_path))
    assert is_done(tmp_path)


@pytest.mark.parametrize(
    ("variant", "start", "folder", "weights", "told"),
    [
        ("none", "semantic/last", "empathy", {"response_kl": 1.0}, "label"),
        (
            "without-semantic",
            "parts",
            "without-semantic/empathy",
            {"response_kl": 1.0},
            "label",
        ),
        (
            "joint",
            "joint/start",
            "joint/empathy",
            {"response_ce": 1.0, "input_er": 1.0},
            "heard",
        ),
        (
            "without-input-er",
            "without-input-er/start",
            "without-input-er/empathy",
            {"response_ce": 1.0},
            "heard",
        ),
    ],
)
def test_variants(
    variant: str,
    start: str,
    folder: str,
    weights: dict[str, float],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[SemanticSettings | EmotionSettings] = []

    def align(settings: SemanticSettings | EmotionSettings) -> Outcome:
        ran.append(settings)
        settings.run.mkdir(parents=True)
        return Outcome("budget", Position(), settings.run)

    monkeypatch.setattr(nano_alignment, "align_semantic", align)
    monkeypatch.setattr(nano_alignment, "align_emotion", align)
    monkeypatch.setattr(nano_alignment, "_with_new_head", lambda source, target, seed: None)
    settings = NanoSettings.model_validate({"run": tmp_path, "variant": variant})
    assert align_nano(settings) == tmp_path / folder / "last"
    empathy = ran[-1]
    assert (empathy.model, empathy.weights) == (str(tmp_path / start), weights)
    assert empathy.emotion_told == told
    assert ("emotion_head" in empathy.trains) == (told == "heard")
    assert len(ran) == (1 if variant == "without-semantic" else 2)
    align_nano(settings)
    assert len(ran) == (1 if variant == "without-semantic" else 2)


def test_sounds_begin_as_directions_of_the_llm_table() -> None:
    model = tiny_recogniser(11)
    table = torch.randn(11, 24)
    start_sounds(model, table)
    sounds = model.adapter.sounds.weight.detach()
    torch.testing.assert_close(sounds.norm(dim=-1), torch.ones(12))
    torch.testing.assert_close(torch.cosine_similarity(sounds[:-1], table), torch.ones(11))


def test_decoder_errors_count_every_word(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer(tmp_path)
    model = tiny_recogniser(tokenizer.size)
    start, end = marker_ids(tokenizer)
    nothing = np.empty(0)

    def load(index: int, generator: np.random.Generator) -> Item:
        return Item(voice(index, 0.5), tokenizer.encode("one two"), [], nothing, nothing)

    batches = BucketedBatches(
        [8000] * 3, load, SpeechCollate(80, 4, (5, 5), tokenizer.size), batch_size=2, shuffle=False
    )
    judge = DecoderErrors(batches, tokenizer, start, end)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.zero_()
        assert float(judge(model)["word_errors"]) >= 1.0


def test_recordings_of_no_use_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[Recording] = []
    for name, seconds in (("good", 1.0), ("empty", 0.0), ("long", 20.0)):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, voice(1, seconds), 16_000)
        found.append(Recording(path, "words", "librispeech", "19"))
    assert [r.path.stem for r, _ in measured(found, longest_s=12.0)] == ["good"]
    assert "left out 2 of 3 recordings" in caplog.text
    missing = replace(found[0], path=tmp_path / "missing.wav")
    with pytest.raises(ValueError, match=r"missing\.wav cannot be read"):
        measured([missing], longest_s=12.0)


def test_a_damaged_shard_is_named_with_its_line(tmp_path: Path) -> None:
    good = {
        **{"text": "hi", "source": "domain", "split": "train", "intent": "", "emotion": ""},
        **{"voice": "flite/slt", "phones": ["hh", "ay"], "ends_s": [0.1, 0.2]},
        **{"shard": "train-000.wav", "start": 0, "samples": 3200},
    }
    path = tmp_path / "train-000.jsonl"
    path.write_text(json.dumps(good) + "\n" + json.dumps(good)[:40] + "\n")
    with pytest.raises(ValueError, match=r"train-000\.jsonl: line 2 is damaged: remove the file"):
        list(read_lines(tmp_path, "train"))
