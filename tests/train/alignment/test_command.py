"""The alignment commands: from manifests and a start to a checkpoint that loads and hears."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from tests.train.tiny import byte_tokenizer, tiny_model, utterances, voice
from train.__main__ import COMMANDS, main
from train.alignment.assemble import assemble
from train.alignment.command import align_emotion, align_semantic, read_corpus
from train.alignment.settings import EmotionSettings, SemanticSettings
from train.data.manifest import write_manifest
from train.loop.settings import LoopSettings

torch.set_num_threads(1)

LOOP = LoopSettings(max_steps=4, warmup_steps=1, learning_rate=1e-3, evaluate_every=2, device="cpu")


@pytest.fixture
def start(tmp_path: Path) -> Path:
    save(tiny_model(tmp_path / "tokenizer").checkpoint(), tmp_path / "start")
    write_manifest(tmp_path / "all.jsonl", utterances(tmp_path / "audio", 12))
    return tmp_path


def test_both_stages_lead_to_a_checkpoint_that_hears(start: Path) -> None:
    common = {"train": (start / "all.jsonl",), "valid_share": 0.3, "batch_size": 4, "loop": LOOP}
    first = align_semantic(
        SemanticSettings(run=start / "one", model=str(start / "start"), **common)
    )
    assert first is not None
    second = align_emotion(
        EmotionSettings(run=start / "two", model=str(first.best), balance_emotions=True, **common)
    )
    assert second is not None
    before = BlspEmo.from_pretrained(start / "start", device="cpu")
    after = BlspEmo.from_pretrained(second.best, device="cpu")
    changed = {
        name.split(".")[0]
        for (name, old), new in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(old, new)
    }
    assert changed == {"adapter", "llm", "emotion_head"}
    heard = after.hear(voice(1, 0.5))
    assert sum(heard.probabilities) == pytest.approx(1.0, abs=1e-5)


def test_the_command_line_reads_file_and_flags(
    start: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = start / "recipe.toml"
    recipe.write_text(
        f'[align-semantic]\nmodel = "{start / "start"}"\ntrain = ["{start / "all.jsonl"}"]\n'
        "valid_share = 0.3\n[align-semantic.loop]\nmax_steps = 1\ndevice = 'cpu'\n"
    )
    base = ["align-semantic", "--config", str(recipe), "--run", str(start / "run")]
    assert main([*base, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "the longest batch trains" in said
    assert re.search(r"disk \d\.\d\d GiB in .*run, \d+\.\d+ GiB are free", said)
    assert not (start / "run").exists()
    assert main([*base, "--loop.max-steps", "2"]) == 0
    assert (start / "run" / "last" / "config.json").exists()
    assert "resumed" not in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "--config FILE.toml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[align-semantic]\nspeed = 1\n", "align-semantic.speed"),
        ("[align-semantic.loop]\nlearning_rate = -1\n", "align-semantic.loop.learning_rate"),
        ("[other]\n", "has no table [align-semantic]"),
        ("[align-semantic\n", "is no valid TOML"),
        ("[align-semantic]\nmodel = 'nowhere'\n", "name the manifests"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text)
    is_settings = said != "name the manifests"
    assert main(["align-semantic", "--config", str(recipe)]) == (2 if is_settings else 1)
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


def test_everything_that_is_missing_is_named_at_once(start: Path) -> None:
    settings = SemanticSettings(
        model=str(start / "one" / "best"),
        train=(start / "all.jsonl", start / "a.continued.jsonl"),
        valid=(start / "b.jsonl",),
    )
    with pytest.raises(ValueError, match=r"a\.continued.*b\.jsonl .*no checkpoint .*one/best \("):
        align_semantic(settings)


def test_a_dry_run_names_what_would_be_downloaded(
    start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "train.alignment.command.is_downloaded", lambda name: name == "somebody/whisper"
    )
    settings = SemanticSettings(
        speech="somebody/whisper", llm="somebody/llm", train=(start / "all.jsonl",), dry_run=True
    )
    with pytest.raises(ValueError, match=r"^somebody/llm would .*`hf download somebody/llm`"):
        align_semantic(settings)


def test_a_dry_run_says_what_helps_where_memory_is_too_small(
    start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        del arguments
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("train.loop.dry_run._step", full)
    settings = SemanticSettings(
        model=str(start / "start"),
        train=(start / "all.jsonl",),
        valid_share=0.3,
        dry_run=True,
        loop=LOOP,
    )
    with pytest.raises(ValueError, match=r"8 utterances does not fit the memory: .*--batch-size"):
        align_semantic(settings)


def test_a_text_view_that_asks_otherwise_than_the_writer_is_said(
    start: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = {"instruction": "", "emotion_in_text": True}
    (start / "all.jsonl.by.json").write_text(json.dumps(asked))
    settings = SemanticSettings(
        model=str(start / "start"),
        train=(start / "all.jsonl",),
        valid_share=0.3,
        dry_run=True,
        run=start / "run",
        loop=LOOP,
    )
    align_semantic(settings)
    assert "set text_instruction alike" in caplog.text
    assert "set emotion_in_text alike" in caplog.text
    caplog.clear()
    align_semantic(settings.model_copy(update={"text_instruction": "", "emotion_in_text": True}))
    assert "alike" not in caplog.text


def test_a_dry_run_says_that_the_disk_is_too_small(
    start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "train.loop.dry_run.shutil.disk_usage", lambda path: SimpleNamespace(free=9)
    )
    settings = SemanticSettings(
        model=str(start / "start"),
        train=(start / "all.jsonl",),
        valid_share=0.3,
        dry_run=True,
        run=start / "run" / "deep",
        loop=LOOP,
    )
    with pytest.raises(ValueError, match="needs more disk space than is free"):
        align_semantic(settings)


def test_a_speaker_on_both_sides_is_refused(start: Path) -> None:
    settings = SemanticSettings(train=(start / "all.jsonl",), valid=(start / "all.jsonl",))
    with pytest.raises(ValueError, match="4 speakers stand in the training and the validation"):
        read_corpus(settings)


def test_whisper_and_an_llm_become_a_model(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM, WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperForConditionalGeneration

    whisper = WhisperForConditionalGeneration(
        WhisperConfig(
            d_model=32,
            encoder_layers=2,
            decoder_layers=1,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            vocab_size=300,
            pad_token_id=0,
        )
    )
    whisper.save_pretrained(tmp_path / "whisper")
    llm = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=300,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
        )
    )
    llm.save_pretrained(tmp_path / "llm")
    byte_tokenizer(tmp_path / "llm")
    settings = SemanticSettings(
        speech=str(tmp_path / "whisper"), llm=str(tmp_path / "llm"), lora_rank=4
    )
    model = assemble(settings)
    ids = torch.arange(12)[None]
    with torch.no_grad():
        ours = model.llm(model.llm.embed(ids))
        theirs = llm.eval()(ids).logits
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    wave = voice(2, 1.0)
    features = model.features([wave])
    with torch.no_grad():
        states = model.encode(features).padded
        expected = whisper.eval().model.encoder(features.log_mel).last_hidden_state
    assert states is not None
    torch.testing.assert_close(states, expected, atol=1e-4, rtol=1e-4)
    save(model.checkpoint(), tmp_path / "assembled")
    heard = BlspEmo.from_pretrained(tmp_path / "assembled", device="cpu").hear(wave)
    assert np.isfinite(heard.emotion_logits.numpy()).all()
