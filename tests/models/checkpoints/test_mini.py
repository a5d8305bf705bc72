"""The embedded checkpoint: only what was trained, and with its parts the real thing."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.embedded import EMBEDDED, parts_of_model
from models.talk import TalkSession
from models.transcription import transcribe
from tests.models.pretrained.real_parts import parts_or_skip
from tests.models.shipped import check_written_talk

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "models" / "mini"
MOST_BYTES = 60_000_000


@pytest.fixture(scope="module")
def mini() -> BlspEmo:
    parts_or_skip("mini")
    torch.set_num_threads(1)
    return BlspEmo.from_pretrained("mini", device="cpu")


def test_it_is_the_default_small_and_says_what_it_is_made_of() -> None:
    assert EMBEDDED == "mini"
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= MOST_BYTES
    licence = (FOLDER / "LICENSE").read_text()
    card = (FOLDER / "README.md").read_text()
    assert "NonCommercial" in licence
    assert "## What falls short" in card
    parts = parts_of_model("mini")
    assert {part.kind for part in parts} == {"speech", "llm", "sentences"}
    for part in parts:
        assert part.name in card
        assert part.licence in card and part.licence in licence


def test_written_talk_gets_replies_that_end(mini: BlspEmo) -> None:
    check_written_talk(mini)


@pytest.mark.parametrize(
    ("half", "whole"),
    [
        ("I'd like to", "I'd like a cup of coffee"),
        ("my sister and", "my sister and her dog are here"),
        ("what is the", "what is the time"),
    ],
)
def test_it_knows_by_the_words_whether_a_person_may_be_done(
    mini: BlspEmo, half: str, whole: str
) -> None:
    talk = TalkSession(mini)
    assert talk.completeness(half) < 0.2
    assert talk.completeness(whole) > 0.5


def test_speech_gives_emotion_words_and_a_reply(mini: BlspEmo) -> None:
    sound, rate = soundfile.read(ROOT / "examples" / "conversation.flac", dtype="float32")
    heard = mini.hear(sound[round(3.7 * rate) : round(6.6 * rate)].astype(np.float32))
    assert sum(heard.probabilities) == pytest.approx(1.0, abs=1e-5)
    assert "driving test" in transcribe(mini, heard).text.lower()
    talk = TalkSession(mini)
    talk.listen(heard)
    assert "".join(talk.reply()).strip()
