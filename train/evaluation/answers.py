"""What a model answers to each utterance of a test set, one line each, resumable."""

import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from models.blsp_emo import BlspEmo, HeardSpeech
from models.decoding.sampling import Sampling
from models.emotions import Emotion, emotion_from_label
from models.listening.listener import HeardEmotion, Listener
from models.prompts import RECOGNISE_EMOTION
from models.talk import TalkSession
from models.transcription import transcribe
from train.data.audio_files import read_audio
from train.data.manifest import Drops, Utterance
from train.evaluation.arriving import as_it_arrives
from train.evaluation.settings import AnsweringSettings

logger = logging.getLogger(__name__)

ANSWERED_TOKENS = 16
"""Longest answer to the question for the emotion."""

NAMES: dict[str, Emotion] = {
    "neutral": Emotion.NEUTRAL,
    "happy": Emotion.HAPPY,
    "happiness": Emotion.HAPPY,
    "joy": Emotion.HAPPY,
    "angry": Emotion.ANGRY,
    "anger": Emotion.ANGRY,
    "sad": Emotion.SAD,
    "sadness": Emotion.SAD,
    "surprise": Emotion.SURPRISE,
    "surprised": Emotion.SURPRISE,
}
"""Words that name an emotion in the LLM's answer."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model made of one utterance; what was not asked for is empty."""

    id: str
    emotion: int = -1
    """The true emotion; -1 where it is not known."""
    logits: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()
    """Calibrated."""
    abstained: bool = False
    """Whether the model is too uncertain of the emotion to be acted on."""
    asked: str = ""
    """The LLM's answer to the question for the emotion."""
    words: str = ""
    """The true words."""
    heard: str = ""
    """The words that were recognised."""
    reply: str = ""
    ended: bool = True
    """False: the reply was cut at its longest length."""
    reference: str = ""
    """The manifest's continuation."""
    delay_ms: float = 0.0
    """From the end of speech to the first text of the reply."""


@dataclass(frozen=True, slots=True)
class TimedReply:
    """A reply, whether it ended by itself, and when its first text was there."""

    text: str = ""
    ended: bool = True
    first_s: float = 0.0
    """On the clock of `time.perf_counter`; 0 where nothing was said."""


def parse_emotion(answer: str) -> int:
    """Returns the one emotion that an answer names; -1 if it names none or several."""
    found = {NAMES[word] for word in re.findall(r"[a-z]+", answer.lower()) if word in NAMES}
    return int(found.pop()) if len(found) == 1 else -1


def answer_all(
    model: BlspEmo | Listener,
    utterances: Sequence[Utterance],
    root: Path,
    settings: AnsweringSettings,
    record: Path,
) -> tuple[list[Prediction], Drops]:
    """Returns the answers to all utterances; those in `record` are not computed again.

    Args:
        model: In eval mode; a listener where emotion alone is wanted.
        utterances: The test set.
        root: What their audio references are relative to.
        settings: Which figures are wanted.
        record: JSONL file that is written line by line.
    """
    known = _read(record)
    drops = Drops()
    answers: list[Prediction] = []
    with record.open("a", encoding="utf-8") as file:
        for utterance in utterances:
            answer = known.get(utterance.id)
            if answer is None:
                try:
                    answer = answer_one(model, utterance, root, settings)
                except ValueError as error:
                    drops.add(str(error), utterance.id)
                    continue
                file.write(json.dumps(asdict(answer), ensure_ascii=False) + "\n")
                file.flush()
            answers.append(answer)
    return answers, drops


@torch.inference_mode()
def answer_one(
    model: BlspEmo | Listener, utterance: Utterance, root: Path, settings: AnsweringSettings
) -> Prediction:
    """Returns what the model makes of one utterance; a listener finds its emotion alone.

    Raises:
        ValueError: The audio cannot be read.
    """
    waveform = as_it_arrives(read_audio(utterance.audio, root), settings, utterance.id)
    emotion = int(emotion_from_label(utterance.emotion)) if utterance.emotion else -1
    if isinstance(model, Listener):
        return felt(utterance.id, emotion, model.hear_emotion(waveform))
    started = perf_counter()
    heard = model.hear(waveform)
    wanted = set(settings.figures)
    said = TimedReply()
    if wanted & {"replies", "judged", "delay"}:
        said = _reply(model, heard, utterance, settings)
    return Prediction(
        id=utterance.id,
        emotion=emotion,
        logits=tuple(heard.emotion_logits.tolist()),
        probabilities=heard.probabilities,
        abstained=heard.abstained,
        asked=ask_emotion(model, heard) if "asked" in wanted else "",
        words=utterance.text,
        heard=transcribe(model, heard).text if "words" in wanted else "",
        reply=said.text,
        ended=said.ended,
        reference=utterance.continuation,
        delay_ms=1000 * (said.first_s - started) if "delay" in wanted else 0.0,
    )


def felt(name: str, emotion: int, heard: HeardEmotion) -> Prediction:
    """Returns the prediction of an utterance's emotion alone.

    Args:
        name: Of the utterance.
        emotion: The true one; -1 where it is not known.
        heard: What the head made of it.
    """
    return Prediction(name, emotion, heard.logits, heard.probabilities, abstained=heard.abstained)


def ask_emotion(model: BlspEmo, heard: HeardSpeech) -> str:
    """Returns the LLM's answer to the paper's question for the emotion of the speech."""
    session = TalkSession(model, sampling=Sampling(max_new_tokens=ANSWERED_TOKENS))
    session.read(RECOGNISE_EMOTION)  # question and speech are one turn, as nothing lies between
    session.listen(session.fitting_speech(heard))
    return "".join(session.reply()).strip()


def _reply(
    model: BlspEmo, heard: HeardSpeech, utterance: Utterance, settings: AnsweringSettings
) -> TimedReply:
    """The reply in a talk whose earlier turns are read as text."""
    session = TalkSession(model, sampling=Sampling(max_new_tokens=settings.longest_tokens))
    for said, replied in utterance.history:
        session.read(session.fitting(said))
        session.replace_reply(replied)
    session.listen(session.fitting_speech(heard))
    first_s, pieces = 0.0, list[str]()
    for piece in session.reply():
        first_s = first_s or perf_counter()
        pieces.append(piece)
    return TimedReply("".join(pieces).strip(), not session.is_cut, first_s or perf_counter())


def _read(record: Path) -> dict[str, Prediction]:
    found: dict[str, Prediction] = {}
    if not record.exists():
        return found
    for line in _whole_lines(record):
        content: dict[str, Any] = json.loads(line)
        for name in ("logits", "probabilities"):
            content[name] = tuple(content[name])
        found[content["id"]] = Prediction(**content)
    return found


def _whole_lines(record: Path) -> Iterable[bytes]:
    """Cuts off a last line that a kill left incomplete."""
    content = record.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with record.open("r+b") as file:
            file.truncate(len(whole))
    return whole.splitlines()
