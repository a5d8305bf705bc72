"""End of turn by sound: the turn ear that ships with Attune (`models.turn_ear.network`)."""

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Transcript
from assistant.errors import EngineUnavailable
from models.turn_ear.network import load_turn_ear
from models.weights import CheckpointError


class TurnEarJudge:
    """Judges by melody and rhythm whether a person who has paused is done; keeps no state."""

    def __init__(self) -> None:
        """Loads the network.

        Raises:
            EngineUnavailable: Its file is missing or damaged.
        """
        try:
            self._ear = load_turn_ear()
        except CheckpointError as error:
            raise EngineUnavailable(f"{error}: `git checkout models/turn_ear`") from error

    def score(self, utterance: Waveform, words: Transcript) -> float | None:
        """Returns the probability in [0, 1] that `utterance` (16 kHz) is a whole turn."""
        return self._ear.probability(utterance) if len(utterance) else None
