"""A live talk in which a key says whose turn it is: what was said while it was held."""

from dataclasses import dataclass, replace

from assistant.audio.waveform import Waveform
from assistant.conversation.live.listening import Listening
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.marks import TurnMark
from assistant.turns.push_to_talk import KeyChange, TalkKey
from assistant.turns.speech_gate import spoken_spans


@dataclass(frozen=True, slots=True)
class KeyTurn:
    """What was said while the key was held."""

    mark: TurnMark
    """The end of the turn, from the first to the last sample of speech."""
    sounds: list[Waveform]
    """Each stretch of speech. Silence between words is left out: the key tells the end, so that
    nothing has to be judged by it."""


class PushToTalk:
    """The key of one talk."""

    def __init__(self, listening: Listening) -> None:
        """Takes what was said from what `listening` keeps."""
        self._listening = listening
        self._key = TalkKey()

    def move(self, down: bool) -> KeyChange:
        """The key goes down or up; returns what it means for the turn."""
        return self._key.move(down)

    def probability(self, heard: float, settings: EndpointingSettings) -> float:
        """Returns by which probability of speech a frame counts, of which so much was `heard`."""
        return self._key.probability(heard, threshold=settings.start_threshold)

    def turn(self, mark: TurnMark, settings: EndpointingSettings) -> KeyTurn | None:
        """Returns what was said in the turn that ends now by `mark`; None where nothing was."""
        size = self._listening.frame_samples
        heard = self._key.take_heard()
        spans = spoken_spans(heard, frame_samples=size, settings=settings)
        if not spans:
            return None
        first = self._listening.clock_samples - size * len(heard)
        placed = [(first + start, first + end) for start, end in spans]
        start, end = placed[0][0], placed[-1][1]
        spoken = replace(mark, start_samples=start, end_samples=end, speech_end_samples=end)
        return KeyTurn(spoken, [self._listening.cut(*span) for span in placed])
