"""Words that people say while they listen, and words with which they interrupt, by many voices.

No set of recordings of them is at hand, so that flite, eSpeak NG and Festival say them, where they
are installed. Thresholds were chosen with `CHOSEN_WITH`; what is reported is said by `HELD_OUT`.
"""

import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.audio.waveform import Waveform
from benchmarks.rooms.room import at_level, read, trimmed

ACKNOWLEDGEMENTS = (
    "mm hm, uh huh, mm, yeah, yes, okay, right, sure, I see, oh, really, ah, got it, of course, "
    "all right, true, oh wow, yeah yeah"
).split(", ")
CLAIMS = (
    "stop, wait, no, hold on, hey, what, sorry, wait a moment, stop it, be quiet, excuse me, "
    "listen, why, hang on, enough, but why, no wait, shut up"
).split(", ")


@dataclass(frozen=True, slots=True)
class VoiceProgram:
    """A voice and the command line by which it says a text from a file into a file."""

    name: str
    command: tuple[str, ...]

    @property
    def is_there(self) -> bool:
        """Whether its program is installed."""
        return shutil.which(self.command[0]) is not None


def _flite(name: str) -> VoiceProgram:
    return VoiceProgram(f"flite {name}", ("flite", "-voice", name, "-f", "{text}", "-o", "{wave}"))


def _espeak(name: str, words_a_minute: int) -> VoiceProgram:
    command = ("espeak-ng", "-v", name, "-s", str(words_a_minute), "-f", "{text}", "-w", "{wave}")
    return VoiceProgram(f"espeak {name}", command)


def _festival(name: str) -> VoiceProgram:
    command = ("text2wave", "{text}", "-o", "{wave}", "-eval", f"(voice_{name})")
    return VoiceProgram(f"festival {name}", command)


CHOSEN_WITH = (_flite("slt"), _flite("rms"), _espeak("en-us", 175), _espeak("en-us+f3", 200))
HELD_OUT = (
    _flite("awb"),
    _espeak("en-gb", 160),
    _espeak("en-gb-scotland+f2", 190),
    _festival("kal_diphone"),
    _festival("cmu_us_slt_arctic_hts"),
)


def said(
    texts: Sequence[str], voices: tuple[VoiceProgram, ...], level_db: float, chance: random.Random
) -> Iterator[tuple[str, Waveform]]:
    """Yields text and sound, every text by every voice that is there, in random order."""
    lines = [(voice, text) for voice in voices if voice.is_there for text in texts]
    chance.shuffle(lines)
    for voice, text in lines:
        yield text, at_level(trimmed(_say(voice, text)), level_db)


def _say(voice: VoiceProgram, text: str) -> Waveform:
    with tempfile.TemporaryDirectory() as folder:
        places = {"text": str(Path(folder) / "text"), "wave": str(Path(folder) / "said.wav")}
        Path(places["text"]).write_text(text, encoding="utf-8")
        command = [part.format(**places) for part in voice.command]
        subprocess.run(command, check=True, capture_output=True)
        return read(Path(places["wave"]))
