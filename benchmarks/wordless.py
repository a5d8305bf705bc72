"""Sounds in which nobody speaks, and brief words: what is taken for a turn, and what for words.

    python -m benchmarks.wordless [--model mini] [--count 20] [--write]

Silence, hiss, hum, music, breath and typing are synthesised, others are recordings that no recipe
hears (every fifth of `noise` below `ATTUNE_DATA`; left out where it is absent). Each takes the way
of a talk: detector, endpointer, ears. `understood` counts turns whose words the model would take
for said; those of the others it would ask back. `heard at all` gives the whole sound to the ears,
past the detector: what a push-to-talk key that is held in silence would do.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from benchmarks.cut_turns import cut_turns
from benchmarks.results import table, write_section
from models.checkpoints.embedded import EMBEDDED
from models.listening.listener import Listener
from models.words.written import Words, are_understood
from train.synthetic.speech_cuts import pink_noise
from train.synthetic.surroundings import Surroundings
from train.synthetic.voices import SyntheticVoice, speak

LASTS_S = 8.0
BRIEF = ("yes", "no", "mhm", "okay", "stop", "why", "hello", "right", "sure", "thanks")
VOICES = (
    SyntheticVoice("flite", "slt"),
    SyntheticVoice("flite", "rms"),
    SyntheticVoice("espeak", "en-us"),
    SyntheticVoice("espeak", "en-gb+f2"),
)
SAME = {"ok": "okay", "mm hmm": "mhm", "mhmm": "mhm", "hmm": "mhm", "mm": "mhm", "uh huh": "mhm"}
"""Other spellings of the brief words."""

MakeSound = Callable[[np.random.Generator], Waveform]


def silence(generator: np.random.Generator) -> Waveform:
    """Returns digital silence, or nearly so: the last bit of a converter."""
    return (generator.integers(-1, 2) * 3e-5 * generator.standard_normal(_size())).astype(
        np.float32
    )


def hiss(generator: np.random.Generator) -> Waveform:
    """Returns the noise of a microphone or of a room, soft to loud."""
    gain = 10 ** (generator.uniform(-70, -30) / 20)
    noise = pink_noise(_size(), generator)
    return (gain * noise / noise.std()).astype(np.float32)


def hum(generator: np.random.Generator) -> Waveform:
    """Returns mains hum or a fan: a low tone, its harmonics, a little noise."""
    tone = sum(
        generator.uniform(0.2, 1) / n * np.sin(n * _phase(float(generator.choice([50, 60, 118]))))
        for n in range(1, 9)
    )
    return _at(tone + 0.1 * pink_noise(_size(), generator), generator.uniform(-45, -20))


def music(generator: np.random.Generator) -> Waveform:
    """Returns a melody over chords, plucked or held."""
    sound = np.zeros(_size())
    step = round(generator.uniform(0.2, 0.5) * SPEECH_RATE_HZ)
    scale = 110.0 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)
    decay = generator.uniform(2, 9)
    for start in range(0, _size(), step):
        for octave in (1, 2, 4):
            note = float(generator.choice(scale)) * octave
            time = np.arange(min(2 * step, _size() - start)) / SPEECH_RATE_HZ
            waves = sum(np.sin(2 * np.pi * n * note * time) / n for n in range(1, 6))
            sound[start : start + len(time)] += np.exp(-decay * time) * waves
    return _at(sound, generator.uniform(-40, -15))


def breath(generator: np.random.Generator) -> Waveform:
    """Returns breaths close to a microphone: noise that swells, coloured as by a throat."""
    spectrum = np.fft.rfft(generator.standard_normal(_size()))
    hertz = np.fft.rfftfreq(_size(), 1 / SPEECH_RATE_HZ)
    peaks = generator.uniform((400, 1_200, 2_500), (900, 1_900, 3_800))
    spectrum *= sum(np.exp(-(((hertz - peak) / 350) ** 2)) for peak in peaks)
    each_s = generator.uniform(1.2, 2.2)
    swell = np.maximum(np.sin(_phase(1 / each_s) + generator.uniform(0, 6)), 0) ** 2
    return _at(np.fft.irfft(spectrum, _size()) * swell, generator.uniform(-50, -25))


def typing(generator: np.random.Generator) -> Waveform:
    """Returns keys that are struck: clicks of a few milliseconds and the knock of the board."""
    sound = np.zeros(_size())
    at = 0
    while (at := at + round(generator.exponential(0.16) * SPEECH_RATE_HZ) + 300) < _size() - 1_600:
        time = np.arange(1_600) / SPEECH_RATE_HZ
        click = generator.standard_normal(1_600) * np.exp(-time * generator.uniform(200, 500))
        knock = np.sin(2 * np.pi * generator.uniform(150, 450) * time) * np.exp(-70 * time)
        sound[at : at + 1_600] += generator.uniform(0.3, 1) * (click + 0.5 * knock)
    return _at(sound, generator.uniform(-45, -25))


SOUNDS: dict[str, MakeSound] = {
    "silence": silence,
    "hiss": hiss,
    "hum": hum,
    "music": music,
    "breath": breath,
    "typing": typing,
}


@dataclass(frozen=True, slots=True)
class WrittenSound:
    """What became of one sound."""

    turns: tuple[Words, ...]
    """What the ears wrote of each turn."""
    directly: Words
    """What they wrote of all of it."""


def taken(waveform: Waveform, ears: Listener) -> WrittenSound:
    """Lets one sound take the way of a talk."""
    turns = tuple(ears.hear(turn).words for turn in cut_turns(waveform))
    return WrittenSound(turns, ears.hear(waveform).words)


def row(name: str, sounds: Iterator[Waveform], ears: Listener) -> list[str]:
    """Returns a row of the table: how many sounds, and in how many of them what was found."""
    found = [taken(sound, ears) for sound in sounds]
    told = ears.config.word_confidence
    counts = (
        sum(bool(one.turns) for one in found),
        sum(any(words.text for words in one.turns) for one in found),
        sum(any(are_understood(words, told) for words in one.turns) for one in found),
        sum(are_understood(one.directly, told) for one in found),
    )
    for one in found:
        for words in one.turns:
            if are_understood(words, told):
                print(f"{name}: {words.text!r}, {words.confidence:.2f}", flush=True)
    return [name, str(len(found)), *(str(count) for count in counts)]


def brief_row(ears: Listener) -> list[str]:
    """Returns the same row for brief words, and says which were missed."""
    found = {
        (word, v): taken(_said(word, voice), ears)
        for v, voice in enumerate(VOICES)
        for word in BRIEF
    }
    told = ears.config.word_confidence
    wrong = [
        f"{word!r} as {' / '.join(w.text for w in one.turns) or 'no turn'!r}"
        for (word, _), one in found.items()
        if not any(is_same(word, words.text) for words in one.turns)
    ]
    print(f"brief words missed: {'; '.join(wrong) or 'none'}", flush=True)
    counts = (
        sum(bool(one.turns) for one in found.values()),
        sum(any(words.text for words in one.turns) for one in found.values()),
        sum(any(are_understood(w, told) for w in one.turns) for one in found.values()),
        sum(are_understood(one.directly, told) for one in found.values()),
    )
    right = len(found) - len(wrong)
    return [f"brief words ({right} right)", str(len(found)), *(str(count) for count in counts)]


def recorded() -> Iterator[Waveform]:
    """Yields recordings of surroundings that no recipe hears."""
    if data := os.environ.get("ATTUNE_DATA"):
        for sound in Surroundings.read(Path(data) / "noise", held_out=True).noises:
            yield sound[: _size()]


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    ears = Listener.from_pretrained(options.model, device="cpu")
    rows: list[list[str]] = []
    for name, sound in SOUNDS.items():
        made = (sound(np.random.default_rng([11, n])) for n in range(options.count))
        rows.append(row(name, made, ears))
    rows.append(row("recorded surroundings", recorded(), ears))
    rows.append(brief_row(ears))
    head = ["sound", "n", "a turn", "with words", "understood", "heard at all"]
    body = f"{(__doc__ or '').split('[--write]')[1].strip()}\n\n{table(head, rows)}"
    print(body)
    if options.write:
        command = f"python -m benchmarks.wordless --model {options.model} --count {options.count}"
        write_section("Sounds without words", command, body)


def _said(word: str, voice: SyntheticVoice) -> Waveform:
    quiet = np.zeros(SPEECH_RATE_HZ // 2, np.float32)
    return np.concatenate([quiet, speak(f"{word}.", voice), quiet])


def is_same(word: str, text: str) -> bool:
    """Returns whether `text` is a brief word, in whatever spelling."""
    letters = "".join(c for c in text.lower().replace("-", " ") if c.isalpha() or c == " ")
    letters = " ".join(letters.split())
    return SAME.get(letters, letters) == word


def _size() -> int:
    return round(LASTS_S * SPEECH_RATE_HZ)


def _phase(hertz: float) -> NDArray[np.float64]:
    return 2 * np.pi * hertz * np.arange(_size()) / SPEECH_RATE_HZ


def _at(sound: NDArray[np.floating[Any]], level: float) -> Waveform:
    return np.clip(10 ** (level / 20) * sound / max(float(sound.std()), 1e-9), -1, 1).astype(
        np.float32
    )


if __name__ == "__main__":
    main()
