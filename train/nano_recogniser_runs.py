"""Nano's recogniser: phones first, then words, over the same speech."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.tokenizer import JsonTokenizer
from train.batches import BucketedBatches
from train.domain import Domain
from train.loop import fit
from train.metrics import word_errors
from train.nano_assemble import LLM_WIDTH, nano_config, trained_weights
from train.nano_recogniser import (
    WEIGHTS,
    Recogniser,
    RecogniserStep,
    SpeechBatch,
    SpeechCollate,
    SpeechItems,
    marker_ids,
    transcribe,
)
from train.nano_recordings import librispeech, measured, ravdess, speechocean
from train.nano_settings import NanoSettings
from train.nano_speech import Line, read_lines
from train.nano_text import spoken_form
from train.nano_tokenizer import spelling_size
from train.nano_word_times import pronunciations
from train.settings import LoopSettings
from train.stages import only_training
from train.surroundings import Surroundings
from train.synthesis import SAMPLE_RATE_HZ, phones_of
from train.task import Outcome, Task

LONGEST_S = 12.0
VALIDATION_LINES = 128
"""Of the held-out wordings; the figures come from others."""
SOURCE_CHANCES = {"domain": 1.0, "mixed": 1.0, "everyday": 0.5, "other": 0.2}
"""How often a synthetic line is drawn, by where its sentence comes from."""
UNTIMED_CHANCE = 1.4
"""Factor for the voices whose phones have no known times: they need more."""
REAL_SHARE = 0.2
"""Of real recordings outside the domain, against all synthetic lines together."""
ACTED_SHARE = 0.015
"""Of acted recordings, likewise: two sentences only, in many voices."""


class SpeechStages:
    """The two stages of the recogniser, over the synthetic speech of a run and real recordings."""

    def __init__(self, settings: NanoSettings, domain: Domain) -> None:
        self.settings = settings
        self.tokenizer = JsonTokenizer(settings.run / "tokenizer.json")
        self.spelling = spelling_size(self.tokenizer, domain)
        self.config = nano_config(self.tokenizer, self.spelling)
        folder = settings.run / "speech"
        lines = list(read_lines(folder, "train"))
        held_out = list(read_lines(folder, "wording"))[:VALIDATION_LINES]
        outside = speechocean(settings.data, held_out=False)
        outside += librispeech(settings.data, held_out=False)
        real = measured(outside, longest_s=LONGEST_S)
        acted = measured(ravdess(settings.data, held_out=False), longest_s=LONGEST_S)
        words = sorted({spoken_form(r.text) for r, _ in real + acted})
        phones = dict(zip(words, phones_of(words), strict=True))
        lexicon = pronunciations(
            w for line in lines + held_out for w in spoken_form(line.text).split()
        )
        around = Surroundings.read(settings.data / "noise")
        self.items = SpeechItems(
            lines, folder, real + acted, self.tokenizer, around, phones, lexicon
        )
        self.held_out = SpeechItems(held_out, folder, [], self.tokenizer, None, phones, lexicon)
        self.chances = [_line_chance(line) for line in lines]
        synthetic = sum(self.chances)
        self.chances += [REAL_SHARE * synthetic / len(real)] * len(real)
        self.chances += [ACTED_SHARE * synthetic / len(acted)] * len(acted)

    def train_phones(self) -> Outcome:
        """Teaches the lower layers the phones."""
        torch.manual_seed(self.settings.seed)
        model = self._model()
        layers = [f"encoder.whisper.layers.{number}" for number in range(3)]
        convolutions = ["encoder.whisper.conv1", "encoder.whisper.conv2"]
        only_training(model, [*convolutions, *layers, "phone_head"])
        loop = LoopSettings(learning_rate=1.2e-3, warmup_steps=60, decay="late")
        return self._fit("phones", model, loop)

    def train_words(self) -> Outcome:
        """Teaches all layers the words, from the phones and the LLM's token table on."""
        torch.manual_seed(self.settings.seed)
        model = self._model()
        model.load_state_dict(trained_weights(self.settings.run / "phones"), strict=False)
        llm = trained_weights(self.settings.run / "llm")
        start_sounds(model, llm["llm.causal.model.embed_tokens.weight"][: self.spelling])
        loop = LoopSettings(optimizer="muon", learning_rate=2e-3, warmup_steps=20, decay="linear")
        return self._fit("words", model, loop)

    def hours_a_step(self) -> float:
        """Returns the hours of speech in a batch, on average over an epoch."""
        frames = self.config.speech_encoder.frames_per_state
        collate = SpeechCollate(80, frames, self.config.adapter.kernel_sizes, self.spelling)
        plan = self._batches(collate).plan(0)
        samples = sum(self.items.lengths[index] for batch in plan for index in batch)
        return samples / SAMPLE_RATE_HZ / 3600 / len(plan)

    def _batches(self, collate: SpeechCollate) -> BucketedBatches:
        return BucketedBatches(
            self.items.lengths,
            self.items.load,
            collate,
            batch_size=48,
            max_total=48 * 3 * SAMPLE_RATE_HZ,
            seed=self.settings.seed,
            weights=self.chances,
        )

    def _model(self) -> Recogniser:
        return Recogniser(self.config.speech_encoder, self.config.adapter, LLM_WIDTH)

    def _fit(self, name: str, model: Recogniser, loop: LoopSettings) -> Outcome:
        words = name == "words"
        frames = self.config.speech_encoder.frames_per_state
        collate = SpeechCollate(80, frames, self.config.adapter.kernel_sizes, self.spelling)
        start, end = marker_ids(self.tokenizer)
        batches = self._batches(collate)
        held_out = BucketedBatches(
            self.held_out.lengths, self.held_out.load, collate, batch_size=16, shuffle=False
        )
        task = Task(
            f"nano-{name}",
            model,
            RecogniserStep(start, end, phones_only=not words),
            WEIGHTS if words else {"phones": 1.0},
            batches,
            held_out,
            metrics=DecoderErrors(held_out, self.tokenizer, start, end) if words else None,
        )
        limits: dict[str, object] = {
            "epochs": 1000,
            "budget": self.settings.stage_budget(name),
            "evaluate_every": 150,
            "device": "cpu",
            "seed": self.settings.seed,
        }
        return fit(task, loop.model_copy(update=limits), self.settings.run / name)


@dataclass(frozen=True)
class DecoderErrors:
    """A figure of a validation: the word error rate of the decoder alone."""

    batches: BucketedBatches
    tokenizer: JsonTokenizer
    start_id: int
    end_id: int

    def __call__(self, model: Recogniser) -> Mapping[str, float]:
        """Returns `word_errors`, errors ÷ words."""
        wrong = words = 0
        for number in range(self.batches.count(0)):
            batch: SpeechBatch | None = self.batches.load(0, number).value
            if batch is None:
                continue
            speech = model.hear(batch.log_mel, batch.lengths)
            heard = transcribe(model, speech, start_id=self.start_id, end_id=self.end_id)
            for ids, count, guess in zip(batch.ids, batch.id_counts, heard, strict=True):
                truth = self.tokenizer.decode(ids[: int(count)].tolist())
                more, of = word_errors(truth, self.tokenizer.decode(guess))
                wrong, words = wrong + more, words + of
        return {"word_errors": wrong / max(1, words)}


def start_sounds(model: Recogniser, table: Tensor) -> None:
    """Lets each token sound at first as the LLM's `table` (V, D) places it.

    Directions are compared only: at length one the optimiser turns them soon enough.
    """
    sounds = model.adapter.sounds.weight
    with torch.no_grad():
        sounds[:-1] = F.normalize(table.float(), dim=-1)
        sounds[-1] = F.normalize(sounds[-1], dim=-1)


def _line_chance(line: Line) -> float:
    chance = SOURCE_CHANCES[line.source]
    return chance if line.voice.startswith("flite") else UNTIMED_CHANCE * chance
