"""The checkpoint of last resort: small enough, complete, and the real thing from end to end."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.long_talk import SAID, is_whole, repeats
from models.blsp_emo import BlspEmo
from models.config import WordConfidenceConfig
from models.generation import Sampling
from models.prompts import NOT_UNDERSTOOD
from models.talk import TalkSession
from models.transcription import transcribe
from tests.models.shipped import check_written_talk

FOLDER = Path(__file__).parents[2] / "models" / "nano"
MOST_BYTES = 60_000_000


@pytest.fixture(scope="module")
def nano() -> BlspEmo:
    torch.set_num_threads(1)
    return BlspEmo.from_pretrained(FOLDER, dtype="float32", device="cpu")


def test_it_is_small_and_says_what_it_is() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= MOST_BYTES
    assert "NonCommercial" in (FOLDER / "LICENSE").read_text()
    assert "## What falls short" in (FOLDER / "README.md").read_text()


def test_written_talk_gets_replies_that_end(nano: BlspEmo) -> None:
    check_written_talk(nano)


def test_speech_gives_emotion_words_and_a_reply(nano: BlspEmo) -> None:
    generator = np.random.default_rng(1)
    heard = nano.hear(0.05 * generator.standard_normal(24_000).astype(np.float32))
    assert sum(heard.probabilities) == pytest.approx(1.0, abs=1e-5)
    assert transcribe(nano, heard).source == "decoder"
    talk = TalkSession(nano)
    talk.listen(heard)
    assert "".join(talk.reply()).strip()


def test_the_emotion_that_is_told_changes_the_embeddings(nano: BlspEmo) -> None:
    states = nano.encode(nano.features([np.full(16_000, 0.01, dtype=np.float32)]))
    with torch.inference_mode():
        told = [nano.adapt(states, emotions=torch.eye(5)[[e]]).embeddings for e in (1, 3)]
    assert float((told[0] - told[1]).abs().max()) > 1e-3


def test_what_was_hardly_understood_is_asked_back(
    nano: BlspEmo, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(2).normal(0, 0.05, 32_000).astype(np.float32)
    heard = nano.hear(noise)
    (topic,) = nano.prompts.topic(NOT_UNDERSTOOD)

    unsure = WordConfidenceConfig(decoder=0.0, spelling=0.0, offset=-3.0)
    monkeypatch.setattr(nano, "config", replace(nano.config, word_confidence=unsure))

    def asked_back(talk: TalkSession) -> int:
        return [id for piece in talk.pieces for id in piece.ids or ()].count(topic)

    talk = TalkSession(nano)
    talk.listen(heard)
    question = "".join(talk.reply())
    assert question.endswith("?") and asked_back(talk) == 1
    talk.truncate(question.split()[0])
    assert asked_back(talk) == 1, "what was heard of it is still a question back"
    talk.read("I was given a puppy for my birthday.")
    assert "".join(talk.reply()) and asked_back(talk) == 1


def test_thirty_turns_are_all_answered_in_whole_sentences(nano: BlspEmo) -> None:
    talk = TalkSession(nano, sampling=Sampling(max_new_tokens=60))
    replies: list[str] = []
    for number in range(30):
        text = SAID[number % len(SAID)]
        talk.read(talk.fitting(" ".join(SAID * 6)) if number == 14 else text)
        replies.append("".join(talk.reply()).strip())
    broken = [reply for reply in replies if not is_whole(reply) or repeats(reply)]
    assert broken == []
    assert len(set(replies)) > 20
