"""Settings of the speech model: which one, how it runs, and how replies are sampled."""

import difflib
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal, Self, cast

import tyro
from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from assistant.configuration import Settings
from assistant.engines.address import read_address
from assistant.engines.table import ENGINES, USUAL_MODEL, EnginePart
from models.checkpoints.embedded import EMBEDDED


def _listed(part: EnginePart, name: str) -> str:
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
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"] = "auto"
    """Arithmetic; auto takes what this processor does fastest without loss that can be heard: on a
    GPU bfloat16, or float16 where it has none, on a CPU int8 for large language models of the
    catalogue (mini's). int8 and int4 on a GPU, for less memory, need `pip install -e '.[gpu]'`."""
    threads: int | None = Field(default=None, ge=1, le=256)
    """CPU threads for the model; as many as there are cores if not given."""
    together: int | None = Field(default=None, ge=1, le=256)
    """Talks that share each step of the LLM while they are answered, at most: 4 on a CPU if not
    given, on a GPU up to 32, as its memory allows."""
    steps: Literal["auto", "plain", "graph", "compiled"] = "auto"
    """How a GPU takes the steps of the LLM: auto replays recorded ones (CUDA graphs); compiled lets
    torch.compile make their kernels first, which takes minutes at each start. Of no effect on a
    CPU."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        wrong = {"cuda": (), "cpu": ("float16", "int4"), "auto": ()}[self.device]
        if self.dtype in wrong:
            raise ValueError(f"{self.dtype} runs on a GPU only: choose another dtype, or int8")
        return self


class GenerationSettings(Settings):
    """How replies are sampled."""

    temperature: float = Field(default=0.0, ge=0.0, le=5.0)
    """Of sampling; 0 always takes the most probable token. An LLM server takes its own then."""
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


LLM_KEY = "ATTUNE_LLM_KEY"
"""Environment variable with the key of an LLM server: keys stand in no setting, log or record."""


class LlmSettings(Settings):
    """An LLM of your own, behind an OpenAI-compatible server, that answers instead of mini's."""

    server: Annotated[str, tyro.conf.arg(name="llm-server")] = ""
    """Address of a server of your own whose LLM answers, such as http://127.0.0.1:11434/v1; with
    --engine chat_server alone it is looked for where Ollama, LM Studio, llama.cpp and vLLM usually
    listen. A key that it wants is taken from the environment variable ATTUNE_LLM_KEY."""
    name: Annotated[str, tyro.conf.arg(name="llm-name")] = ""
    """That LLM, as the server calls it; not needed where it has one only."""
    tells_emotion: Annotated[bool, tyro.conf.arg(name="llm-tells-emotion")] = True
    """Tell the LLM in words how the person sounds; without, it knows the words alone."""
    thinks: Annotated[bool, tyro.conf.arg(name="llm-thinks")] = False
    """Let the LLM think before it answers, if it can: nothing is heard meanwhile."""
    context_tokens: Annotated[int, tyro.conf.arg(name="llm-context-tokens")] = Field(
        default=4_096, ge=512, le=1_000_000
    )
    """How much of the talk the LLM is told, in tokens; the oldest is left out first."""
    patience_s: Annotated[float, tyro.conf.arg(name="llm-patience-s")] = Field(
        default=30.0, ge=1.0, le=600.0
    )
    """How long the server may be silent, in seconds, before the turn fails."""

    @field_validator("server")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return read_address(value).url if value else value

    @property
    def sends_words_to(self) -> str | None:
        """Another machine that the person's words are sent to; None where they stay here."""
        address = read_address(self.server) if self.server else None
        return None if address is None or address.is_here else address.host


CHAT_SERVER = "chat_server"


class AskingSettings(Settings):
    """Base of settings with an `engine` and an `llm`: whoever names a server means to ask it."""

    @model_validator(mode="before")
    @classmethod
    def _asks_the_server_that_is_named(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        given = dict(cast("Mapping[str, Any]", values))
        llm: Any = given.get("llm") or {}
        # What is no table at all is refused where it is validated.
        told = cast("Mapping[str, Any]", llm if isinstance(llm, Mapping) else {})
        server: Any = llm.server if isinstance(llm, LlmSettings) else told.get("server")
        if server and given.get("engine", USUAL_MODEL) == USUAL_MODEL:
            given["engine"] = CHAT_SERVER
        return given

    # The fields stand in the classes that derive, in the order in which their help lists them.
    @field_validator("llm", check_fields=False)
    @classmethod
    def _one_answers(cls, llm: LlmSettings, info: ValidationInfo) -> LlmSettings:
        engine = info.data.get("engine", CHAT_SERVER)
        if llm != LlmSettings() and engine != CHAT_SERVER:
            raise ValueError(
                f"the engine {engine} asks no LLM server: leave one of both out, or take the "
                f"engine {CHAT_SERVER}"
            )
        return llm


class SpeechModelSettings(AskingSettings):
    """Which speech model answers, and how."""

    model: str = EMBEDDED
    """mini, a checkpoint folder, a part of the catalogue (`app.py models`), or a hub id such as
    cwang621/blsp-emo."""
    engine: SpeechModelName = USUAL_MODEL
    """blsp_emo hears the voice itself; cascade answers the transcript alone, cascade_emotion the
    transcript with the heard emotion named in the prompt (baselines for comparison). chat_server
    hears with the model and asks an LLM of your own for the reply (see --llm-server)."""
    llm: LlmSettings = LlmSettings()
    run: ModelSettings = ModelSettings()
    generation: GenerationSettings = GenerationSettings()
