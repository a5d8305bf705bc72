"""Speech for nano: synthetic speakers say the domain and other sentences, in shards on disk."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from models.emotions import Emotion
from train.domain import (
    Domain,
    Intent,
    Split,
    draw_values,
    fill,
    held_out_dialogue,
    templates,
)
from train.nano_text import everyday_dialogues, speakable, unrelated_sentences
from train.surroundings import read_mono
from train.synthesis import (
    PHONES,
    SAMPLE_RATE_HZ,
    Prosody,
    draw_voice,
    measure_prosody,
    phones_of,
    speak,
    with_prosody,
)

logger = logging.getLogger(__name__)

SHARD_SENTENCES = 500
SHARES = {"domain": 0.5, "mixed": 0.22, "everyday": 0.18, "other": 0.1}
"""Of the sentences of a training shard: domain talk, the beginning of one domain sentence with the
end of another, other everyday talk, news and books. Without the mixed ones a small decoder learns
the sentences by heart instead of listening, and new wordings of the domain come out as old ones."""
EMOTIONAL_SHARE = 0.45
"""Of the domain sentences, spoken with the prosody of an acted recording."""


@dataclass(frozen=True, slots=True)
class Line:
    """One synthetic utterance; `start` and `samples` find it in its shard."""

    text: str
    source: str
    """`domain`, `mixed`, `everyday` or `other` (see `SHARES`)."""
    split: Split
    intent: str
    emotion: str
    """Label of the transplanted prosody; empty: the voice's own."""
    voice: str
    phones: tuple[str, ...]
    ends_s: tuple[float, ...]
    shard: str
    start: int
    samples: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is to be spoken."""

    text: str
    source: str
    split: Split = "train"
    intent: str = ""
    emotions: tuple[Emotion, ...] = ()
    """In which a person may plausibly say it."""


class Script:
    """Draws what is to be spoken."""

    def __init__(self, domain: Domain, data: Path) -> None:
        self.wordings: dict[Split, list[tuple[Intent, str]]] = {
            "train": list(templates(domain, "train")),
            "wording": list(templates(domain, "wording")),
            "intent": list(templates(domain, "intent")),
        }
        self.lines = [
            Sentence(person, "domain", intent=intent.name, emotions=tuple(follow.replies))
            for intent in domain.intents
            for follow in intent.follow_ups
            for person in follow.person
        ]
        self.lines += [
            Sentence(person, "domain", intent=dialogue.name, emotions=(emotion,))
            for dialogue in domain.dialogues
            if not held_out_dialogue(dialogue)
            for (person, _), emotion in zip(dialogue.turns, dialogue.emotions, strict=True)
        ]
        self.everyday = sorted(
            {t for turns in everyday_dialogues(data) for t in turns if speakable(t, most_words=12)}
        )
        self.other = unrelated_sentences(data)

    def draw(self, generator: np.random.Generator, split: Split = "train") -> Sentence:
        """Returns a sentence of `split`."""
        source = "domain"
        if split == "train":
            source = str(generator.choice(list(SHARES), p=list(SHARES.values())))
        if source == "mixed":
            return Sentence(self._mixed(generator), source)
        if source != "domain":
            pool = self.everyday if source == "everyday" else self.other
            return Sentence(pool[int(generator.integers(len(pool)))], source)
        return self._domain(generator, split)

    def _domain(self, generator: np.random.Generator, split: Split) -> Sentence:
        if split == "train" and self.lines and generator.random() < 0.25:
            return self.lines[int(generator.integers(len(self.lines)))]
        wordings = self.wordings[split]
        intent, template = wordings[int(generator.integers(len(wordings)))]
        text = fill(template, draw_values(intent, template, generator))
        return Sentence(text, "domain", split, intent.name, tuple(intent.replies))

    def _mixed(self, generator: np.random.Generator) -> str:
        """Returns the first words of one domain sentence and the last of another."""
        first, last = (self._domain(generator, "train").text.split() for _ in range(2))
        begin = first[: int(generator.integers(1, len(first) + 1))]
        end = last[int(generator.integers(len(last))) :]
        return " ".join([*begin, *end][:12])


def acted_prosodies(data: Path, *, held_out: bool = False) -> dict[Emotion, list[Prosody]]:
    """Returns the prosodies of RAVDESS actors 01 to 16, or with `held_out` of 17 to 20."""
    recordings: list[tuple[str, Emotion, NDArray[np.float32]]] = []
    for path in sorted((data / "emotion" / "ravdess").glob("Actor_*/*.flac")):
        emotion = ravdess_emotion(path)
        if emotion is not None and (int(path.stem.split("-")[-1]) > 16) == held_out:
            recordings.append((path.parent.name, emotion, read_mono(path)))
    return measure_prosody(recordings)


def ravdess_emotion(path: Path) -> Emotion | None:
    """Returns the emotion of a RAVDESS file; None for those left out (fearful, disgust)."""
    codes = {
        "01": Emotion.NEUTRAL,
        "02": Emotion.NEUTRAL,
        "03": Emotion.HAPPY,
        "04": Emotion.SAD,
        "05": Emotion.ANGRY,
        "08": Emotion.SURPRISE,
    }
    return codes.get(path.stem.split("-")[2])


def build_shard(
    folder: Path,
    number: int,
    script: Script,
    prosodies: dict[Emotion, list[Prosody]],
    *,
    split: Split = "train",
    sentences: int = SHARD_SENTENCES,
    seed: int = 1,
) -> int:
    """Speaks one shard into `folder` unless it is there; returns the sentences that failed.

    Raises:
        ValueError: Most sentences failed.
        OSError: The shard cannot be written.
    """
    name = f"{split}-{number:03d}"
    target = folder / f"{name}.jsonl"
    if target.exists():
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng([seed, number, ("train", "wording", "intent").index(split)])
    lines: list[Line] = []
    waveforms: list[NDArray[np.float32]] = []
    start = failed = 0
    for _ in range(sentences):
        sentence = script.draw(generator, split)
        voice = draw_voice(generator, held_out=split != "train")
        emotion = ""
        if sentence.emotions and generator.random() < EMOTIONAL_SHARE:
            feeling = sentence.emotions[int(generator.integers(len(sentence.emotions)))]
            choices = prosodies[feeling]
            if split == "train" and choices:
                voice = with_prosody(voice, choices[int(generator.integers(len(choices)))])
                emotion = feeling.label
        try:
            spoken = speak(sentence.text, voice)
        except OSError as error:
            logger.warning("%s", error)
            failed += 1
            continue
        phones = spoken.phones or phones_of([sentence.text])[0]
        if any(phone not in PHONES for phone in phones):
            failed += 1
            continue
        lines.append(
            Line(
                sentence.text,
                sentence.source,
                sentence.split,
                sentence.intent,
                emotion,
                f"{voice.engine}/{voice.name}",
                phones,
                tuple(round(end, 3) for end in spoken.ends_s),
                f"{name}.wav",
                start,
                spoken.waveform.size,
            )
        )
        waveforms.append(spoken.waveform)
        start += spoken.waveform.size
    if failed > sentences // 2:
        raise ValueError(
            f"{failed} of {sentences} sentences of {name} could not be spoken: look at the warnings"
        )
    sound = folder / f"{name}.wav"
    try:
        sf.write(sound, np.concatenate(waveforms), SAMPLE_RATE_HZ, subtype="PCM_16")
    except sf.LibsndfileError as error:
        raise OSError(f"{sound} cannot be written ({error}): is the disk full?") from error
    partial = target.with_suffix(".partial")
    partial.write_text("".join(json.dumps(asdict(line)) + "\n" for line in lines))
    partial.replace(target)
    return failed


def read_lines(folder: Path, split: Split) -> Iterator[Line]:
    """Yields the utterances of the finished shards of `split`.

    Raises:
        ValueError: A line is damaged.
    """
    for path in sorted(folder.glob(f"{split}-*.jsonl")):
        for number, text in enumerate(path.read_text().splitlines(), start=1):
            try:
                values = json.loads(text)
                phones, ends = tuple(values.pop("phones")), tuple(values.pop("ends_s"))
                yield Line(**values, phones=phones, ends_s=ends)
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{path}: line {number} is damaged: remove the file, and run `python -m train "
                    "nano` again to have it spoken anew"
                ) from error
