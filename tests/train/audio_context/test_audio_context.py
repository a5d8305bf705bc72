import json
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile as sf
import torch
from safetensors.torch import load_file

from models.blsp_emo import BlspEmo
from models.checkpoints.whisper import load_decoder, load_encoder
from models.features import speech_features
from models.pretrained.store import Store
from models.pretrained.whisper_shape import whisper_shape
from models.speech_encoder import SpeechEncoder
from models.weights import CheckpointError
from tests.models.small import tone
from train.alignment.assemble import assemble
from train.alignment.settings import AlignSettings
from train.audio_context.command import AudioContextSettings, audio_context, context_task
from train.audio_context.pair import ContextBatch, ContextPair, context_step
from train.audio_context.spelling import as_written
from train.data.manifest import Utterance, write_manifest
from train.loop.settings import LoopSettings

NONE = torch.zeros(0, dtype=torch.long)
WORDLESS = torch.zeros(0, 0, dtype=torch.long)


@pytest.fixture
def settings(store: Store, tmp_path: Path) -> AudioContextSettings:
    """A run of three steps on five tones."""
    assert store
    torch.set_num_threads(1)
    folder = tmp_path / "speech"
    folder.mkdir()
    for number in range(5):
        sf.write(folder / f"{number}.wav", tone(1.0 + number / 4, hertz=150 + 40 * number), 16_000)
    return AudioContextSettings(
        run=tmp_path / "run",
        speech="ears",
        recordings=(folder,),
        trailing_s=0.4,
        longest_s=2.0,
        cuts=50,
        loop=LoopSettings(max_steps=3, warmup_steps=0, learning_rate=1e-3, device="cpu"),
    )


def test_the_result_is_a_whisper_that_says_that_it_needs_no_padding(
    settings: AudioContextSettings,
) -> None:
    outcome = audio_context(settings)
    adapted, before = load_encoder(outcome.best), load_encoder("ears")
    assert adapted.config.trained_on_short_inputs and adapted.config.trailing_frames == 40
    assert adapted.pad_frames is None
    moved = {
        name
        for name, weight in adapted.named_parameters()
        if not torch.allclose(weight, before.get_parameter(name), atol=1e-3)
    }
    assert moved and all(
        name.startswith(("whisper.layers", "whisper.layer_norm")) for name in moved
    )
    stored = load_file(outcome.best / "model.safetensors")
    assert any(name.startswith("model.decoder.") for name in stored)
    assert load_decoder(outcome.best, adapted).shape.trailing_frames == 40


def test_models_are_made_of_it_and_keep_how_it_wants_its_input(
    settings: AudioContextSettings,
) -> None:
    outcome = audio_context(settings)
    choice = AlignSettings(speech=str(outcome.best), llm="tongue", adapter_width=8, lora_rank=2)
    model = assemble(choice)
    assert model.config.speech_encoder.trailing_frames == 40
    heard = model.hear(tone(0.6))
    (states,) = heard.speech_states
    assert states.states.shape[1] == 30, "as many as the speech has"
    assert states.padded is not None and states.padded.shape[1] == 50


def test_a_stopped_run_goes_on_to_the_same_weights(
    settings: AudioContextSettings, tmp_path: Path
) -> None:
    whole = audio_context(settings)
    parts = settings.model_copy(update={"run": tmp_path / "parts"})
    first = parts.model_copy(update={"cuts": 50})
    audio_context(first)
    again = audio_context(first)
    assert again.position.step == 3
    ours, theirs = (load_encoder(o.folder / "last") for o in (whole, again))
    for name, weight in ours.named_parameters():
        assert torch.equal(weight, theirs.get_parameter(name)), name


def test_the_student_comes_nearer_to_the_teacher() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    shape = replace(BlspEmo.tiny(short_inputs=False).config.speech_encoder, decoder_layers=0)
    pair = ContextPair(SpeechEncoder(shape).eval(), 40)
    waves = [tone(0.5), tone(0.9, hertz=330)]
    padded = speech_features(waves, pad_frames=3000)
    short = speech_features(waves, trailing_frames=40)
    rows = torch.arange(2)
    batch = ContextBatch(padded.log_mel, short.log_mel, short.lengths, rows, NONE, WORDLESS)
    optimizer = torch.optim.AdamW(pair.student.parameters(), lr=1e-3)
    losses: list[float] = []
    for _ in range(12):
        terms = context_step(pair, batch)
        losses.append(float(terms["states"].detach()))
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]
    assert all(weight.grad is None for weight in pair.teacher.parameters())


def test_nothing_is_apart_where_the_input_is_as_long_as_the_teachers() -> None:
    torch.set_num_threads(1)
    shape = BlspEmo.tiny(short_inputs=False).config.speech_encoder
    pair = ContextPair(SpeechEncoder(shape).eval(), 40)
    features = speech_features([tone(29.6)], pad_frames=3000)
    log_mel, lengths = features.log_mel, features.lengths
    batch = ContextBatch(log_mel, log_mel, lengths, torch.arange(1), NONE, WORDLESS)
    with torch.no_grad():
        terms = {name: float(term) for name, term in context_step(pair, batch).items()}
    assert terms == {"states": 0.0, "layers": 0.0}


def test_settings_that_cannot_work_are_refused(settings: AudioContextSettings) -> None:
    with pytest.raises(ValueError, match="--speech"):
        audio_context(settings.model_copy(update={"speech": ""}))
    with pytest.raises(ValueError, match="--recordings"):
        audio_context(settings.model_copy(update={"recordings": ()}))
    outcome = audio_context(settings)
    again = settings.model_copy(update={"speech": str(outcome.best), "run": settings.run / "more"})
    with pytest.raises(ValueError, match="needs no padding already"):
        audio_context(again)


def test_a_folder_that_holds_no_whisper_is_named(settings: AudioContextSettings) -> None:
    with pytest.raises(CheckpointError, match="no Whisper"):
        whisper_shape({"model_type": "llama"})
    shape = json.loads((audio_context(settings).best / "config.json").read_text())
    del shape["d_model"]
    with pytest.raises(CheckpointError, match="d_model"):
        whisper_shape(shape)


def told(settings: AudioContextSettings, **changes: object) -> AudioContextSettings:
    """Returns the run on a manifest that says what is said, and with a decoder that reads it."""
    (folder,) = settings.recordings
    manifest = folder / "told.jsonl"
    names = sorted(path.name for path in folder.glob("*.wav"))
    write_manifest(manifest, [Utterance(id=n, audio=n, text="ab b", duration_s=1) for n in names])
    changes = {"recordings": (manifest,), "words": 1.0, "taught": 0.0, **changes}
    return settings.model_copy(update=changes)


def test_the_decoder_reads_known_words_more_easily_and_stays_as_it_is(
    settings: AudioContextSettings,
) -> None:
    task = context_task(told(settings))
    pair, batch = task.model, task.train.load(0, 0).value
    assert isinstance(pair, ContextPair) and isinstance(batch, ContextBatch)
    assert len(batch.told) and not set(batch.told.tolist()) & set(batch.taught.tolist())
    assert batch.words[0].tolist()[-1] == 2, "the end is among the words"
    trained = [p for p in pair.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2)
    losses: list[float] = []
    for _ in range(12):
        term = context_step(pair, batch)["words"]
        losses.append(float(term.detach()))
        optimizer.zero_grad()
        term.backward()
        optimizer.step()
    assert losses[-1] < losses[0] - 0.1
    assert pair.decoder is not None
    assert all(weight.grad is None for weight in pair.decoder.parameters())


def test_words_count_each_token_once_however_long_others_in_the_batch_are(
    settings: AudioContextSettings,
) -> None:
    pair = context_task(told(settings)).model
    assert isinstance(pair, ContextPair)
    short = speech_features([tone(0.5), tone(0.9, hertz=330)], trailing_frames=40)
    rows = [torch.tensor([0, 2]), torch.tensor([1, 0, 1, 1, 2])]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-100)
    unheard = torch.zeros(0, 80, 3000)

    def loss(which: list[int]) -> float:
        kept = short.lengths[which]
        size = int(kept.max()) + 40
        words = padded[which][:, : max(len(rows[row]) for row in which)]
        at = torch.arange(len(which))
        batch = ContextBatch(unheard, short.log_mel[which][..., :size], kept, NONE, at, words)
        return float(context_step(pair, batch)["words"].detach())

    together = loss([0, 1])
    assert together == pytest.approx((2 * loss([0]) + 5 * loss([1])) / 7, abs=1e-4)


def test_adapting_goes_on_from_a_whisper_that_was_adapted(settings: AudioContextSettings) -> None:
    once = audio_context(settings)
    again = settings.model_copy(update={"start": str(once.best), "run": settings.run / "more"})
    pair = context_task(again).model
    assert isinstance(pair, ContextPair)
    adapted = load_encoder(once.best)
    for name, weight in pair.student.named_parameters():
        assert torch.equal(weight, adapted.get_parameter(name)), name


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("i think i'm late said lucy", "I think I'm late said lucy."),
        ("WE CALL IT BEAR", "We call it bear."),
        ("how old are you?", "How old are you?"),
        ("She didn't say. Why not?", "She didn't say. Why not?"),
    ],
)
def test_words_of_a_corpus_are_spelled_as_sentences(words: str, written: str) -> None:
    assert as_written(words) == written
