"""Settings of `continue`."""

from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from models.prompts import CONTINUE
from train.settings import Frozen, Instruction


class ContinuedManifest(Frozen):
    """What is read, and where the result goes."""

    manifest: Path | None = None
    """Manifest with the words of each utterance."""
    out: Path | None = None
    """Manifest with continuations, in the same folder; empty: beside it as *.continued.jsonl."""


class WriterSettings(Frozen):
    """Which LLM writes, and what it is asked."""

    llm: str = ""
    """Causal LLM (folder or hub id), or a checkpoint of ours."""
    server: str = ""
    """OpenAI-compatible server instead, such as http://localhost:8000/v1."""
    server_model: str = "default"
    """Name of the model on the server."""
    key: Annotated[str, tyro.conf.Suppress] = Field(default="", exclude=True, repr=False)
    """Of the server; from the environment variable OPENAI_API_KEY."""
    persona: str = ""
    """System line; empty: the checkpoint's, or that of a helpful assistant."""
    instruction: Instruction = CONTINUE
    """Stands before the words; `{emotion}` becomes the label. Empty: the LLM simply replies."""
    emotion_in_text: bool = False
    """The system line says how the person sounds."""
    longest_tokens: int = Field(default=48, ge=1)
    """Longest continuation; a longer one is cut and marked, and never teaches the end."""


class ContinueSettings(WriterSettings, ContinuedManifest):
    """An LLM writes what is to be said to each utterance: what alignment teaches."""

    batch_size: int = Field(default=16, ge=1)
    """Utterances written at once."""
    check_audio: bool = False
    """Open every audio file first."""

    @property
    def needs_emotion(self) -> bool:
        """Whether utterances without an emotion cannot be continued."""
        return self.emotion_in_text or "{emotion}" in self.instruction
