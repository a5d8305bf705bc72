"""The reply policy: what was heard in a voice, and how surely → how the answer is spoken."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from assistant.engines.protocols import EmotionEstimate, SpeakingStyle
from assistant.errors import SettingsError
from assistant.text_file import read_toml
from models.emotions import Emotion, emotion_from_label

DEFAULT_POLICY = "empathetic"
_SHIPPED = Path(__file__).with_name("empathy.toml")


def _emotion(value: object) -> Emotion:
    if isinstance(value, Emotion):
        return value
    if not isinstance(value, str):
        raise ValueError("must be the name of an emotion")
    return emotion_from_label(value)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class StyleTarget(_Strict):
    """The style of an answer when the person's emotion is certain."""

    tone: Annotated[Emotion, BeforeValidator(_emotion)]
    """Emotion of the answer."""
    rate: float = Field(ge=0.5, le=2.0)
    """Speaking rate relative to the voice's own."""
    pitch: float = Field(ge=-12.0, le=12.0)
    """Semitones."""
    pitch_range: float = Field(ge=0.0, le=3.0)
    """Factor on the excursion of pitch around its mean."""
    energy: float = Field(ge=-20.0, le=6.0)
    """Decibels."""
    pause: float = Field(ge=0.0, le=4.0)
    """Factor on the pauses."""

    @property
    def is_own_manner(self) -> bool:
        """Whether this changes nothing about how the voice speaks by itself."""
        manner = (self.rate, self.pitch, self.pitch_range, self.energy, self.pause)
        return manner == (1.0, 0.0, 1.0, 0.0, 1.0)

    def at(self, intensity: float) -> SpeakingStyle:
        """Returns the style `intensity` of the way from the voice's own manner to this one."""
        if self.is_own_manner:
            return SpeakingStyle(emotion=self.tone)
        return SpeakingStyle(
            emotion=self.tone if intensity > 0 else Emotion.NEUTRAL,
            intensity=intensity,
            # A factor, of which half is its root: slower and faster grow alike. The others below
            # are differences from what the voice does by itself.
            rate=self.rate**intensity,
            pitch=self.pitch * intensity,
            pitch_range=1.0 + (self.pitch_range - 1.0) * intensity,
            energy=self.energy * intensity,
            pause=1.0 + (self.pause - 1.0) * intensity,
        )


class Intensity(_Strict):
    """How the confidence of an estimate becomes the intensity of a style."""

    from_confidence: float = Field(ge=0.0, le=1.0)
    """Confidence at which the style begins to leave neutral."""
    full_at_confidence: float = Field(gt=0.0, le=1.0)
    """Confidence from which the style is complete."""

    def of(self, confidence: float) -> float:
        """Returns the intensity in [0, 1] for a confidence in [0, 1]."""
        width = self.full_at_confidence - self.from_confidence
        if width <= 0:
            return float(confidence >= self.full_at_confidence)
        return min(1.0, max(0.0, (confidence - self.from_confidence) / width))


class _PolicyEntry(_Strict):
    description: str
    neutral: StyleTarget
    happy: StyleTarget
    angry: StyleTarget
    sad: StyleTarget
    surprise: StyleTarget


class _PolicyFile(_Strict):
    intensity: Intensity
    policies: dict[str, _PolicyEntry] = Field(min_length=1)


class ReplyPolicy(_Strict):
    """One policy: a style for each emotion of the person."""

    name: str
    description: str
    intensity: Intensity
    targets: tuple[StyleTarget, ...]
    """In the order of `Emotion`."""

    def style(self, estimate: EmotionEstimate | None) -> SpeakingStyle:
        """Returns how to answer; as to neutral if there was no voice or the model abstained."""
        if estimate is None or estimate.abstained:
            return self.targets[Emotion.NEUTRAL].at(1.0)
        return self.style_for(estimate.emotion, estimate.confidence)

    def style_for(self, emotion: Emotion, confidence: float = 1.0) -> SpeakingStyle:
        """Returns how to answer `emotion`, for example one that the person stated."""
        return self.targets[emotion].at(self.intensity.of(confidence))


def load_policy(policy: str = DEFAULT_POLICY) -> ReplyPolicy:
    """Returns a policy by name, or from a file given by its path (`path.toml` or `path.toml#name`).

    Raises:
        SettingsError: There is no such policy, or the file is wrong; the message names the key.
    """
    path, _, name = policy.partition("#")
    if not (path.endswith(".toml") or "/" in path or "\\" in path):
        return _pick(_SHIPPED, policy)
    return _pick(Path(path), name)


def policy_names() -> tuple[str, ...]:
    """Returns the names of the policies that ship with Attune."""
    return tuple(_read(_SHIPPED).policies)


def _pick(path: Path, name: str) -> ReplyPolicy:
    entries = _read(path)
    known = ", ".join(entries.policies)
    if not name and len(entries.policies) > 1:
        raise SettingsError(f"{path} holds several policies: choose one as {path}#NAME of {known}")
    name = name or next(iter(entries.policies))
    if name not in entries.policies:
        where = "a .toml file" if path == _SHIPPED else f"{path}#NAME"
        raise SettingsError(f"there is no reply policy {name!r}: use one of {known}, or {where}")
    entry = entries.policies[name]
    return ReplyPolicy(
        name=name,
        description=entry.description,
        intensity=entries.intensity,
        targets=(entry.neutral, entry.happy, entry.angry, entry.sad, entry.surprise),
    )


def _read(path: Path) -> _PolicyFile:
    try:
        return _PolicyFile.model_validate(read_toml(path, called="the reply policy"))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {key} {_told(first)}") from error


def _told(error: ErrorDetails) -> str:
    """Returns what is wrong with a key, and what to do."""
    if error["type"] == "missing":
        return f"is missing: add it, as in {_SHIPPED}"
    if error["type"] == "extra_forbidden":
        return f"is no setting of a policy: leave it out, or correct its name as in {_SHIPPED}"
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{reason[0].lower()}{reason[1:]}, not {error['input']!r}: see {_SHIPPED}"
