"""Holds a whole conversation on a virtual clock: a waveform in, what happened and was heard out."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from assistant import events
from assistant.audio.file_devices import FileMicrophone, FileSpeaker
from assistant.audio.protocols import EchoCanceller, Ends, Microphone
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.clock import replay
from assistant.conversation.conversation import Conversation
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.protocols import Persona
from assistant.history import History
from assistant.records.recording import Consent, Recorder
from assistant.turns.settings import TalkSettings
from tests.fakes import ScriptedDialogue, ScriptedModel, scripted

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


class KeptSpeaker(FileSpeaker):
    """A loudspeaker that keeps what it plays."""

    def __init__(self) -> None:
        self.kept: list[Waveform] = []
        super().__init__(self.kept.append)


def ends(microphone: Microphone, canceller: EchoCanceller | None = None) -> Ends:
    """Returns a microphone and a loudspeaker that keeps what it plays."""
    return Ends(microphone, KeptSpeaker(), canceller)


def talk(
    waveform: Waveform,
    *,
    replies: Sequence[str] = ("I am here for you, tell me more about it.",),
    engines: Engines | None = None,
    dialogue: ScriptedDialogue | None = None,
    settings: TalkSettings | None = None,
    on_event: Callable[[TalkLoop, events.Event], None] | None = None,
    devices: Ends | None = None,
    record_to: Path | None = None,
) -> Talk:
    """Speaks `waveform` to the assistant and returns what happened.

    Without `engines` a scripted model gives the `replies`; without a `dialogue` it is the model's.
    Without `devices` (see `ends`) all that is said is the waveform. `on_event` stands for a person
    at the keys: it is called with each event.
    """
    engines = engines or scripted(ScriptedModel(replies))
    devices = devices or ends(FileMicrophone([waveform]))
    taken = dialogue or engines.model.open(Persona())
    assert isinstance(taken, ScriptedDialogue)
    conversation = Conversation(engines, taken, scorer=engines.model.scorer())
    loop = TalkLoop(conversation, devices, settings or TalkSettings())
    result = Talk(dialogue=taken)
    loop.follow(result.happened.append)
    with ExitStack() as stack:
        for worker in engines.workers:
            stack.callback(worker.close)
        if record_to is not None:
            recorder = Recorder(record_to, Consent(), on_problem=print)
            stack.callback(recorder.close)
            loop.follow(recorder.listen, recorder.tap)
        if on_event is not None:
            loop.follow(partial(on_event, loop))
        replay(loop.run(), workers=engines.workers)
    assert isinstance(devices.speaker, KeptSpeaker)
    result.heard = np.concatenate([np.zeros(0, dtype=np.float32), *devices.speaker.kept])
    return result
