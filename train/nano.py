"""`python -m train nano`: nano from nothing to a checkpoint, resumable at any moment."""

import logging
from dataclasses import replace
from pathlib import Path

import soundfile as sf
import torch

from models.blsp_emo import BlspEmo
from models.checkpoint import save
from models.prompts import chat_prompts
from models.tokenizer import JsonTokenizer
from train.align import align_emotion, align_semantic
from train.batches import BucketedBatches
from train.domain import Domain, read_domain
from train.loop import fit
from train.nano_assemble import (
    LLM_WIDTH,
    assemble_nano,
    nano_config,
    trained_weights,
)
from train.nano_audio import Surroundings
from train.nano_emotion_runs import train_emotion
from train.nano_llm import LLM_WEIGHTS, LlmStep, NanoLlm, llm_shape
from train.nano_manifests import (
    Answers,
    emotion_utterances,
    semantic_utterances,
    write_manifest,
)
from train.nano_recogniser import (
    WEIGHTS,
    Recogniser,
    RecogniserStep,
    SpeechCollate,
    SpeechItems,
    marker_ids,
)
from train.nano_recordings import Recording, librispeech, ravdess, speechocean
from train.nano_settings import NanoSettings, finish
from train.nano_speech import Line, Script, acted_prosodies, build_shard, read_lines
from train.nano_text import spoken_form, unrelated_sentences
from train.nano_text_batches import ConversationBatches, ConversationSource
from train.nano_tokenizer import spelling_size, train_tokenizer
from train.nano_word_times import pronunciations
from train.settings import EmotionSettings, LoopSettings, SemanticSettings
from train.stages import only_training
from train.synthesis import SAMPLE_RATE_HZ, phones_of
from train.task import Outcome, Task

logger = logging.getLogger(__name__)

LONGEST_S = 12.0
VALIDATION_LINES = 128
"""Of the held-out wordings; the figures come from others."""


def make_nano(settings: NanoSettings) -> None:
    """Runs every stage that is not finished; the checkpoint is `final` in the run folder.

    Raises:
        ValueError: Data are missing, or a stage was stopped before its end.
    """
    run = settings.run
    run.mkdir(parents=True, exist_ok=True)
    domain = read_domain()
    tokenizer = _tokenizer(settings, domain)
    _speak(settings, domain)
    finish("llm", _train_llm(settings, domain, tokenizer))
    speech = _Speech(settings, tokenizer, spelling_size(tokenizer, domain))
    finish("phones", speech.train_phones())
    finish("words", speech.train_words())
    temperature = train_emotion(settings)
    parts = run / "parts"
    if not (parts / "config.json").exists():
        model = assemble_nano(
            tokenizer,
            spelling_size(tokenizer, domain),
            trained_weights(run / "words"),
            trained_weights(run / "llm"),
            trained_weights(run / "emotion"),
        )
        save(model, parts)
    _write_manifests(settings, domain)
    _align(settings)
    _export(run / "empathy" / "last", run / "final", temperature)


def _tokenizer(settings: NanoSettings, domain: Domain) -> JsonTokenizer:
    path = settings.run / "tokenizer.json"
    if not path.exists():
        train_tokenizer(domain, settings.data, path, vocabulary=settings.vocabulary)
    return JsonTokenizer(path)


def _speak(settings: NanoSettings, domain: Domain) -> None:
    """Speaks the shards of training speech and those of the held-out wordings and intents."""
    folder = settings.run / "speech"
    missing = [n for n in range(settings.shards) if not (folder / f"train-{n:03d}.jsonl").exists()]
    if not missing and (folder / "intent-000.jsonl").exists():
        return
    script = Script(domain, settings.data)
    prosodies = acted_prosodies(settings.data)
    for number in missing:
        failed = build_shard(folder, number, script, prosodies, seed=settings.seed)
        logger.info("spoke shard %d of %d, %d failed", number + 1, settings.shards, failed)
    build_shard(folder, 0, script, prosodies, split="wording", sentences=400, seed=settings.seed)
    build_shard(folder, 0, script, prosodies, split="intent", sentences=150, seed=settings.seed)


def _train_llm(settings: NanoSettings, domain: Domain, tokenizer: JsonTokenizer) -> Outcome:
    """Teaches the LLM the conversations of the domain."""
    torch.manual_seed(settings.seed)
    prompts = chat_prompts(tokenizer)
    unrelated = unrelated_sentences(settings.data)
    unrelated += [spoken_form(r.text) for r in speechocean(settings.data, held_out=False)] * 3
    shape = llm_shape(tokenizer.size, width=LLM_WIDTH, layers=4, heads=4, ffn=704)
    train = ConversationSource(domain, unrelated)
    valid = ConversationSource(domain, unrelated[::7], held_out=True)
    task = Task(
        "nano-llm",
        NanoLlm(shape, dropout=0.02),
        LlmStep(spelling_size(tokenizer, domain)),
        LLM_WEIGHTS,
        ConversationBatches(train, prompts, 200, tokens=3072, seed=settings.seed),
        ConversationBatches(valid, prompts, 12, seed=99),
    )
    loop = LoopSettings(
        epochs=1000,
        budget=settings.stage_budget("llm"),
        optimizer="muon",
        learning_rate=2.5e-3,
        final_fraction=0.03,
        decay="linear",
        evaluate_every=300,
        log_every=50,
        device="cpu",
        seed=settings.seed,
    )
    return fit(task, loop, settings.run / "llm")


class _Speech:
    """The two stages of the recogniser over the same speech."""

    def __init__(self, settings: NanoSettings, tokenizer: JsonTokenizer, spelling: int) -> None:
        self.settings, self.tokenizer = settings, tokenizer
        self.spelling = spelling
        self.config = nano_config(tokenizer, spelling)
        self.shape = self.config.speech_encoder
        folder = settings.run / "speech"
        lines = list(read_lines(folder, "train"))
        held_out = list(read_lines(folder, "wording"))[:VALIDATION_LINES]
        recordings = _measured(
            speechocean(settings.data, held_out=False)
            + librispeech(settings.data, held_out=False)
            + ravdess(settings.data, held_out=False)
        )
        words = sorted({spoken_form(r.text) for r, _ in recordings})
        phones = dict(zip(words, phones_of(words), strict=True))
        lexicon = pronunciations(
            w for line in lines + held_out for w in spoken_form(line.text).split()
        )
        around = Surroundings.read(settings.data / "noise")
        self.items = SpeechItems(lines, folder, recordings, tokenizer, around, phones, lexicon)
        self.held_out = SpeechItems(held_out, folder, [], tokenizer, None, phones, lexicon)
        self.chances = [_line_chance(line) for line in lines]
        self.chances += [0.6 if r.corpus == "ravdess" else 0.2 for r, _ in recordings]

    def train_phones(self) -> Outcome:
        """Teaches the lower layers the phones."""
        torch.manual_seed(self.settings.seed)
        model = self._model()
        layers = [f"encoder.whisper.layers.{number}" for number in range(3)]
        convolutions = ["encoder.whisper.conv1", "encoder.whisper.conv2"]
        only_training(model, [*convolutions, *layers, "phone_head"])
        return self._fit("phones", model, phones_only=True)

    def train_words(self) -> Outcome:
        """Teaches all layers the words."""
        torch.manual_seed(self.settings.seed)
        model = self._model()
        model.load_state_dict(trained_weights(self.settings.run / "phones"), strict=False)
        return self._fit("words", model, phones_only=False)

    def _model(self) -> Recogniser:
        return Recogniser(self.shape, self.config.adapter, LLM_WIDTH)

    def _fit(self, name: str, model: Recogniser, *, phones_only: bool) -> Outcome:
        kernels = self.config.adapter.kernel_sizes
        collate = SpeechCollate(80, self.shape.frames_per_state, kernels, self.spelling)
        start, end = marker_ids(self.tokenizer)
        task = Task(
            f"nano-{name}",
            model,
            RecogniserStep(start, end, phones_only),
            {"phones": 1.0} if phones_only else WEIGHTS,
            BucketedBatches(
                self.items.lengths,
                self.items.load,
                collate,
                batch_size=48,
                max_total=48 * 3 * SAMPLE_RATE_HZ,
                seed=self.settings.seed,
                weights=self.chances,
            ),
            BucketedBatches(
                self.held_out.lengths, self.held_out.load, collate, batch_size=16, shuffle=False
            ),
        )
        loop = LoopSettings(
            epochs=1000,
            budget=self.settings.stage_budget(name),
            optimizer="muon",
            learning_rate=2e-3,
            decay="linear",
            device="cpu",
            seed=self.settings.seed,
        )
        return fit(task, loop, self.settings.run / name)


def _write_manifests(settings: NanoSettings, domain: Domain) -> None:
    """Writes what both stages of alignment read, beside the speech."""
    folder = settings.run / "speech"
    lines = list(read_lines(folder, "train"))
    real = _measured(
        speechocean(settings.data, held_out=False) + librispeech(settings.data, held_out=False)
    )
    acted = _measured(ravdess(settings.data, held_out=False))
    answers = Answers(domain, settings.seed)
    semantic, emotion = folder / "semantic.jsonl", folder / "emotion.jsonl"
    if not semantic.exists():
        write_manifest(semantic, semantic_utterances(lines, real, answers))
    if not emotion.exists():
        write_manifest(emotion, emotion_utterances(lines, acted + real[::3], answers))


def _align(settings: NanoSettings) -> None:
    """Runs both stages of alignment through their own commands."""
    run = settings.run
    shared = {"batch_size": 24, "check_audio": False, "emotion_in_text": True, "max_tokens": 240}
    semantic = SemanticSettings(
        model=str(run / "parts"),
        train=(run / "speech" / "semantic.jsonl",),
        run=run / "semantic",
        longest_s=LONGEST_S,
        weights={"response_kl": 1.0, "ctc": 1.0},
        loop=_alignment_loop(settings, "semantic"),
        **{**shared, "emotion_in_text": False},  # pyright: ignore[reportArgumentType]
    )
    outcome = align_semantic(semantic)
    if outcome is not None:
        finish("semantic", outcome)
    emotion = EmotionSettings(
        model=str(run / "semantic" / "last"),
        train=(run / "speech" / "emotion.jsonl",),
        run=run / "empathy",
        longest_s=LONGEST_S,
        trains=("lora_a", "lora_b", "emotion_vectors"),
        weights={"response_ce": 1.0},
        balance_emotions=True,
        loop=_alignment_loop(settings, "empathy"),
        **shared,  # pyright: ignore[reportArgumentType]
    )
    outcome = align_emotion(emotion)
    if outcome is not None:
        finish("empathy", outcome)


def _alignment_loop(settings: NanoSettings, stage: str) -> LoopSettings:
    return LoopSettings(
        epochs=1000,
        budget=settings.stage_budget(stage),
        learning_rate=1e-3 if stage == "semantic" else 6e-4,
        warmup_steps=30,
        device="cpu",
        evaluate_every=200,
        seed=settings.seed,
    )


def _export(source: Path, target: Path, temperature: float) -> None:
    """Writes the finished checkpoint in half precision, with its calibration."""
    model = BlspEmo.from_pretrained(source, dtype="float32", device="cpu")
    calibration = replace(model.config.calibration, temperature=temperature, threshold=0.4)
    model.config = replace(model.config, calibration=calibration)
    save(model, target, dtype=torch.float16)


def _measured(recordings: list[Recording]) -> list[tuple[Recording, int]]:
    """Returns recordings of at most `LONGEST_S` with their 16 kHz samples."""
    found: list[tuple[Recording, int]] = []
    for recording in recordings:
        info = sf.info(str(recording.path))
        samples = int(info.frames * SAMPLE_RATE_HZ / info.samplerate)
        if samples <= LONGEST_S * SAMPLE_RATE_HZ:
            found.append((recording, samples))
    return found


def _line_chance(line: Line) -> float:
    """Returns how often a synthetic line is drawn; the voices without times need more."""
    chance = {"domain": 1.0, "mixed": 1.0, "everyday": 0.5}.get(line.source, 0.2)
    return 1.4 * chance if line.voice.startswith("espeak") else chance
