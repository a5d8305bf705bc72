"""What is decided about the person's turn, and when: boundaries, verdicts and reasons."""

from dataclasses import dataclass
from enum import Enum, StrEnum


class Boundary(StrEnum):
    """What a mark says."""

    STARTED = "started"
    """Something that may become a turn began."""
    DROPPED = "dropped"
    """It was too short: a noise, a cough or an "uh-huh"."""
    YIELDED = "yielded"
    """It may be an interruption: fall silent, ready to go on."""
    BRIEF = "brief"
    """It seems to be over already: the words are to say whether it was an interruption."""
    CONFIRMED = "confirmed"
    """It is speech: the person has the floor."""
    PAUSED = "paused"
    """Silence long enough to prepare an answer."""
    RESUMED = "resumed"
    """The person went on: what was prepared is void."""
    ENDED = "ended"
    """The turn is over: answer."""


class Floor(Enum):
    """Who else is heard, and what speech set in then may therefore be."""

    FREE = 0
    """Nobody: speech is a turn."""
    ECHO = 1
    """Nobody, but the assistant's voice may still be in the room: speech must be surer, longer."""
    TAKEN = 2
    """The assistant, since so lately that the question may not have been over: "uh-huh" is none,
    other words are the rest of it."""
    HELD = 3
    """The assistant, amid what it says: "uh-huh" and what is not clear ask it to go on."""
    ENDING = 4
    """The assistant, for half a second more: only "uh-huh" is no turn."""
    OFFERED = 5
    """The assistant, for half a second more, by a question: whatever is said answers it."""


class Verdict(StrEnum):
    """What brief words said while the assistant spoke."""

    CLAIMS = "claims"
    """They interrupt, and speak to the assistant: "stop", "wait", "what?"."""
    GOES_ON = "goes on"
    """They interrupt with words of their own, such as the rest of the question."""
    ACKNOWLEDGES = "acknowledges"
    """They are an "uh-huh": it is to go on."""
    OWN_VOICE = "own voice"
    """They are what the assistant says: an echo that came out of step."""
    UNCLEAR = "unclear"

    @property
    def lets_go_on(self) -> bool:
        """Whether the assistant surely has the floor still."""
        return self in (Verdict.ACKNOWLEDGES, Verdict.OWN_VOICE)


class EndReason(StrEnum):
    """Why a turn ended."""

    SILENCE = "silence"
    LONGEST = "longest"
    """The turn reached its longest length while the person was speaking."""
    INPUT_ENDED = "input ended"


@dataclass(frozen=True, slots=True)
class TurnMark:
    """One boundary; sample counts are on the audio clock of the endpointer."""

    boundary: Boundary
    at_samples: int
    """When the decision fell."""
    start_samples: int
    """First sample of the utterance, its lead included."""
    end_samples: int
    """One past the last sample of the utterance so far, its tail included."""
    speech_end_samples: int
    """One past the last frame of speech: what delays are measured from."""
    reason: EndReason | None = None
    """Set on ENDED only."""
