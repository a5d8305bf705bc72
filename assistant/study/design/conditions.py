"""What a condition of a study changes about the assistant."""

from pathlib import Path

from pydantic import Field, field_validator

from assistant.empathy import load_policy
from assistant.engines.settings import AskingSettings, LlmSettings, SpeechModelName
from assistant.engines.table import USUAL_MODEL
from assistant.errors import SettingsError

POLICIES = Path(__file__).with_name("policies.toml")
AUTO = "auto"
AUTO_MODEL, AUTO_VOICE = "mini", "piper"
"""What `auto` stands for in a study: the same for everybody, or an error. A study in which some
people talk to another model because a download failed is no study."""
STUDY_POLICIES = (
    "wrong-emotion",
    "always-happy",
    "always-sad",
    "always-calm",
)
"""Reply policies that only a study has a use for; they stand in `policies.toml`."""


class Condition(AskingSettings):
    """One way in which the assistant is; what is not given is as in `[base]`, or the default."""

    model: str = "auto"
    """Speech model, as `--model` of `talk`: auto, mini, a checkpoint folder or a hub id."""
    engine: SpeechModelName = USUAL_MODEL
    """blsp_emo hears the voice itself; cascade answers the transcript alone, cascade_emotion the
    transcript with the heard emotion named in the prompt: the same LLM, without the voice;
    chat_server asks an LLM server."""
    llm: LlmSettings = LlmSettings()
    """The LLM server that answers with engine chat_server, and which LLM of it."""
    prompt: str = Field(default="", max_length=8_000)
    """The system line of the prompt; empty is the model's own."""
    policy: str = "empathetic"
    """Reply policy: empathetic, flat, mirror, wrong-emotion, always-happy, always-sad,
    always-calm, or a file as FILE.toml#NAME, which lies in the study's folder."""
    voice: str = "auto"
    """The voice, as `--voice` of `talk`."""
    speed: float = Field(default=1.0, ge=0.5, le=1.5)
    """Factor on the speaking rate of all answers."""
    captions: bool = False
    """Whether the participant reads what both say."""
    emotion_shown: bool = False
    """Whether the participant sees which emotion was recognised."""
    wizard: bool = False
    """Whether an experimenter writes what is said, instead of the model."""

    @field_validator("policy")
    @classmethod
    def _policy_can_be_read(cls, value: str) -> str:
        # A file is read when the study is checked: only then is its folder known.
        if ".toml" not in value and value not in STUDY_POLICIES:
            try:
                load_policy(value)
            except SettingsError:
                known = ", ".join(("empathetic", "flat", "mirror", *STUDY_POLICIES))
                raise ValueError(f"must be one of {known} or FILE.toml#NAME") from None
        return value

    def policy_source(self, study: Path) -> str:
        """Returns the policy as `load_policy` takes it; files are those of the study's folder."""
        if self.policy in STUDY_POLICIES:
            return f"{POLICIES}#{self.policy}"
        if ".toml" in self.policy:
            return str(study / self.policy)
        return self.policy

    def settled(self) -> "Condition":
        """Returns the condition with what `auto` stands for in its place."""
        model = AUTO_MODEL if self.model == AUTO else self.model
        voice = AUTO_VOICE if self.voice == AUTO else self.voice
        return self.model_copy(update={"model": model, "voice": voice})

    @property
    def engines(self) -> tuple[str, str, str]:
        """What has to be loaded for it beside a voice: model, engine and LLM."""
        return self.model, self.engine, self.llm.model_dump_json()
