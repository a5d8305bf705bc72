"""Which words are likely: trigrams, their file, and spellings that grow token by token."""

import math
from pathlib import Path

import numpy as np
import pytest

from models.blsp_emo import BlspEmo
from models.checkpoint import CheckpointError, save
from models.word_model import EDGE, WordGuide, WordModel
from tests.models.small import tiny_model
from train.word_counts import word_model

SENTENCES = {"my dog is ill": 3, "my dog is here": 2, "a cat is here": 1, "dogs bark": 1}
MODEL = word_model(SENTENCES)


def score(model: WordModel, *words: str) -> float:
    numbers = [EDGE if word == "." else model.number(word) for word in words]
    return model.score(*numbers)


@pytest.mark.parametrize("before", [(".", "."), (".", "my"), ("my", "dog"), ("cat", "dog")])
def test_probabilities_of_known_words_and_the_end_add_up(before: tuple[str, str]) -> None:
    following = [".", *MODEL.words]
    total = sum(math.exp(score(MODEL, *before, word)) for word in following)
    assert total == pytest.approx(1.0, abs=2e-3)


def test_what_was_seen_is_likelier_the_more_of_it_was_seen() -> None:
    seen = score(MODEL, "dog", "is", "ill")
    pair_only = score(MODEL, "cat", "is", "ill")
    word_only = score(MODEL, "my", "cat", "ill")
    unknown = score(MODEL, "dog", "is", "zebra")
    assert seen > pair_only > word_only > unknown > -20.0


def test_the_file_gives_the_same_back(tmp_path: Path) -> None:
    MODEL.save(tmp_path / "words.safetensors")
    back = WordModel.load(tmp_path / "words.safetensors")
    assert back.words == MODEL.words
    for words in (("my", "dog", "is"), (".", ".", "a"), ("is", "here", ".")):
        assert score(back, *words) == score(MODEL, *words)


@pytest.mark.parametrize("damage", ["short", "empty", "mixed"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "words.safetensors"
    MODEL.save(path)
    if damage == "short":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        from safetensors.numpy import load_file, save_file

        arrays = load_file(path)
        arrays["pair_scores"] = arrays["pair_scores"][:-1]
        save_file(arrays, path)
    with pytest.raises(CheckpointError, match=r"words\.safetensors .*copy it again"):
        WordModel.load(path)


def test_a_checkpoint_carries_it(tmp_path: Path) -> None:
    model = tiny_model(adapter="ctc", decoder=True)
    model.word_model = MODEL
    save(model, tmp_path)
    back = BlspEmo.from_pretrained(tmp_path, dtype="float32", device="cpu").word_model
    assert back is not None and np.array_equal(back.triples, MODEL.triples)


def test_a_guide_counts_words_when_they_are_complete() -> None:
    pieces = [" my", " do", "g", " is", " i", "ll"]
    guide = WordGuide(MODEL, pieces)
    state = guide.begin()
    for token in (0, 1, 2):
        state = guide.extended(state, token)
    assert state.score == pytest.approx(score(MODEL, ".", ".", "my"))
    # The word that is not complete counts at its best: as "dog", though "dogs" begins so, too.
    assert guide.outlook(state) - state.score == pytest.approx(
        float(MODEL.unigrams[MODEL.number("dog")])
    )
    for token in (3, 4, 5):
        state = guide.extended(state, token)
    parts = [(".", ".", "my"), (".", "my", "dog"), ("my", "dog", "is"), ("dog", "is", "ill")]
    whole = sum(score(MODEL, *part) for part in parts) + score(MODEL, "is", "ill", ".")
    assert guide.total(state) == pytest.approx(whole)


def test_a_beginning_of_no_word_counts_as_an_unknown_one() -> None:
    guide = WordGuide(MODEL, [" x", "q"])
    state = guide.extended(guide.extended(guide.begin(), 0), 1)
    assert guide.outlook(state) == pytest.approx(float(MODEL.unigrams[MODEL.unknown]))


def test_no_sentences_are_refused() -> None:
    with pytest.raises(ValueError, match="no sentences"):
        word_model({})
