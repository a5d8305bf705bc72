"""The thresholds and times by which turns begin and end."""

from pydantic import Field, model_validator

from assistant.configuration import Settings


class EndpointingSettings(Settings):
    """When the assistant takes its turn; times are on the audio clock."""

    # Silero's own two thresholds: between them a frame changes nothing.
    start_threshold: float = Field(default=0.5, gt=0.0, lt=1.0)
    """Speech probability from which a frame opens a turn."""
    end_threshold: float = Field(default=0.35, gt=0.0, lt=1.0)
    """Speech probability below which a frame inside a turn counts as silence."""
    # A detector that was just begun anew takes steady noise for speech for some frames, falling
    # from 0.8 to 0.5, and people stay above 0.9: `benchmarks.echo`, self-interruptions.
    contested_threshold: float = Field(default=0.7, gt=0.0, lt=1.0)
    """Speech probability from which a frame counts while the assistant itself is speaking."""
    # From here to `verdict_ms`: what is caught, what is given up needlessly, and how soon the voice
    # is softer and silent, by `benchmarks.interruptions` ("False interruptions" in RESULTS.md) and
    # `benchmarks.echo`, which are to be read together: each of them bounds the other.
    onset_ms: int = Field(default=64, ge=1, le=500)
    """Speech that announces a possible turn (and ducks the assistant)."""
    speech_ms: int = Field(default=128, ge=1, le=2_000)
    """Speech that makes a turn while nobody else speaks; less is taken for a noise."""
    duck_threshold: float = Field(default=0.6, gt=0.0, lt=1.0)
    """The same for lowering the voice alone, which is taken back without harm."""
    yield_ms: int = Field(default=288, ge=1, le=3_000)
    """Speech for which the assistant falls silent while it speaks, ready to go on."""
    contested_speech_ms: int = Field(default=352, ge=1, le=3_000)
    """Speech that makes a turn in the assistant's echo, and, where it has just begun to speak,
    although it is not clear what was said."""
    unclear_turn_ms: int = Field(default=608, ge=1, le=5_000)
    """Speech that makes a turn amid what the assistant says although it is not clear what was said:
    few an "uh-huh" lasts so long."""
    contested_turn_ms: int = Field(default=1_184, ge=1, le=5_000)
    """Speech that makes a turn (and interrupts) while the assistant speaks, unless its words say
    "go on": a drawn-out "mm-hm" lasts a second, and the assistant is silent by then anyway."""
    brief_ms: int = Field(default=128, ge=1, le=3_000)
    """Speech from which its words can make it a turn while the assistant speaks."""
    drop_ms: int = Field(default=192, ge=32, le=2_000)
    """Silence after which speech too short for a turn is forgotten."""
    resume_ms: int = Field(default=544, ge=32, le=5_000)
    """Silence after which the assistant that fell silent goes on where it is not clear what was
    said: people pause between words."""
    insist_ms: int = Field(default=2_000, ge=0, le=10_000)
    """Who speaks again so soon after what was not clear wants the floor, if it is no "uh-huh"."""
    verdict_ms: int = Field(default=512, ge=32, le=5_000)
    """Silence after which it is forgotten although its words are not known yet."""
    # The silences and scores by `benchmarks.endpointing` ("End of turn" in RESULTS.md): answered
    # too soon against waited too long. Hardly any score comes near 1: without `sure_completeness`
    # whole sentences wait far longer than they need.
    eager_ms: int = Field(default=192, ge=32, le=2_000)
    """Silence after which the answer is prepared, to be withdrawn if the person goes on."""
    shortest_silence_ms: int = Field(default=352, ge=32, le=5_000)
    """Silence that ends a turn which is surely complete."""
    longest_silence_ms: int = Field(default=1_600, ge=32, le=20_000)
    """Silence that ends a turn which sounds unfinished."""
    sure_completeness: float = Field(default=0.75, gt=0.0, le=1.0)
    """Score from which a turn is surely complete; below it the silence grows in proportion."""
    usual_share: float = Field(default=0.85, ge=0.0, le=1.0)
    """How near the shortest silence is, from the longest, where no score is known (yet)."""
    lead_ms: int = Field(default=256, ge=0, le=2_000)
    """Sound kept from before the first speech frame."""
    tail_ms: int = Field(default=128, ge=0, le=2_000)
    """Sound kept from after the last speech frame."""
    # One voice's own levels lie 6 to 11 dB apart (`foreground`): more is another's. Held by the
    # case `background_talker` of `benchmarks.cases`.
    weak_db: float = Field(default=12.0, gt=0.0, le=60.0)
    """How far below the voice that has the turn speech is taken for another's in the room."""
    weak_ms: int = Field(default=800, ge=192, le=5_000)
    """Such speech within a turn that may still be the soft end of what the person says."""
    longest_turn_s: float = Field(default=120.0, gt=1.0, le=3_600.0)
    """Length at which a turn is ended although the person goes on."""

    @model_validator(mode="after")
    def _ordered(self) -> "EndpointingSettings":
        for less, more in _ORDERED:
            low, high = getattr(self, less), getattr(self, more)
            if low > high:
                raise ValueError(
                    f"{less} ({low}) must not be greater than {more} ({high}): lower the one or "
                    "raise the other"
                )
        if self.longest_silence_ms > 1_000 * self.longest_turn_s:
            raise ValueError("longest_silence_ms must not be longer than longest_turn_s")
        return self


_ORDERED = (
    ("end_threshold", "start_threshold"),
    ("end_threshold", "duck_threshold"),
    ("end_threshold", "contested_threshold"),
    ("duck_threshold", "contested_threshold"),
    ("onset_ms", "speech_ms"),
    ("onset_ms", "yield_ms"),
    ("yield_ms", "contested_turn_ms"),
    ("contested_speech_ms", "contested_turn_ms"),
    ("unclear_turn_ms", "contested_turn_ms"),
    ("brief_ms", "contested_turn_ms"),
    ("drop_ms", "resume_ms"),
    ("drop_ms", "verdict_ms"),
    ("eager_ms", "shortest_silence_ms"),
    ("shortest_silence_ms", "longest_silence_ms"),
)
"""Settings of which the first may not be greater than the second: the state behind it would never
be reached, or be left as soon as it is."""
