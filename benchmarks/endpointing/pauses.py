"""People who pause within a sentence: learners of English with their own pauses, and longer ones.

The recordings are those of the test speakers of speechocean762. Few of them pause for half a second
and more, so that a third of the speakers is made slow: in each of their sentences the longest gap
between two words is stretched to between 0.5 and 1.5 s, with noise as loud as what was in the gap.
A sentence without any gap of 64 ms is left out there. Sound before and after the pause is theirs.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.audio.playout import level_db
from assistant.audio.waveform import SPEECH_RATE_HZ, Framer, Waveform
from assistant.engines.protocols import Transcript
from assistant.engines.silero import Silero
from assistant.turns.ear import Ear
from benchmarks.rooms.room import read

FRAME = 512
FRAME_MS = 32.0
SILENCE_S = 3.5
"""After each recording."""
SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS = 500.0, 1_500.0
"""Of slow speakers, within a sentence."""
LEAST_GAP_FRAMES = 2
SLOW_OF = 3
"""One of so many speakers is made slow."""
PER_SPEAKER = 20


@dataclass(frozen=True, slots=True)
class AnalysedRecording:
    """One recording."""

    speaker: str
    waveform: Waveform
    probabilities: list[float]
    text: str
    is_stretched: bool = False
    """Whether its longest pause was made so long."""

    @property
    def voiced(self) -> np.ndarray:
        """Indices of the frames with speech."""
        return np.flatnonzero(np.array(self.probabilities) >= 0.5)

    @property
    def levels_db(self) -> list[float]:
        """Level of each frame."""
        frames = (
            self.waveform[n * FRAME : (n + 1) * FRAME] for n in range(len(self.probabilities))
        )
        return [level_db(frame) for frame in frames]

    @property
    def longest_pause_ms(self) -> float:
        """Longest silence between two frames with speech."""
        return FRAME_MS * float(np.diff(self.voiced).max(initial=0))

    @property
    def is_slow(self) -> bool:
        """Whether there is a long pause in it."""
        return self.longest_pause_ms >= SHORTEST_PAUSE_MS

    def words_until(self, samples: int) -> Transcript:
        """Returns the words said so far, in proportion to the frames with speech."""
        voiced = self.voiced
        share = float((voiced < samples // FRAME).mean())
        words = self.text.split()
        return Transcript(" ".join(words[: max(1, round(share * len(words)))]))


def recordings(
    data: Path, count: int, *, is_held_out: bool, own_pauses: bool = False
) -> list[AnalysedRecording]:
    """Returns utterances of half of the test speakers, each one's together.

    Args:
        data: The development data.
        count: At most.
        is_held_out: Which half: the one that settings were not chosen with.
        own_pauses: No pause is made longer.
    """
    folder = data / "asr" / "speechocean762"
    texts = dict(
        line.split(maxsplit=1)
        for line in (folder / "test" / "text").read_text(encoding="utf-8").splitlines()
    )
    files = {path.stem: path for path in folder.rglob("*.opus")}
    speakers: dict[str, list[str]] = {}
    for name in sorted(set(texts) & set(files)):
        speakers.setdefault(files[name].parent.name, []).append(name)
    order = sorted(speakers)
    random.Random(2).shuffle(order)
    found: list[AnalysedRecording] = []
    for number, speaker in enumerate(order[int(is_held_out) :: 2]):
        for name in speakers[speaker][:PER_SPEAKER]:
            item = _heard(speaker, read(files[name]), texts[name].capitalize())
            if number % SLOW_OF == 0 and not item.is_slow and not own_pauses:
                stretched = _stretched(item, random.Random(name))
                if stretched is None:
                    continue
                item = stretched
            if len(item.voiced) > 6 and item.longest_pause_ms <= LONGEST_PAUSE_MS:
                found.append(item)
            if len(found) == count:
                return found
    return found


def readers(data: Path, count: int) -> list[AnalysedRecording]:
    """Returns utterances of LibriSpeech's readers 19 and 26, with the pauses that they made.

    What is taken for the end of a turn is where the recording was cut, within a sentence or not.
    """
    folder = data / "asr" / "librispeech"
    texts: dict[str, str] = {}
    for table in sorted(folder.rglob("*.trans.txt")):
        lines = table.read_text(encoding="utf-8").splitlines()
        texts |= dict(line.split(maxsplit=1) for line in lines)
    files = sorted(path for path in folder.rglob("*.opus") if path.stem in texts)
    order = random.Random(2).sample(files, min(count, len(files)))
    return [
        _heard(path.stem.split("-")[0], read(path), texts[path.stem].capitalize())
        for path in sorted(order)
    ]


def _heard(
    speaker: str, wave: Waveform, text: str, *, is_stretched: bool = False
) -> AnalysedRecording:
    noise = np.random.default_rng(len(wave))
    wave = np.concatenate([wave, np.zeros(round(SILENCE_S * SPEECH_RATE_HZ), np.float32)])
    wave = (wave + 3e-4 * noise.standard_normal(len(wave))).astype(np.float32)
    ear = Ear(Silero())
    frames = [frame.samples for frame in Framer(FRAME).push(wave)]
    heard = [ear.listen(frame, np.zeros_like(frame)).probability for frame in frames]
    return AnalysedRecording(speaker, wave, heard, text, is_stretched)


def _stretched(item: AnalysedRecording, chance: random.Random) -> AnalysedRecording | None:
    """Returns `item` with its longest gap made longer; None where there is no gap."""
    voiced = item.voiced
    gaps = np.diff(voiced)
    if gaps.max(initial=0) <= LEAST_GAP_FRAMES:
        return None
    place = int(gaps.argmax())
    middle = int(voiced[place] + gaps[place] // 2) * FRAME
    around = item.waveform[middle - FRAME // 2 : middle + FRAME // 2]
    wanted_ms = chance.uniform(SHORTEST_PAUSE_MS + FRAME_MS, LONGEST_PAUSE_MS - 2 * FRAME_MS)
    more = round((wanted_ms - FRAME_MS * int(gaps[place])) * SPEECH_RATE_HZ / 1_000)
    level = float(np.sqrt(np.mean(np.square(around))))
    noise = np.random.default_rng(chance.randrange(2**32)).standard_normal(more)
    end = len(item.waveform) - round(SILENCE_S * SPEECH_RATE_HZ)
    parts = [item.waveform[:middle], level * noise, item.waveform[middle:end]]
    wave = np.concatenate(parts).astype(np.float32)
    return _heard(item.speaker, wave, item.text, is_stretched=True)
