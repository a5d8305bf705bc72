"""Sets of Full-Duplex-Bench made anew by its recipes, in its layout, where they cannot be had.

Its own lie on a drive that asks for a login; CANDOR and ICC may not be passed on. Synthetic sets
are spoken by flite and espeak-ng (theirs by ChatTTS), words are our own. In place of CANDOR stand
real people: learners of English and their pauses, a third made longer (`endpointing/pauses.py`
says how). ICC, people who say "uh-huh" to each other, has no stand-in.
"""

import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from benchmarks.endpointing.pauses import FRAME, AnalysedRecording
from benchmarks.rooms.room import LEVEL_DB, at_level, trimmed
from train.synthetic.voices import SyntheticVoice, speak

TEXTS = Path(__file__).parents[1] / "data" / "full_duplex" / "sets.toml"
VOICES = (
    SyntheticVoice("flite", "slt"),
    SyntheticVoice("flite", "rms"),
    SyntheticVoice("espeak", "en-us+f4"),
    SyntheticVoice("flite", "awb"),
    SyntheticVoice("espeak", "en-us+m5"),
)
LEAD_S = 0.5
"""Before the first word."""
ANSWER_S = 8.0
"""After a turn, for the answer."""
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 1.5
BEFORE_INTERRUPTION_S = 2.4
"""From the end of a question to what is said amid the answer: most answers sound by then."""
BACKGROUND_DB = -15.0
"""Of somebody else's voice, against the person's."""


@dataclass
class Track:
    """Sound that grows, with a soft noise below it as every microphone has one."""

    parts: list[Waveform] = field(default_factory=list[Waveform])

    @property
    def now_s(self) -> float:
        """How long it is."""
        return sum(map(len, self.parts)) / SPEECH_RATE_HZ

    def add(self, waveform: Waveform) -> tuple[float, float]:
        """Adds sound and returns when it begins and ends."""
        start_s = self.now_s
        self.parts.append(waveform)
        return start_s, self.now_s

    def wait(self, seconds: float) -> None:
        """Adds silence."""
        self.parts.append(np.zeros(round(seconds * SPEECH_RATE_HZ), np.float32))

    def sound(self) -> Waveform:
        """Returns the whole."""
        whole = np.concatenate(self.parts)
        noise = 3e-4 * np.random.default_rng(len(whole)).standard_normal(len(whole))
        return (whole + noise).astype(np.float32)


def rebuild(folder: Path, learners: Sequence[AnalysedRecording], per_task: int) -> None:
    """Writes all sets into a folder in the benchmark's layout.

    Args:
        folder: Samples that are there already are written over.
        learners: Recordings of real people; none where there are no data.
        per_task: Samples of each task at most.
    """
    content: dict[str, Any] = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    _pauses(folder / "v1_0" / "synthetic_pause_handling", content["pauses"][:per_task])
    slow = [item for item in learners if item.is_slow][:per_task]
    _learners_pauses(folder / "v1_0" / "learners_pause_handling", slow)
    _learners_turns(folder / "v1_0" / "learners_turn_taking", learners[:per_task])
    talks: list[dict[str, str]] = content["interruptions"][:per_task]
    _interruptions(folder / "v1_0" / "synthetic_user_interruption", talks)
    for task in ("user_interruption", *content["background"]):
        others: list[str] = content["background"].get(task, [])
        _overlaps(folder / "v1_5" / task, talks, others)


def said(text: str, number: int) -> Waveform:
    """Returns a sentence in the voice that is due, without silence around it."""
    return at_level(trimmed(speak(text, VOICES[number % len(VOICES)])), LEVEL_DB)


def _pauses(folder: Path, sentences: Sequence[str]) -> None:
    chance = np.random.default_rng(5)
    for number, sentence in enumerate(sentences):
        first, second = (part.strip() for part in sentence.split("|"))
        track = Track()
        track.wait(LEAD_S)
        _, start_s = track.add(said(first.rstrip(",") + ",", number))
        track.wait(chance.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S))
        end_s = track.now_s
        track.add(said(second, number))
        _write(folder / str(number + 1), track, "pause.json", [_event("[PAUSE]", start_s, end_s)])


def _learners_pauses(folder: Path, items: Sequence[AnalysedRecording]) -> None:
    """The input ends with the turn: whatever is answered is answered in a pause."""
    for number, item in enumerate(items):
        voiced = item.voiced
        place = int(np.diff(voiced).argmax())
        track = Track()
        track.wait(LEAD_S)
        begins_s = track.now_s
        track.add(item.waveform[: (int(voiced[-1]) + 1) * FRAME])
        frames = (int(voiced[place]) + 1, int(voiced[place + 1]))
        pause = [begins_s + FRAME * frame / SPEECH_RATE_HZ for frame in frames]
        _write(folder / str(number + 1), track, "pause.json", [_event("[PAUSE]", *pause)])


def _learners_turns(folder: Path, items: Sequence[AnalysedRecording]) -> None:
    for number, item in enumerate(items):
        track = Track()
        track.wait(LEAD_S)
        _, end_s = track.add(item.waveform[: (int(item.voiced[-1]) + 1) * FRAME])
        track.wait(ANSWER_S)
        event = _event("[TURN-TAKING]", end_s, end_s + 0.4)
        _write(folder / str(number + 1), track, "turn_taking.json", [event])


def _interruptions(folder: Path, talks: Sequence[dict[str, str]]) -> None:
    for number, talk in enumerate(talks):
        track, timestamp = _interrupted(talk["context"], talk["interrupt"], number)
        event = {**talk, "timestamp": list(timestamp)}
        _write(folder / str(number + 1), track, "interrupt.json", [event])


def _overlaps(folder: Path, talks: Sequence[dict[str, str]], others: Sequence[str]) -> None:
    """v1.5: the same question with and without what is said amid the answer."""
    for number, talk in enumerate(talks):
        text = others[number % len(others)] if others else talk["interrupt"]
        softer = BACKGROUND_DB if folder.name == "background_speech" else 0.0
        voice = number + 1 if softer else number
        track, timestamp = _interrupted(talk["context"], text, number, voice, softer)
        content = {
            "context_text": talk["context"],
            "current_turn_text": text,
            "timestamps": list(timestamp),
        }
        _write(folder / str(number + 1), track, "metadata.json", content)
        clean = Track()
        clean.wait(LEAD_S)
        clean.add(said(talk["context"], number))
        clean.wait(track.now_s - clean.now_s)
        _sound(folder / str(number + 1) / "clean_input.wav", clean)


def _interrupted(
    context: str, text: str, number: int, voice: int | None = None, louder_db: float = 0.0
) -> tuple[Track, tuple[float, float]]:
    track = Track()
    track.wait(LEAD_S)
    track.add(said(context, number))
    track.wait(BEFORE_INTERRUPTION_S)
    other = said(text, number if voice is None else voice) * 10 ** (louder_db / 20)
    timestamp = track.add(other.astype(np.float32))
    track.wait(ANSWER_S)
    return track, timestamp


def _event(text: str, start_s: float, end_s: float) -> dict[str, object]:
    return {"text": text, "timestamp": [round(start_s, 3), round(end_s, 3)]}


def _write(folder: Path, track: Track, name: str, content: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _sound(folder / "input.wav", track)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / name).write_text(text, encoding="utf-8")


def _sound(path: Path, track: Track) -> None:
    sf.write(path, track.sound(), SPEECH_RATE_HZ, subtype="PCM_16")


def tasks(folder: Path) -> Iterator[str]:
    """Yields the names of the tasks that a folder of rebuilt sets holds."""
    for version in sorted(folder.iterdir()):
        if version.is_dir():
            yield from sorted(path.name for path in version.iterdir() if path.is_dir())
