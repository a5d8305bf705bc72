"""Holds a whole conversation on a virtual clock: a waveform in, what happened and was heard out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from assistant import events
from assistant.audio.file_devices import FileMicrophone, FileSpeaker
from assistant.audio.protocols import EchoCanceller, Microphone
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.clock import replay
from assistant.conversation.loop import TalkLoop
from assistant.empathy import load_policy
from assistant.engines.protocols import EmotionEstimate, Persona, TextToSpeech, Transcribes
from assistant.history import History
from assistant.records.recording import Consent, Recorder
from assistant.safety import HelpFinder
from assistant.session import Ends, Workers, talk_parts
from assistant.turns.ear import Ear
from assistant.turns.judges import TurnJudges
from assistant.turns.settings import TalkSettings
from tests.fakes import LevelDetector, ScriptedDialogue, ScriptedModel, ToneVoice

E = TypeVar("E", bound=events.Event)


@dataclass
class Talk:
    """What became of a conversation."""

    happened: list[events.Event] = field(default_factory=list[events.Event])
    heard: Waveform = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    """What the loudspeaker played, 16 kHz, from second 0."""
    dialogue: ScriptedDialogue | None = None

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.happened if isinstance(event, kind)]

    @property
    def names(self) -> list[str]:
        return [
            type(event).__name__
            for event in self.happened
            if not isinstance(event, events.LevelMeasured | events.ReplyText)
        ]

    @property
    def history(self) -> History:
        return History(self.happened)

    def is_silent(self, start_s: float, end_s: float) -> bool:
        part = self.heard[round(start_s * SPEECH_RATE_HZ) : round(end_s * SPEECH_RATE_HZ)]
        return not np.any(part)


def talk(
    waveform: Waveform,
    *,
    replies: Sequence[str] = ("I am here for you, tell me more about it.",),
    emotions: Sequence[EmotionEstimate] = (),
    failing_turns: Sequence[int] = (),
    settings: TalkSettings | None = None,
    voice: TextToSpeech | None = None,
    judges: TurnJudges | None = None,
    on_event: Callable[[TalkLoop, events.Event], None] | None = None,
    record_to: Path | None = None,
    help_finder: HelpFinder | None = None,
    microphone: Microphone | None = None,
    canceller: EchoCanceller | None = None,
    slips_at_s: float | None = None,
    dialogue: ScriptedDialogue | None = None,
    transcriber: Transcribes | None = None,
) -> Talk:
    """Speaks `waveform` to the assistant and returns what happened.

    `on_event` stands for a person at the keys: it is called with each event. At `slips_at_s` the
    loudspeaker loses step once.
    """
    result = Talk()
    played: list[Waveform] = []
    workers = Workers()
    if dialogue is None:
        dialogue = ScriptedModel(replies, emotions, failing_turns).open(Persona())
    result.dialogue = dialogue

    recorder: Recorder | None = None

    def listen(event: events.Event) -> None:
        result.happened.append(event)
        if recorder is not None:
            recorder.listen(event)
        if slips_at_s is not None and event.at_s >= slips_at_s:
            speaker.slips = 1
        if on_event is not None:
            on_event(loop, event)

    speaker = FileSpeaker(played.append)
    parts = talk_parts(
        Ends(microphone or FileMicrophone([waveform]), speaker),
        Ear(LevelDetector(), canceller),
        workers,
        dialogue=dialogue,
        voice=voice or ToneVoice(),
        policy=load_policy(),
        judges=judges,
        transcriber=transcriber,
        help_finder=help_finder,
    )
    if record_to is not None:
        recorder = Recorder(record_to, Consent(), on_problem=print)
    tap = recorder.tap if recorder is not None else None
    loop = TalkLoop(parts, settings or TalkSettings(), listener=listen, tap=tap)
    try:
        replay(loop.run(), workers=list(workers))
    finally:
        if recorder is not None:
            recorder.close()
        workers.close()
    result.heard = np.concatenate([np.zeros(0, dtype=np.float32), *played])
    return result
