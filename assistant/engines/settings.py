"""Settings of the speech model: which one, how it runs, and how replies are sampled."""

import difflib
from functools import partial
from typing import Annotated, Literal, Self

import tyro
from pydantic import AfterValidator, Field, model_validator

from assistant.configuration import Settings
from assistant.engines.table import ENGINES, USUAL_MODEL, Part
from models.checkpoints.embedded import EMBEDDED


def _listed(part: Part, name: str) -> str:
    """The table is the one place that knows the names, so that a new engine is one line there."""
    chosen = name.partition(":")[0]
    if chosen not in ENGINES[part]:
        meant = difflib.get_close_matches(chosen, ENGINES[part], n=1, cutoff=0.7)
        hint = f" (did you mean {meant[0]}?)" if meant else ""
        raise ValueError(f"must be one of {', '.join(ENGINES[part])}, not {name}{hint}")
    return name


SpeechModelName = Annotated[
    str,
    AfterValidator(partial(_listed, "speech_model")),
    tyro.conf.arg(metavar="|".join(ENGINES["speech_model"])),
]
DetectorName = Annotated[
    str, AfterValidator(partial(_listed, "vad")), tyro.conf.arg(metavar="|".join(ENGINES["vad"]))
]
TurnJudgeName = Annotated[
    str,
    AfterValidator(partial(_listed, "turn_judge")),
    tyro.conf.arg(metavar="|".join(ENGINES["turn_judge"])),
]


class ModelSettings(Settings):
    """The speech model and how it runs."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; auto takes a GPU if there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    """Arithmetic; auto takes what this processor does fastest without loss that can be heard, on a
    CPU int8 for large language models of the catalogue (mini's)."""
    threads: int | None = Field(default=None, ge=1, le=256)
    """CPU threads for the model; as many as there are cores if not given."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.device == "cuda" and self.dtype == "int8":
            raise ValueError("int8 runs on the CPU only: choose another dtype, or device cpu")
        return self


class GenerationSettings(Settings):
    """How replies are sampled."""

    temperature: float = Field(default=0.0, ge=0.0, le=5.0)
    """Of sampling; 0 always takes the most probable token."""
    top_p: float = Field(default=0.9, gt=0.0, le=1.0)
    """Share of probability that sampling draws from."""
    repetition_penalty: float = Field(default=1.0, ge=1.0, le=3.0)
    """Factor that makes tokens of this reply less likely again; 1 is off."""
    no_repeat_ngram: int = Field(default=4, ge=0, le=20)
    """No sequence of so many tokens comes twice in a reply; 0 is off."""
    longest_tokens: int = Field(default=160, ge=1, le=4096)
    """A reply is cut here, at the latest."""
    examples: int | None = Field(default=None, ge=0, le=8)
    """Written answers to similar sayings that the LLM is shown before it answers, at most; 0 for
    none, as many as the checkpoint asks for if not given. Another system line has none."""
    seed: int = Field(default=0, ge=0)
    """Of sampling: the same seed and input give the same reply."""


class SpeechModelSettings(Settings):
    """Which speech model answers, and how."""

    model: str = EMBEDDED
    """mini, a checkpoint folder, a part of the catalogue (`app.py models`), or a hub id such as
    cwang621/blsp-emo."""
    engine: SpeechModelName = USUAL_MODEL
    """blsp_emo hears the voice itself; cascade answers the transcript alone, cascade_emotion the
    transcript with the heard emotion named in the prompt (baselines for comparison)."""
    run: ModelSettings = ModelSettings()
    generation: GenerationSettings = GenerationSettings()
