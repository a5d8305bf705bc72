from pathlib import Path

import numpy as np
import pytest

from models.config import ExamplesConfig
from models.emotions import Emotion
from models.examples.meaning import SentenceEncoder
from models.examples.written import Example
from models.prompts import chat_prompts
from tests.models.examples.small_encoder import write_encoder
from tests.models.small import byte_tokenizer
from train.alignment.losses import IGNORED
from train.language.material import Exchange, WrittenTalk
from train.language.rows import RowWriter
from train.language.shown import ShownExamples

LATE = Exchange("My train is late.", Emotion.SAD, "All day?")
TALK = WrittenTalk("talk", (Exchange("Hello.", None, "Hi!"), LATE))
EXAMPLES = (
    Example("My train is late.", "Ours too."),
    Example("my train is late again", "All day?"),
    Example("I baked bread.", "That smells good."),
    Example("The sun shines today.", "At last."),
)


@pytest.fixture
def shown(tmp_path: Path) -> ShownExamples:
    encoder = SentenceEncoder(write_encoder(tmp_path / "encoder"))
    return ShownExamples(EXAMPLES, [TALK], encoder, ExamplesConfig(count=2, least=0.0))


def test_what_gives_the_answer_away_is_not_shown(shown: ShownExamples) -> None:
    assert {example.said for example in shown.like(LATE)} <= {
        "I baked bread.",
        "The sun shines today.",
    }
    assert shown.like(LATE)


def test_from_none_to_all_are_drawn_and_the_most_similar_stay(shown: ShownExamples) -> None:
    all_of_them = shown.like(LATE)
    drawn = [shown.drawn(LATE, np.random.default_rng(seed)) for seed in range(40)]
    assert {len(found) for found in drawn} == set(range(len(all_of_them) + 1))
    assert all(found == all_of_them[len(all_of_them) - len(found) :] for found in drawn)


def test_they_stand_before_the_last_words_and_are_not_learnt(shown: ShownExamples) -> None:
    writer = RowWriter(chat_prompts(byte_tokenizer()), "Be kind.", 900, shown)
    rows = [writer.row([TALK], np.random.default_rng(seed), follows=0.0) for seed in range(20)]
    texts = [byte_tokenizer().decode(row.ids).lower() for row in rows]
    assert any("that smells good" in text or "at last" in text for text in texts)
    assert all(text.index("hi!") < text.index("my train is late") for text in texts)
    for row in rows:
        learnt = byte_tokenizer().decode([label for label in row.labels if label != IGNORED])
        assert learnt.replace("Hi!", "") == "All day?"
        assert len(row.ids) <= len(writer.prompts.opening("Be kind.")) + writer.length(TALK)
