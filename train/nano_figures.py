"""`python -m train nano-figures`: what a nano checkpoint hears, understands and answers."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from models.blsp_emo import BlspEmo, Heard
from models.emotions import EMOTION_LABELS, emotion_from_label
from models.talk import TalkSession
from models.transcription import transcribe
from train.domain import read_domain
from train.metrics import (
    Figure,
    bootstrap,
    of_answers,
    repeated_ngram,
    unweighted_accuracy,
    word_error_rate,
)
from train.nano_bench import Bench, Figures
from train.nano_emotion_figures import emotion_figures
from train.nano_judges import ASKED_BACK, ReplyJudge, all_replies, held_out_accuracy, lexicon
from train.nano_recordings import Recording, librispeech, ravdess, speechocean
from train.nano_speech import Line, read_lines
from train.nano_text import spoken_form
from train.nano_transplants import transplanted
from train.settings import Frozen
from train.surroundings import Surroundings, read_mono, with_noise

logger = logging.getLogger(__name__)


Topic = Literal[
    "emotion", "words", "understanding", "unrelated", "empathy", "transplanted", "latency"
]
TOPICS: tuple[Topic, ...] = get_args(Topic)
BEFORE = ("I got a new job.", "It is raining again.")
"""What is typed in the turns before the third."""
LATER = 100
"""Most items that are judged at turn 3."""


class NanoFiguresSettings(Frozen):
    """Judges a nano checkpoint on held-out wordings, voices and actors."""

    model: Path = Path("models/nano")
    """Checkpoint folder."""
    speech: Path = Path("runs/nano/speech")
    """Folder with the held-out synthetic speech that `python -m train nano` made."""
    data: Path = Path("../shared/data")
    """Real recordings."""
    out: Path = Path("runs/nano/figures.json")
    """Where the figures are written, beside what is printed."""
    most: int = Field(default=200, ge=10)
    """Most items behind a figure that needs replies."""
    only: tuple[Topic, ...] = TOPICS
    """What is measured; all of it if not given."""


def nano_figures(settings: NanoFiguresSettings) -> None:
    """Measures everything and writes it.

    Raises:
        ValueError: Held-out speech or real recordings are missing.
    """
    torch.set_num_threads(1)
    model = BlspEmo.from_pretrained(settings.model, dtype="float32", device="cpu")
    domain = read_domain()
    bench = Bench(model, domain, ReplyJudge(domain), Figures())
    by_intent, by_emotion = held_out_accuracy(domain)
    bench.figures.notes |= {"judge_intent_cv": by_intent, "judge_emotion_cv": by_emotion}
    logger.info("judges: intent %.3f, emotion %.3f (cross-validated)", by_intent, by_emotion)
    wordings = list(read_lines(settings.speech, "wording"))[-settings.most :]
    intents = list(read_lines(settings.speech, "intent"))[: settings.most // 2]
    if not wordings:
        raise ValueError(f"{settings.speech} holds no held-out speech: run `python -m train nano`")
    measures: dict[Topic, Callable[[], None]] = {
        "emotion": lambda: emotion_figures(bench, settings.data),
        "words": lambda: word_figures(bench, settings, wordings),
        "understanding": lambda: understanding_figures(bench, settings, wordings, intents),
        "unrelated": lambda: unrelated_figures(bench, settings),
        "empathy": lambda: empathy_figures(bench, settings),
        "transplanted": lambda: transplanted_figures(bench, settings, wordings),
        "latency": lambda: latency_figures(bench, settings),
    }
    for topic, measure in measures.items():
        if topic in settings.only:
            measure()
    if bench.replies:
        reply_figures(bench)
    bench.figures.write(settings.out)


def word_figures(bench: Bench, settings: NanoFiguresSettings, lines: Sequence[Line]) -> None:
    """Word errors of held-out wordings in held-out voices, and of real people."""
    noises = Surroundings.read(settings.data / "noise", held_out=True).noises
    generator = np.random.default_rng(5)
    clean: list[tuple[str, str]] = []
    noisy: list[tuple[str, str]] = []
    for line in lines:
        speech = _speech(settings.speech, line)
        noise = noises[int(generator.integers(len(noises)))]
        clean.append((spoken_form(line.text), _words(bench.model, speech)))
        noisy.append(
            (clean[-1][0], _words(bench.model, with_noise(speech, noise, 10.0, generator)))
        )
    bench.figures.add("WER, held-out wordings and voices, clean", word_error_rate(clean))
    bench.figures.add("WER, held-out wordings and voices, 10 dB noise", word_error_rate(noisy))
    for engine in ("festival", "espeak"):
        part = [p for p, line in zip(clean, lines, strict=True) if line.voice.startswith(engine)]
        if part:
            bench.figures.add(f"WER, held-out wordings, {engine}", word_error_rate(part))
    for name, recordings in (
        ("speechocean762 test", speechocean(settings.data, held_out=True)[::12]),
        ("LibriSpeech 19/26 held out", librispeech(settings.data, held_out=True)),
    ):
        pairs = [
            (spoken_form(r.text), _words(bench.model, read_mono(r.path)))
            for r in _spread(recordings, settings.most)
        ]
        if pairs:
            bench.figures.add(f"WER, {name}", word_error_rate(pairs))


def understanding_figures(
    bench: Bench,
    settings: NanoFiguresSettings,
    wordings: Sequence[Line],
    intents: Sequence[Line],
) -> None:
    """Whether the reply to speech is about what the reply to the true words is about."""
    for name, lines in (("held-out wordings", wordings), ("held-out intents", intents)):
        heard = [bench.model.hear(_speech(settings.speech, line)) for line in lines]
        spoken = bench.judge.intents([bench.answer(h) for h in heard])
        written = bench.judge.intents([bench.answer(spoken_form(line.text)) for line in lines])
        bench.figures.add(f"same intent as from text, {name}", _share(spoken, written))
        if name == "held-out wordings":
            truth = [line.intent for line in lines]
            bench.figures.add("right intent from text, held-out wordings", _share(written, truth))
            bench.figures.add("right intent from speech, held-out wordings", _share(spoken, truth))
            asked = [reply == ASKED_BACK for reply in spoken]
            bench.figures.add("domain speech wrongly asked back", _rate(asked))
            _later_figures(bench, lines[:LATER], heard, spoken[:LATER], written[:LATER])


def _later_figures(
    bench: Bench,
    lines: Sequence[Line],
    heard: Sequence[Heard],
    spoken: Sequence[str],
    written: Sequence[str],
) -> None:
    """The same at turn 3, where speech and text follow the same two exchanges."""

    def later(said: Sequence[Heard | str]) -> list[str]:
        return bench.judge.intents([bench.answer(s, before=BEFORE) for s in said])

    spoken_later = later(heard[: len(lines)])
    written_later = later([spoken_form(line.text) for line in lines])
    truth = [line.intent for line in lines]
    for turn, of_speech, of_text in (
        ("turn 3", spoken_later, written_later),
        ("turn 1 of the same", spoken, written),
    ):
        bench.figures.add(f"same intent as from text, {turn}", _share(of_speech, of_text))
        bench.figures.add(f"right intent from speech, {turn}", _share(of_speech, truth))


def unrelated_figures(bench: Bench, settings: NanoFiguresSettings) -> None:
    """How often speech outside the domain gets a question back."""
    recordings = librispeech(settings.data, held_out=True)
    recordings += speechocean(settings.data, held_out=True)[::25]
    recordings = _spread(recordings, settings.most)
    replies = [bench.answer(bench.model.hear(read_mono(r.path))) for r in recordings]
    asked = [intent == ASKED_BACK for intent in bench.judge.intents(replies)]
    bench.figures.add("real speech outside the domain asked back", _rate(asked))


def empathy_figures(bench: Bench, settings: NanoFiguresSettings) -> None:
    """Same words, five emotions, real voices: whether the reply fits the voice."""
    recordings = _spread(ravdess(settings.data, held_out=True), settings.most)
    truth = [int(emotion_from_label(r.emotion)) for r in recordings]
    given: dict[str, list[str]] = {"heard": [], "told": [], "blind": []}
    for recording, emotion in zip(recordings, truth, strict=True):
        heard = bench.model.hear(read_mono(recording.path))
        told = np.eye(len(EMOTION_LABELS))[emotion]
        even = np.full(len(EMOTION_LABELS), 1.0 / len(EMOTION_LABELS))
        given["heard"].append(bench.answer(heard))
        given["told"].append(bench.answer(_heard_as(bench.model, heard, told)))
        given["blind"].append(bench.answer(_heard_as(bench.model, heard, even)))
    for name, replies in given.items():
        guess = [int(e) for e in bench.judge.emotions(replies)]
        bench.figures.add(
            f"emotional fit of replies, emotion {name}",
            of_answers(unweighted_accuracy, truth, guess, len(EMOTION_LABELS)),
        )


def transplanted_figures(
    bench: Bench, settings: NanoFiguresSettings, wordings: Sequence[Line]
) -> None:
    """What is heard and answered where a synthetic voice has the prosody of an actor."""
    truth: list[int] = []
    heard_as: list[int] = []
    replies: list[str] = []
    for waveform, emotion in transplanted(bench.domain, wordings, settings.data):
        heard = bench.model.hear(waveform)
        truth.append(int(emotion))
        heard_as.append(int(heard.emotion_logits.argmax()))
        replies.append(bench.answer(heard))
    fits = [int(e) for e in bench.judge.emotions(replies)]
    for name, guess in (("emotion UA", heard_as), ("emotional fit of replies", fits)):
        bench.figures.add(
            f"{name}, transplanted prosody",
            of_answers(unweighted_accuracy, truth, guess, len(EMOTION_LABELS)),
        )


def reply_figures(bench: Bench) -> None:
    """What all the replies that were given look like."""
    known, words = all_replies(bench.domain), lexicon(bench.domain)
    texts = [text for text, _ in bench.replies]
    bench.figures.add(
        "replies word for word in the training text",
        _rate([spoken_form(text) in known for text in texts]),
    )
    bad = [
        repeated_ngram(text)
        or not ended
        or not text
        or bool(set(spoken_form(text).split()) - words)
        for text, ended in bench.replies
    ]
    bench.figures.add("replies with a repeated 4-gram, no end, or no word", _rate(bad))


def latency_figures(bench: Bench, settings: NanoFiguresSettings) -> None:
    """Milliseconds from 4 s of speech to the first token, on one thread."""
    waveform = np.concatenate(
        [_speech(settings.speech, line) for line in read_lines(settings.speech, "wording")][:4]
    )[: 4 * 16_000]
    taken: list[float] = []
    for _ in range(15):
        start = time.perf_counter()
        talk = TalkSession(bench.model)
        talk.listen(bench.model.hear(waveform))
        next(iter(talk.reply()))
        taken.append(1000 * (time.perf_counter() - start))
    bench.figures.notes |= {
        "first token p50 ms": float(np.quantile(taken[2:], 0.5)),
        "first token p95 ms": float(np.quantile(taken[2:], 0.95)),
    }


def _heard_as(model: BlspEmo, heard: Heard, emotions: NDArray[np.float64]) -> Heard:
    """Returns `heard` as if the head had given these probabilities."""
    from dataclasses import replace

    told = torch.tensor(emotions, dtype=torch.float32)[None]
    with torch.inference_mode():
        spelled = heard.spelled or (None,) * len(heard.speech_states)
        embedded = [
            model.understood(states, words, told).of(0)
            for states, words in zip(heard.speech_states, spelled, strict=True)
        ]
    return replace(heard, speech_embeddings=torch.cat(embedded))


def _spread(recordings: list[Recording], most: int) -> list[Recording]:
    """Returns at most about `most` recordings, evenly from the whole list."""
    return recordings[:: max(1, round(len(recordings) / most))]


def _words(model: BlspEmo, waveform: NDArray[np.float32]) -> str:
    return transcribe(model, model.hear(waveform)).text


def _speech(folder: Path, line: Line) -> NDArray[np.float32]:
    return read_mono(folder / line.shard, line.start, line.samples)


def _share(given: Sequence[str], wanted: Sequence[str]) -> Figure:
    return _rate([a == b for a, b in zip(given, wanted, strict=True)])


def _rate(flags: Sequence[bool]) -> Figure:
    values = np.asarray(flags, dtype=np.float64)
    return bootstrap(lambda chosen: float(values[chosen].mean()), len(values))
