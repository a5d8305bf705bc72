"""Settings of the speech model: where and how it runs, and how replies are sampled."""

from typing import Literal, Self

from pydantic import Field, model_validator

from assistant.configuration import Settings


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
    seed: int = Field(default=0, ge=0)
    """Of sampling: the same seed and input give the same reply."""
