"""Settings of `evaluate` and `calibrate`."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field

from models.checkpoints.embedded import EMBEDDED
from train.settings import Frozen


class MeasuredSets(Frozen):
    """A model, and what it is measured on."""

    model: str = EMBEDDED
    """Checkpoint: a folder, a hub id, or the one that ships with Attune (mini)."""
    manifests: tuple[Path, ...] = ()
    """Test manifests; each is a row of figures."""
    split: Literal["train", "dev", "test", "all"] = "all"
    """Which of their utterances count."""


class ArrivalSettings(Frozen):
    """How recordings come to the model: what is around them, the line, the sound card."""

    noise_db: float | None = None
    """Pink noise is added this many decibels below the speech, the same in each run."""
    telephone: bool = False
    """The sound comes through a telephone: 300 to 3,400 Hz."""
    gain_db: float = 0.0
    """The sound is as much louder; -20 is a tenth of the amplitude."""
    offset: float = 0.0
    """The zero line is shifted so far, as cheap sound cards shift it; full scale is 1."""


class AnsweringSettings(ArrivalSettings):
    """What is asked of the model for each utterance."""

    figures: tuple[Literal["emotion", "asked", "words", "replies", "judged", "delay"], ...] = (
        "emotion",
        "words",
    )
    """emotion: the head's accuracy and calibration; where emotions are not known, what voices are
    taken for. By itself it needs no LLM. asked: the LLM names the emotion when asked
    (the paper's protocol). words: word error rate. replies: BLEU-1 against the manifest's
    continuations, endings and repetitions. judged: a judge scores the replies. delay: from the end
    of speech to the first text of the reply; OMP_NUM_THREADS=1 for one thread."""
    longest_tokens: int = Field(default=96, ge=1)
    """Longest reply."""


class JudgeSettings(Frozen):
    """Who scores replies."""

    judge: str = ""
    """OpenAI-compatible server whose model judges replies, such as http://localhost:8000/v1."""
    judge_model: str = "default"
    """Name of the judging model; it is written beside its scores."""
    key: Annotated[str, tyro.conf.Suppress] = Field(default="", exclude=True, repr=False)
    """Of the judge; from the environment variable OPENAI_API_KEY."""


class EvaluateSettings(JudgeSettings, AnsweringSettings, MeasuredSets):
    """A model is measured on test manifests: figures with sample counts and 95 % intervals."""

    by_speaker: bool = False
    """A row of figures for each speaker, too."""
    trained_on: tuple[Path, ...] = ()
    """Manifests with continuations; `replies` then counts replies that stand in them word for
    word."""
    out: Path = Path("runs/evaluation")
    """Folder of figures.json, figures.md, calibration.png and every single answer."""
    limit: int = Field(default=0, ge=0)
    """Utterances of each manifest, drawn once with a fixed seed; 0: all."""
    device: str = "auto"
    """cpu, cuda, or auto."""


class CalibrateSettings(Frozen):
    """The emotion head's temperature and threshold are fitted on utterances it did not train on."""

    model: str = ""
    """Checkpoint folder in our layout; its config.json is written anew."""
    manifests: tuple[Path, ...] = ()
    """Manifests with emotions, of speakers that are not trained on."""
    split: Literal["train", "dev", "test", "all"] = "all"
    """Which of their utterances count."""
    answered: float = Field(default=0.9, gt=0, le=1)
    """Share of utterances that the model acts on; it abstains from the least confident rest."""
    device: str = "auto"
    """cpu, cuda, or auto."""
