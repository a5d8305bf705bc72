"""Talks with a recording for a microphone, on a virtual clock, the engines loaded once."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soundfile

from assistant import events
from assistant.assembly import open_engines
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.clock import replay
from assistant.files.replayed import FileEnds
from assistant.session import open_talk
from assistant.settings import TalkCommandSettings

E = TypeVar("E", bound=events.Event)


@dataclass
class Held:
    """What happened in a talk."""

    happened: list[events.Event] = field(default_factory=list[events.Event])

    def of(self, kind: type[E]) -> list[E]:
        """Returns the events of one kind."""
        return [event for event in self.happened if isinstance(event, kind)]

    @property
    def turns_s(self) -> list[tuple[float, float]]:
        """Where each turn of the person begins and ends."""
        return [(round(e.start_s, 2), round(e.end_s, 2)) for e in self.of(events.UtteranceEnded)]

    @property
    def words(self) -> list[str]:
        """What was understood, turn by turn."""
        return [event.transcript.text for event in self.of(events.WordsHeard)]

    @property
    def answers_begun_s(self) -> list[float]:
        """When each answer was first heard."""
        return [round(event.at_s, 2) for event in self.of(events.ReplyStarted)]

    @property
    def answers_over_s(self) -> list[float]:
        """When each answer that was heard whole was over."""
        return [round(event.at_s, 2) for event in self.of(events.ReplyFinished)]

    @property
    def answers(self) -> list[str]:
        """Each answer that was heard whole."""
        return [event.generated for event in self.of(events.ReplyFinished)]

    @property
    def cut(self) -> list[str]:
        """What was heard of each answer that was interrupted."""
        return [event.heard for event in self.of(events.Interrupted)]


class TalkHolder:
    """Holds one talk after the other."""

    def __init__(self, **settings: Any) -> None:
        """Loads the engines that the settings of `talk` name."""
        self._settings = TalkCommandSettings(input=Path("speech.wav"), **settings)
        self._engines = open_engines(self._settings, judging=self._settings)

    def hold(self, sound: Waveform) -> Held:
        """Speaks 16 kHz `sound` to Attune; returns what happened."""
        held = Held()
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            soundfile.write(file.name, np.clip(sound, -1, 1), SPEECH_RATE_HZ, subtype="PCM_16")
            files = FileEnds(Path(file.name), None)

            async def hold() -> None:
                with ExitStack() as outputs:
                    rate, frame = (
                        self._engines.voice.sample_rate,
                        self._engines.detector.frame_samples,
                    )
                    devices = files.open(outputs, frame_samples=frame, rate_hz=rate)
                    self._engines.detector.reset()
                    talk = open_talk(self._engines, devices, self._settings.talk)
                    talk.follow(held.happened.append)
                    await talk.run()

            replay(hold(), workers=self._engines.workers, counts_work=False)
        return held
