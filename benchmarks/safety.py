"""Danger to life in words: how much is found, as text and as speech, and how many alarms are false.

    ATTUNE_DATA=… python -m benchmarks.safety [--spoken 40] [--model NAME] [--show 20] [--write]

Found: sayings of people in danger, in `benchmarks/data/safety`. The held-out half was written
before the patterns of `assistant/safety.toml`, which are never adapted to it; `--show` does not
print what is missed of it. False alarms: everyday sayings that sound dangerous, lines of a comedy
series (MELD) and online comments (GoEmotions). In the latter two an alarm is taken for a false
one without looking, so that the figure is an upper bound; comments tell of danger quite often.

On speech: held-out sayings in six voices, written down by the model, as in a talk. Understood are
those of which the model got at most one word in ten wrong; of what it mistook more, the very word
that names the danger is mostly lost.
"""

import argparse
import csv
import io
import os
import random
import subprocess
import tarfile
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import soundfile

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform, resample
from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.protocols import Cancel, Persona, SpeechModel, Transcript
from assistant.safety import HelpFinder
from benchmarks.results import table, write_section
from benchmarks.voices import errors, words
from models.checkpoints.embedded import EMBEDDED

SAYINGS = Path(__file__).with_name("data") / "safety"
MELD = "text-meld/data/MELD/train_sent_emo.csv"
COMMENTS = "text-goemotions/data/original/train.tsv"
HELD_OUT = "held_out"
UNDERSTOOD = 0.1
"""Share of the words that may be wrong in what counts as understood."""
VOICES = {
    **{f"flite {name}": ["flite", "-voice", name, "-t"] for name in ("slt", "rms", "awb", "kal16")},
    "espeak en-us+f3": ["espeak-ng", "-v", "en-us+f3"],
    "espeak en-gb": ["espeak-ng", "-v", "en-gb"],
}


def sayings(name: str) -> dict[str, list[str]]:
    """Returns the sayings of a file by kind."""
    return tomllib.loads((SAYINGS / f"{name}.toml").read_text(encoding="utf-8"))


def everyday() -> dict[str, list[str]]:
    """Returns harmless sentences by set."""
    csv.field_size_limit(10**8)
    path = Path(os.environ["ATTUNE_DATA"]) / "text" / "dialogue.tar.xz"
    with tarfile.open(path, "r:xz") as archive:
        texts = {name: read_member(archive, name) for name in (MELD, COMMENTS)}
    return {
        "sound dangerous": sayings("harmless")["traps"],
        "MELD": [row["Utterance"] for row in csv.DictReader(io.StringIO(texts[MELD]))],
        "GoEmotions": [line.split("\t")[0] for line in texts[COMMENTS].splitlines() if line],
    }


def read_member(archive: tarfile.TarFile, name: str) -> str:
    """Returns a text file of the archive."""
    file = archive.extractfile(name)
    assert file is not None
    return file.read().decode("utf-8", errors="replace")


def found_as_text(finder: HelpFinder, show: int) -> str:
    """Returns what is found of the sayings, by kind, as Markdown."""
    rows: list[list[str]] = []
    for name in ("tuning", HELD_OUT):
        by_kind = sayings(name)
        total = found_total = 0
        for kind, lines in by_kind.items():
            missed = [line for line in lines if finder.find(line) is None]
            total, found_total = total + len(lines), found_total + len(lines) - len(missed)
            rows.append([name, kind, share(len(lines) - len(missed), len(lines))])
            for line in [] if name == HELD_OUT else missed[:show]:
                print(f"  missed, {kind}: {line!r}")
        rows.append([name, "all", share(found_total, total)])
    return table(["half", "kind", "found"], rows)


def share(part: int, whole: int) -> str:
    """Returns, for example, ``38/40 (95 %)``."""
    return f"{part}/{whole} ({100 * part / max(1, whole):.0f} %)"


def false_alarms(finder: HelpFinder, show: int) -> str:
    """Returns how many harmless sentences raise an alarm, as Markdown."""
    rows: list[list[str]] = []
    for name, lines in everyday().items():
        alarms = [line for line in lines if finder.find(line) is not None]
        rate = 1_000 * len(alarms) / max(1, len(lines))
        rows.append([name, str(len(lines)), str(len(alarms)), f"{rate:.1f}"])
        for line in alarms[:show]:
            print(f"  alarm, {name}: {line[:160]!r}")
    return table(["set", "sentences", "alarms", "per 1,000"], rows)


def spoken(text: str, command: list[str]) -> Waveform:
    """Returns `text` as speech at 16 kHz with a little silence around it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        end = ["-w", file.name, text] if command[0] == "espeak-ng" else [text, "-o", file.name]
        subprocess.run([*command, *end], check=True)
        samples, made_hz = soundfile.read(file.name, dtype="float32")
    sound = resample(np.asarray(samples, dtype=np.float32), from_hz=made_hz, to_hz=SPEECH_RATE_HZ)
    return np.pad(sound, SPEECH_RATE_HZ // 5)


def written_down(speech: Waveform, model: SpeechModel) -> str:
    """Returns the words that the model hears."""
    for heard in model.open(Persona()).hear(speech, Cancel()):
        if isinstance(heard, Transcript):
            return heard.text
    return ""


def found_as_speech(finder: HelpFinder, model: SpeechModel, count: int) -> str:
    """Returns what is found of `count` held-out sayings in each voice, as Markdown."""
    lines = [line for kind in sayings(HELD_OUT).values() for line in kind]
    random.Random(3).shuffle(lines)
    rows: list[list[str]] = []
    total = np.zeros(4, dtype=int)
    for name, command in VOICES.items():
        counts = np.zeros(4, dtype=int)
        for line in lines[:count]:
            heard = written_down(spoken(line, command), model)
            said = words(line)
            is_understood = errors(said, words(heard)) <= UNDERSTOOD * len(said)
            is_found = finder.find(heard) is not None
            counts += (1, is_found, is_understood, is_understood and is_found)
        total += counts
        rows.append([name, *spoken_shares(counts)])
        print(rows[-1], flush=True)
    rows.append(["all", *spoken_shares(total)])
    return table(["voice", "found of all", "understood", "found of the understood"], rows)


def spoken_shares(counts: np.ndarray) -> list[str]:
    """Returns the cells of a row from (said, found, understood, found of these)."""
    said, found, understood, both = (int(count) for count in counts)
    return [share(found, said), share(understood, said), share(both, understood)]


def main() -> None:
    """Measures and prints the tables; `--write` puts them into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--spoken", type=int, default=0, help="held-out sayings to speak in each voice"
    )
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--show", type=int, default=0, help="misses and alarms to print of a set")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    finder = HelpFinder()
    text = f"As text:\n\n{found_as_text(finder, options.show)}\n\n"
    text += f"False alarms:\n\n{false_alarms(finder, options.show)}"
    command = "python -m benchmarks.safety"
    if options.spoken:
        name = Path(options.model).name
        speech = found_as_speech(finder, BlspEmoModel(options.model), options.spoken)
        text += (
            f"\n\nHeld-out sayings spoken, as `{name}` writes them down; understood: at most one "
            f"word in ten is wrong:\n\n{speech}"
        )
        command += f" --spoken {options.spoken} --model {name}"
    print(text)
    if options.write:
        write_section("Danger to life in words", command, text)


if __name__ == "__main__":
    main()
