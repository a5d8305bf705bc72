"""How a conversation goes back and forth: when turns end, what interrupts, what is taken back."""

from typing import Literal

from pydantic import Field

from assistant.configuration import Settings
from assistant.engines.settings import TurnJudgeName
from assistant.engines.table import USUAL_TURN_JUDGE
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.patience import PatienceSettings

TurnJudge = Literal["both", "sound", "words"]


class TurnJudgeSettings(Settings):
    """What judges whether a pause ends the turn."""

    turn_judge: TurnJudge = "both"
    """What judges whether a pause ends the turn: the sound of the voice, the speech model by the
    words, or the sound and, where they are surely understood, the words."""
    turn_model: TurnJudgeName = USUAL_TURN_JUDGE
    """What judges by the sound: turn_ear, Attune's own, or smart_turn:FILE.onnx (Smart Turn v3)."""


class TalkSettings(Settings):
    """How the conversation goes back and forth."""

    endpointing: EndpointingSettings = EndpointingSettings()
    patience: PatienceSettings = PatienceSettings()
    turns: Literal["open", "push-to-talk"] = "open"
    """Whether the microphone is always listened to, or only while a key is held."""
    duck_db: float = Field(default=-18.0, ge=-60.0, le=0.0)
    """Level of the assistant's voice while somebody may be interrupting, in dB."""
    rejoin_ms: int = Field(default=1_500, ge=0, le=5_000)
    """A pause up to this long, or up to that which the person is known to make, broken after the
    answer has begun, was not the end of the turn: the answer is taken back and what follows belongs
    to the same turn."""
    echo_tail_ms: int = Field(default=256, ge=0, le=2_000)
    """How long after the assistant's last sound its echo may still be in the room."""
    captions: bool = True
    """Show words while the person still speaks, and begin the answer by them, as far as the machine
    has time."""
    answers: bool = True
    """Answer a turn as soon as it is over; otherwise it is held for whoever drives the loop."""
    interruptible: bool = True
    """Let speech interrupt the assistant; otherwise nothing is heard while it speaks."""
