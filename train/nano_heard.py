"""What nano's own ears make of sentences, and conversations in which people are heard so."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.blsp_emo import BlspEmo
from models.emotions import Emotion
from models.prompts import NOT_UNDERSTOOD
from models.transcription import transcribe
from train.domain import fitting
from train.nano_speech import Line
from train.nano_text import spoken_form
from train.nano_text_batches import NAMED_SHARE, ConversationSource, Openings, Turn, Wordings
from train.surroundings import Surroundings, faster, read_mono, with_noise

NOISY_SHARE, NOISE_DB = 0.5, (2.0, 12.0)
"""Of the sentences that are listened to: in so much noise, the others as in other training."""
HEARD_OPENINGS, HEARD_TURNS = 0.25, 0.15
"""Of what is said first, and of all exchanges: a sentence as it was heard."""
CONFUSED_SHARE = 0.6
"""Of the other things said, where they are misheard at all: as these words were heard elsewhere."""
LONGEST_SAID, LONGEST_HEARD = 3, 4
"""Words of a confusion."""


class HeardSentence(NamedTuple):
    """One sentence of the domain."""

    intent: str
    said: str
    """In its spoken form."""
    heard: str
    at_s: float
    """Time spent listening before it."""


def listen(
    model: BlspEmo,
    lines: Sequence[Line],
    folder: Path,
    around: Surroundings,
    out: Path,
    *,
    seconds: float,
    seed: int,
) -> list[HeardSentence]:
    """Writes what `model` hears of `lines`, in random order, for so long; goes on after a kill."""
    done = read_heard(out) if out.exists() else []
    out.write_text("".join(json.dumps(one._asdict()) + "\n" for one in done), encoding="utf-8")
    order = np.random.default_rng(seed).permutation(len(lines))
    before_s, begun_s = (done[-1].at_s if done else 0.0), time.monotonic()
    with out.open("a", encoding="utf-8") as file:
        for number in range(len(done), len(lines)):
            at_s = before_s + time.monotonic() - begun_s
            if at_s > seconds:
                break
            line = lines[int(order[number])]
            waveform = read_mono(folder / line.shard, line.start, line.samples)
            waveform = _disturbed(waveform, around, np.random.default_rng([seed, number]))
            heard = transcribe(model, model.hear(waveform)).text
            done.append(HeardSentence(line.intent, spoken_form(line.text), heard, at_s))
            file.write(json.dumps(done[-1]._asdict()) + "\n")
            file.flush()
    return done


def read_heard(path: Path) -> list[HeardSentence]:
    """Returns what `listen` has written, without a last line that a kill cut off."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [HeardSentence(**json.loads(line)) for line in whole.splitlines()]


def _disturbed(
    waveform: NDArray[np.float32], around: Surroundings, generator: np.random.Generator
) -> NDArray[np.float32]:
    if generator.random() < 0.5:
        waveform = faster(waveform, float(generator.uniform(0.85, 1.18)))
    if not around.noises or generator.random() >= NOISY_SHARE:
        return around.disturb(waveform, generator)
    noise = around.noises[int(generator.integers(len(around.noises)))]
    return with_noise(waveform, noise, float(generator.uniform(*NOISE_DB)), generator)


class Confusions:
    """Words that were heard in place of others, and how often."""

    def __init__(self, sentences: Iterable[HeardSentence]) -> None:
        self._instead: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
        for sentence in sentences:
            said, heard = sentence.said.split(), sentence.heard.split()
            matcher = SequenceMatcher(None, said, heard, autojunk=False)
            for kind, i, j, k, m in matcher.get_opcodes():
                if kind == "insert" and i > 0:
                    i, k = i - 1, k - 1  # beside the word before it
                elif kind not in ("replace", "delete"):
                    continue
                if j - i <= LONGEST_SAID and m - k <= LONGEST_HEARD:
                    self._instead[tuple(said[i:j])].append(tuple(heard[k:m]))

    def __len__(self) -> int:
        return len(self._instead)

    def heard(self, spoken: str, generator: np.random.Generator) -> str:
        """Returns `spoken` with some of its words as they were heard; the more often, the more."""
        words, out, place = spoken.split(), list[str](), 0
        while place < len(words):
            for length in range(LONGEST_SAID, 0, -1):
                instead = self._instead.get(tuple(words[place : place + length]))
                if instead and generator.random() < min(0.8, 0.12 + 0.05 * len(instead) ** 0.5):
                    out += instead[int(generator.integers(len(instead)))]
                    place += length
                    break
            else:
                out.append(words[place])
                place += 1
        return " ".join(out) or spoken


@dataclass
class HeardConversations(ConversationSource):
    """Draws conversations in which people are often heard as nano's own ears heard them."""

    sentences: Sequence[HeardSentence] = ()
    _confusions: Confusions = field(init=False)
    _as_heard: dict[Emotion, Wordings] = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._confusions = Confusions(self.sentences)
        intents = {intent.name: intent for intent in self.domain.intents}
        heard = [
            (intents[s.intent], s.heard) for s in self.sentences if s.heard and s.intent in intents
        ]
        self._as_heard = {
            emotion: Wordings([(i, text) for i, text in heard if i.replies.get(emotion)])
            for emotion in Emotion
        }

    def openings(self, generator: np.random.Generator) -> Openings:
        """Returns utterances of one emotion, each the first of a talk of its own."""
        drawn = super().openings(generator)
        wordings = self._as_heard[Emotion.NEUTRAL if drawn.emotion is None else drawn.emotion]
        said = list(drawn.said)
        for number, (_, topic) in enumerate(said):
            if wordings and topic != NOT_UNDERSTOOD and generator.random() < HEARD_OPENINGS:
                intent, text = wordings.draw(generator)
                said[number] = (text, intent.name)
        return Openings(drawn.emotion, tuple(said))

    def _turns(self, emotion: Emotion, generator: np.random.Generator) -> list[Turn]:
        wordings = self._as_heard[emotion]
        if wordings and generator.random() < HEARD_TURNS:
            intent, text = wordings.draw(generator)
            choices = fitting(intent.replies[emotion], {})
            if choices:
                reply = choices[int(generator.integers(len(choices)))]
                named = bool(generator.random() < NAMED_SHARE)
                return [Turn(text, reply, topic=intent.name, names_topic=named)]
        return super()._turns(emotion, generator)

    def _misheard(self, spoken: str, generator: np.random.Generator) -> str:
        if self._confusions and generator.random() < CONFUSED_SHARE:
            return self._confusions.heard(spoken, generator)
        return super()._misheard(spoken, generator)
