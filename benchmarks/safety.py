"""Words that suggest danger to life: how many are noticed, and how many alarms are false.

    ATTUNE_DATA=… python -m benchmarks.safety [--spoken 60] [--model nano] [--write]

Noticed: questions to counsellors filed under self-harm and suicide (CounselChat). False alarms:
lines of a comedy series (MELD) and of online comments (GoEmotions), where an alarm is taken for a
false one without looking, so that the figure is an upper bound.

On speech: short sentences of all sets, spoken by each voice of this machine and written down by the
model, as in a talk. Those to be noticed raise the alarm as text, the others do not.
"""

import argparse
import csv
import io
import os
import random
import re
import tarfile
from pathlib import Path

import numpy as np

from assistant.answer import close
from assistant.audio import SPEECH_RATE_HZ, Waveform, resample
from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.protocols import (
    Cancel,
    Persona,
    SpeakingStyle,
    SpeechModel,
    TextToSpeech,
    Transcript,
)
from assistant.engines.table import open_voice
from assistant.errors import EngineUnavailable
from assistant.safety import HelpFinder
from benchmarks.results import table, write_section
from benchmarks.voices import errors, words

MELD = "text-meld/data/MELD/train_sent_emo.csv"
COMMENTS = "text-goemotions/data/original/train.tsv"
COUNSEL = "text-counselchat/data/counselchat-data.csv"
TOPICS = ("suicid", "self-harm")
SPEAKERS = ("flite", "espeak")
LONGEST_WORDS = 14


def read_member(archive: tarfile.TarFile, name: str) -> str:
    """Returns a text file of the archive."""
    file = archive.extractfile(name)
    assert file is not None
    return file.read().decode("utf-8", errors="replace")


def short_sentences(texts: list[str]) -> list[str]:
    """Returns the sentences of `texts` that can be said in one breath, each once."""
    sentences = (s.strip() for text in texts for s in re.split(r"(?<=[.!?])\s+|\n", text))
    return sorted({s for s in sentences if 3 <= len(s.split()) <= LONGEST_WORDS and s.isascii()})


def spoken(text: str, voice: TextToSpeech) -> Waveform:
    """Returns `text` as speech at 16 kHz with a little silence around it."""
    clips = [clip.samples for clip in voice.synthesize(text, SpeakingStyle(), Cancel())]
    sound = resample(np.concatenate(clips), from_hz=voice.sample_rate, to_hz=SPEECH_RATE_HZ)
    return np.pad(sound, SPEECH_RATE_HZ // 5)


def written_down(speech: Waveform, model: SpeechModel) -> str:
    """Returns the words that the model hears."""
    for heard in model.open(Persona()).hear(speech, Cancel()):
        if isinstance(heard, Transcript):
            return heard.text
    return ""


def on_speech(
    dangerous: list[str], harmless: list[str], model: SpeechModel, finder: HelpFinder
) -> str:
    """Returns what is noticed of spoken sentences, as Markdown."""
    rows: list[list[str]] = []
    for name in SPEAKERS:
        try:
            voice = open_voice(name)
        except EngineUnavailable as error:
            print(f"{name} is left out: {error}")
            continue
        for kind, lines in (("noticed as text", dangerous), ("harmless, MELD", harmless)):
            heard = [written_down(spoken(line, voice), model) for line in lines]
            alarms = sum(finder.find(text) is not None for text in heard)
            error = word_error_rate(list(zip(lines, heard, strict=True)))
            rows.append([name, kind, str(len(lines)), str(alarms), f"{100 * error:.0f} %"])
            print(rows[-1], flush=True)
        close(voice)
    return table(["voice", "set", "sentences", "alarms", "word errors"], rows)


def word_error_rate(pairs: list[tuple[str, str]]) -> float:
    """Returns the word errors of (said, written down), relative to the words said."""
    wrong = sum(errors(words(said), words(heard)) for said, heard in pairs)
    return wrong / max(1, sum(len(words(said)) for said, _ in pairs))


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spoken", type=int, default=60, help="sentences of each kind and voice")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--write", action="store_true")
    csv.field_size_limit(10**8)
    parser.add_argument("--show", type=int, default=0, help="alarms to print of each set")
    options = parser.parse_args()
    path = Path(os.environ["ATTUNE_DATA"]) / "text" / "dialogue.tar.xz"
    with tarfile.open(path, "r:xz") as archive:
        texts = {name: read_member(archive, name) for name in (MELD, COMMENTS, COUNSEL)}
    counsel = list(csv.DictReader(io.StringIO(texts[COUNSEL])))
    questions = {
        f"{item.get('questionTitle', '')} {item.get('questionText', '')}"
        for item in counsel
        if any(topic in str(item.get("topics", item.get("topic", ""))).lower() for topic in TOPICS)
    }
    sets = {
        "noticed: counselling questions on suicide and self-harm": sorted(questions),
        "false alarms: MELD": [
            row["Utterance"] for row in csv.DictReader(io.StringIO(texts[MELD]))
        ],
        "false alarms: GoEmotions": [
            line.split("\t")[0] for line in texts[COMMENTS].splitlines() if line
        ],
    }
    finder = HelpFinder()
    rows: list[list[str]] = []
    for name, lines in sets.items():
        alarms = [line for line in lines if finder.find(line) is not None]
        rate = 1_000 * len(alarms) / max(1, len(lines))
        rows.append([name, str(len(lines)), str(len(alarms)), f"{rate:.1f}"])
        shown = alarms if name.startswith("false") else [x for x in lines if not finder.find(x)]
        for line in shown[: options.show]:
            print(f"  {name[:13]}: {line[:160]!r}")
    text = "As text:\n\n" + table(["set", "texts", "alarms", "per 1,000"], rows)
    if options.spoken:
        everything = [line for lines in sets.values() for line in lines]
        dangerous = [line for line in short_sentences(everything) if finder.find(line)]
        sentences = short_sentences(sets["false alarms: MELD"])
        harmless = [line for line in sentences if not finder.find(line)]
        for lines in (dangerous, harmless):
            random.Random(3).shuffle(lines)
        chosen = dangerous[: options.spoken], harmless[: options.spoken]
        speech = on_speech(*chosen, BlspEmoModel(options.model), finder)
        text += f"\n\nSpoken, as `{Path(options.model).name}` writes it down:\n\n{speech}"
    print(text)
    if options.write:
        command = f"python -m benchmarks.safety --spoken {options.spoken} --model "
        write_section("Danger to life in words", command + Path(options.model).name, text)


if __name__ == "__main__":
    main()
