"""A room in which the assistant talks without end, while other sounds reach the microphone too."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from assistant import events
from assistant.audio.echo import EchoRemover
from assistant.audio.file_devices import FileSpeaker
from assistant.audio.protocols import Ends
from assistant.audio.waveform import Waveform
from assistant.clock import replay
from assistant.conversation.conversation import Conversation
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.empathy import load_policy
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeechModel,
    TextDelta,
    Transcript,
)
from assistant.engines.silero import Silero
from assistant.engines.table import open_voice
from assistant.turns.settings import TalkSettings
from benchmarks.rooms.room import Room, RoomMicrophone, Unrest, read


@dataclass(frozen=True, slots=True)
class Place:
    """Where the assistant talks."""

    response: str
    drive: float
    delay_ms: float
    unrest: Unrest | None = None

    def __str__(self) -> str:
        text = f"{self.response}, drive {self.drive:g}, {self.delay_ms:g} ms"
        return text if self.unrest is None else f"{text}, {self.unrest}"


ROOMS = (
    Place("rir1", 1.0, 40.0),
    Place("rir2", 3.0, 120.0),
    Place("rir3", 2.0, 80.0),
    Place("rir4", 3.0, 60.0),
    Place("rir1", 1.0, 60.0, Unrest(drift_ppm=100.0, jump_ms=20.0)),
)
FIRST_S = 5.0
"""When the assistant begins to talk."""


class Talker(SpeechModel, Dialogue):
    """A dialogue that always has something to say; what it says is read from a list.

    It is its own model, which writes nothing down.
    """

    name = "talker"

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._next = 0

    def open(self, persona: Persona) -> "Talker":
        """Goes on talking."""
        return self

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """Hears nothing in particular."""
        yield EmotionEstimate((1.0, 0.0, 0.0, 0.0, 0.0))
        yield Transcript("")

    def read(self, text: str) -> None:
        """Takes the opening line."""

    def withdraw(self) -> None:
        """Forgets nothing."""

    def replace_reply(self, text: str) -> None:
        """Talks on from what it was given."""

    def truncate(self, heard: str) -> None:
        """Forgets nothing."""

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Talks until it is stopped."""
        while not cancel.is_set():
            self._next += 1
            yield TextDelta(self._lines[self._next % len(self._lines)] + " ")


@dataclass
class Overheard:
    """What happened in the room."""

    happened: list[events.Event] = field(default_factory=list[events.Event])
    played_s: float = 0.0
    """How long the assistant was heard."""
    reduction_db: list[float] = field(default_factory=list[float])
    """Echo return loss over time."""


def silenced(happened: list[events.Event], cut_s: float) -> float | None:
    """Returns since when the assistant was silent that was interrupted at `cut_s`, if it was."""
    silent_s: float | None = None
    for event in happened:
        match event:
            case events.Yielded(yielded=True, at_s=at_s):
                silent_s = at_s
            case events.Interrupted(at_s=at_s) | events.UtteranceJoined(at_s=at_s):
                if at_s == cut_s:
                    return at_s if silent_s is None else silent_s
                silent_s = None
            case events.Yielded():
                silent_s = None
            case _:
                pass
    return None


def lines(data: Path) -> list[str]:
    """Returns what the assistant has to say."""
    text = (data / "text" / "vctk-sentences.txt").read_text(encoding="utf-8")
    return [line.strip().strip('"') for line in text.splitlines()[:400]]


def overhear(
    data: Path,
    room_index: int,
    track: Waveform,
    seconds: float,
    *,
    transcriber: SpeechModel | None = None,
    settings: TalkSettings | None = None,
) -> Overheard:
    """Lets the assistant talk in a room for `seconds`, with the sound `track` in it too."""
    place = ROOMS[room_index]
    room = Room(
        read(data / "noise" / "rirs" / f"{place.response}.flac"),
        drive=place.drive,
        delay_ms=place.delay_ms,
        echo_db=0.0,
        unrest=place.unrest,
    )
    microphone = RoomMicrophone(track, room)
    speaker = FileSpeaker(room.play, ahead_s=0.5)
    microphone.speaker = speaker
    remover = EchoRemover()
    result = Overheard()
    is_asked = False

    def listen(event: events.Event) -> None:
        nonlocal is_asked
        result.happened.append(event)
        if isinstance(event, events.LevelMeasured):
            result.played_s += 0.128 * (event.assistant_db > -60)
            result.reduction_db.append(remover.reduction_db)
            if event.at_s >= FIRST_S and not is_asked:
                is_asked = True
                loop.type_text("Talk.")
            if event.at_s >= seconds - 0.5:
                loop.stop()

    talker = Talker(lines(data))
    engines = Engines(transcriber or talker, open_voice("flite"), load_policy(), Silero(), "flite")
    ends = Ends(microphone, speaker, remover)
    loop = TalkLoop(Conversation(engines, talker), ends, settings or TalkSettings())
    loop.follow(listen)
    replay(loop.run(), workers=engines.workers)
    engines.close_workers()
    return result
