"""What nano is aligned on: synthetic and real speech with the replies of its domain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from models.emotions import Emotion, emotion_from_label
from models.prompts import NOT_UNDERSTOOD
from train.domain import Domain, Intent, cut_reply, fill, fitting, slots_of, templates
from train.manifest import Utterance, write_manifest
from train.nano_mishearing import Mishearing
from train.nano_recordings import Recording, librispeech, measured, ravdess, speechocean
from train.nano_sound_alikes import SoundAlikes
from train.nano_speech import Line, read_lines
from train.nano_text import spoken_form
from train.nano_text_batches import domain_words
from train.nano_tokenizer import TALK
from train.nano_word_times import pronunciations
from train.synthesis import SAMPLE_RATE_HZ

HISTORY_SHARE = 0.35
"""Of the utterances that open a topic: something else was talked about before."""
LONGEST_S = 12.0
"""Of real recordings."""


def write_manifests(folder: Path, domain: Domain, data: Path, *, seed: int) -> None:
    """Writes `semantic.jsonl` and `emotion.jsonl` beside the speech, unless they are there.

    The words of the second are given to the LLM as a recogniser may hear them.
    """
    semantic, emotion = folder / "semantic.jsonl", folder / "emotion.jsonl"
    if semantic.exists() and emotion.exists():
        return
    lines = list(read_lines(folder, "train"))
    outside = speechocean(data, held_out=False) + librispeech(data, held_out=False)
    real = measured(outside, longest_s=LONGEST_S)
    acted = measured(ravdess(data, held_out=False), longest_s=LONGEST_S)
    answers = Answers(domain, seed)
    write_manifest(semantic, semantic_utterances(lines, real, answers))
    words = domain_words(templates(domain, "train"))
    mishearing = Mishearing(words, SoundAlikes(pronunciations(words)))
    write_manifest(emotion, emotion_utterances(lines, acted + real[::3], answers, mishearing))


@dataclass(frozen=True, slots=True)
class Asked:
    """What may be answered to an utterance."""

    intent: Intent
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, what it is about, and the talk before it."""

    reply: str
    topic: str
    history: tuple[tuple[str, str], ...] = ()


class Answers:
    """Finds the replies that the domain holds for a spoken line."""

    def __init__(self, domain: Domain, seed: int = 1) -> None:
        self.domain = domain
        self.generator = np.random.default_rng(seed)
        self.by_text: dict[tuple[str, str], Asked] = {}
        for intent in domain.intents:
            for template in intent.utterances:
                names = sorted(slots_of(template))
                for choice in product(*(intent.slots[name] for name in names)):
                    values = dict(zip(names, choice, strict=True))
                    self.by_text[intent.name, fill(template, values)] = Asked(intent, values)
        self.dialogues = {dialogue.name: dialogue for dialogue in domain.dialogues}
        self.intents = {intent.name: intent for intent in domain.intents}
        self._openings = list(self.by_text.values())
        self._texts = list(self.by_text)

    def question(self) -> Answer:
        """Returns a question back."""
        return Answer(self._one(self.domain.questions), NOT_UNDERSTOOD)

    def reply(self, text: str, intent: str, emotion: Emotion) -> Answer | None:
        """Returns a reply to `text` in `emotion`; None if there is none."""
        asked = self.by_text.get((intent, text))
        if asked is not None:
            choices = fitting(asked.intent.replies.get(emotion, ()), asked.values)
            return Answer(self._one(choices), intent, self._before()) if choices else None
        if intent in self.dialogues:
            return self._in_dialogue(text, intent)
        for follow in self.intents[intent].follow_ups if intent in self.intents else ():
            if text in follow.person and follow.replies.get(emotion):
                first = self._opening(self.intents[intent], emotion)
                choices = fitting(follow.replies[emotion], {})
                return Answer(self._one(choices), intent, first) if choices and first else None
        return None

    def _in_dialogue(self, text: str, name: str) -> Answer | None:
        dialogue = self.dialogues[name]
        history: list[tuple[str, str]] = []
        for number, (person, answer) in enumerate(dialogue.turns):
            if person == text:
                return Answer(answer, TALK, tuple(history[-4:]))
            heard = cut_reply(answer, self.generator) if number == dialogue.cut else answer
            history.append((spoken_form(person), heard))
        return None

    def _opening(self, intent: Intent, emotion: Emotion) -> tuple[tuple[str, str], ...]:
        plain = [t for t in intent.utterances if not slots_of(t)]
        replies = fitting(intent.replies.get(emotion, ()), {})
        if not plain or not replies:
            return ()
        return ((spoken_form(self._one(plain)), self._one(replies)),)

    def _before(self) -> tuple[tuple[str, str], ...]:
        """Returns no, one or two earlier exchanges about something else."""
        if self.generator.random() >= HISTORY_SHARE:
            return ()
        turns: list[tuple[str, str]] = []
        for _ in range(int(self.generator.integers(1, 4))):
            number = int(self.generator.integers(len(self._texts)))
            asked = self._openings[number]
            if asked.intent.split(asked.intent.utterances[0]) == "intent":
                continue
            replies = fitting(asked.intent.replies[Emotion.NEUTRAL], asked.values)
            if replies:
                answer = self._one(replies)
                if self.generator.random() < 0.2:
                    answer = cut_reply(answer, self.generator)
                turns.append((spoken_form(self._texts[number][1]), answer))
        return tuple(turns)

    def _one(self, texts: Sequence[str]) -> str:
        return texts[int(self.generator.integers(len(texts)))]


def semantic_utterances(
    lines: Sequence[Line], recordings: Sequence[tuple[Recording, int]], answers: Answers
) -> Iterator[Utterance]:
    """Yields speech with neutral replies; unrelated speech is asked back about."""
    for number, line in enumerate(lines):
        if line.source == "other":
            yield _spoken(number, line, answers.question())
        elif line.source == "domain" and "{" not in line.text:
            found = answers.reply(line.text, line.intent, Emotion.NEUTRAL)
            if found is not None:
                yield _spoken(number, line, found)
    for number, (recording, samples) in enumerate(recordings):
        yield _real(number, recording, samples, answers.question())


def emotion_utterances(
    lines: Sequence[Line],
    recordings: Sequence[tuple[Recording, int]],
    answers: Answers,
    mishearing: Mishearing,
) -> Iterator[Utterance]:
    """Yields the same words in several emotions with the reply that fits each.

    Synthetic voices carry a transplanted prosody; acted recordings are answered as talk about
    what is by the door. A voice without an emotion of its own counts as neutral.
    """
    for number, line in enumerate(lines):
        if line.source == "other":
            yield _spoken(number, line, answers.question(), emotion=line.emotion or "neutral")
        elif line.source == "domain" and "{" not in line.text:
            emotion = emotion_from_label(line.emotion or "neutral")
            found = answers.reply(line.text, line.intent, emotion)
            if found is not None:
                spoken = _spoken(number, line, found, emotion=emotion.label)
                heard = mishearing.heard(spoken.text, answers.generator)
                yield spoken.model_copy(update={"text": heard})
    for number, (recording, samples) in enumerate(recordings):
        if recording.corpus == "ravdess":
            emotion = emotion_from_label(recording.emotion)
            replies = answers.intents["by_the_door"].replies[emotion]
            for copy in range(2):
                reply = replies[int(answers.generator.integers(len(replies)))]
                answer = Answer(reply, "by_the_door")
                yield _real(2 * number + copy, recording, samples, answer, emotion.label)
        else:
            yield _real(number, recording, samples, answers.question(), "neutral")


def _spoken(
    number: int,
    line: Line,
    answer: Answer,
    *,
    emotion: str | None = None,
) -> Utterance:
    return Utterance(
        id=f"{line.shard}-{number}",
        audio=f"{line.shard}:{line.start}:{line.samples}",
        text=spoken_form(line.text),
        speaker=line.voice,
        emotion=emotion,
        corpus="synthetic",
        duration_s=line.samples / SAMPLE_RATE_HZ,
        history=answer.history,
        continuation=answer.reply,
        topic=answer.topic,
    )


def _real(
    number: int, recording: Recording, samples: int, answer: Answer, emotion: str | None = None
) -> Utterance:
    return Utterance(
        id=f"{recording.path.stem}-{number}",
        audio=str(recording.path.resolve()),
        text=spoken_form(recording.text),
        speaker=f"{recording.corpus}/{recording.speaker}",
        emotion=emotion,
        corpus=recording.corpus,
        duration_s=samples / SAMPLE_RATE_HZ,
        continuation=answer.reply,
        topic=answer.topic,
    )
