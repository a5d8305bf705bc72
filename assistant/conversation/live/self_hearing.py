"""Whether the assistant may hear itself: from what it plays, from its echo and from its words."""

from assistant import events
from assistant.audio.protocols import EchoState, Ends
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.turns.audibility import Audibility
from assistant.turns.ear import Ear
from assistant.turns.own_voice import OwnVoice
from assistant.turns.settings import TalkSettings


class SelfHearing:
    """Follows one live talk; `now` is always a sample count on the audio clock."""

    def __init__(self, ends: Ends, ear: Ear) -> None:
        """Knows by `ends` what is played and lost, and by `ear` what becomes of the echo."""
        self._ear = ear
        self._microphone = ends.microphone
        self._audibility = Audibility(ends.microphone, ends.speaker)
        self._own_voice = OwnVoice()
        self._is_over_answer = False
        self._told = EchoState.UNKNOWN

    @property
    def echo(self) -> EchoState:
        """What is known of the assistant's own voice in the microphone, by sound and by words."""
        return EchoState.TOO_STRONG if self._own_voice.is_heard else self._ear.echo

    def is_contested(self, now: int, settings: TalkSettings) -> bool:
        """Whether the assistant, or its echo, may be in the room."""
        tail = round(settings.echo_tail_ms * SPEECH_RATE_HZ / 1_000)
        is_near = self._audibility.is_near(now, echo_tail_samples=tail)
        return is_near and settings.turns == "open"

    def is_deaf(self, now: int, settings: TalkSettings) -> bool:
        """Whether nothing is to be listened to, so that the assistant does not answer itself."""
        if not self.is_contested(now, settings):
            return False
        match self.echo:
            case EchoState.TOO_STRONG:
                return True
            # A canceller learns one delay: an echo that came out of step with what is played passes
            # it.
            case EchoState.REMOVED if self._audibility.has_lost_step(now):
                return True
            case _:
                return not settings.interruptible

    def news(self, now: int) -> list[events.Event]:
        """Returns what is to be told since the last call: sound that was lost, another echo."""
        told: list[events.Event] = []
        at_s = now / SPEECH_RATE_HZ
        if lost := self._audibility.newly_dropped(now):
            told.append(events.FramesDropped(at_s, lost, self._microphone.dropped_frames))
        if (echo := self.echo) is not self._told:
            self._told = echo
            told.append(events.EchoJudged(at_s, echo))
        return told

    def learn(self, event: events.Event) -> bool:
        """Takes an event of the talk; returns whether the assistant has just answered itself."""
        match event:
            case events.ReplyText(text=text):
                self._own_voice.says(text)
            case events.SpeechConfirmed(while_assistant_speaks=is_over):
                self._is_over_answer = is_over
            case events.WordsHeard(transcript=words) if words.source != "typed":
                return self._own_voice.hears(words.text, over_answer=self._is_over_answer)
            case events.ReplyFinished():
                self._own_voice.answered()
            case _:
                pass
        return False
