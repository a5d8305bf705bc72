import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from models.examples.meaning import LONGEST, TOGETHER, MeaningIndex, SentenceEncoder
from models.examples.vectors import KEPT, kept_vectors
from models.weights import CheckpointError
from tests.models.examples.small_encoder import write_encoder
from tests.models.pretrained.real_parts import part_or_skip

SAYINGS = ["my train is late", "the sun shines", "I baked bread today", "hello"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    torch.set_num_threads(1)
    return SentenceEncoder(write_encoder(tmp_path_factory.mktemp("parts") / "encoder"))


def test_vectors_are_of_length_one_and_in_the_order_of_the_sentences(
    encoder: SentenceEncoder,
) -> None:
    vectors = encoder.vectors(SAYINGS)
    assert vectors.shape == (4, encoder.width) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    for place, saying in enumerate(SAYINGS):  # what stands beside it in a batch changes nothing
        assert np.allclose(encoder.vectors([saying])[0], vectors[place], atol=1e-5)
    assert encoder.vectors([]).shape == (0, encoder.width)


def test_more_than_one_batch_and_long_sentences_are_read(encoder: SentenceEncoder) -> None:
    many = [SAYINGS[n % 4] for n in range(TOGETHER + 3)]
    assert np.allclose(encoder.vectors(many)[-1], encoder.vectors([many[-1]])[0], atol=1e-5)
    assert encoder.vectors(["", "hello " * 2 * LONGEST]).shape == (2, encoder.width)


def test_the_same_saying_is_wholly_alike(encoder: SentenceEncoder) -> None:
    index = MeaningIndex(encoder.vectors(SAYINGS), encoder)
    scores = index.scores("I baked bread today")
    assert scores.argmax() == 2 and scores[2] == pytest.approx(1.0, abs=1e-3)
    assert (scores >= 0.0).all()
    assert index.likeness(1, 1) == pytest.approx(1.0, abs=1e-3)
    assert index.likeness(1, 2) < 0.999


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors", "config.json"])
def test_a_missing_or_damaged_file_is_told(tmp_path: Path, name: str) -> None:
    folder = write_encoder(tmp_path / "encoder")
    (folder / name).write_bytes(b"no")
    with pytest.raises(CheckpointError, match=re.escape(str(folder))):
        SentenceEncoder(folder)


def test_weights_of_something_else_are_told(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    folder = write_encoder(tmp_path / "encoder")
    save_file({"other": torch.zeros(2)}, str(folder / "model.safetensors"))
    with pytest.raises(CheckpointError, match=r"holds no sentence encoder: .* is missing"):
        SentenceEncoder(folder)


def test_vectors_are_made_once_and_the_same_from_the_file(
    encoder: SentenceEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = kept_vectors(SAYINGS, encoder, tmp_path)
    (kept,) = tmp_path.iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(encoder, "vectors", lambda _: pytest.fail("read again"))
        assert (kept_vectors(SAYINGS, encoder, tmp_path) == made).all()
    kept.write_bytes(kept.read_bytes()[:-8])  # cut off, as by a full disk
    assert (kept_vectors(SAYINGS, encoder, tmp_path) == made).all()
    assert not (kept_vectors(SAYINGS[::-1], encoder, tmp_path) == made).all()


def test_vectors_of_checkpoints_that_nobody_talks_to_any_more_go(
    encoder: SentenceEncoder, tmp_path: Path
) -> None:
    for age in range(KEPT):
        kept_vectors([f"saying {age}"], encoder, tmp_path)
        newest = max(tmp_path.iterdir(), key=lambda one: one.stat().st_mtime_ns)
        os.utime(newest, (1_000 + age, 1_000 + age))
    oldest, second, *_ = sorted(tmp_path.iterdir(), key=lambda one: one.stat().st_mtime)
    kept_vectors(["saying 0"], encoder, tmp_path)  # is used again
    kept_vectors(["another"], encoder, tmp_path)
    left = set(tmp_path.iterdir())
    assert len(left) == KEPT and oldest in left and second not in left


def test_a_folder_that_cannot_be_written_costs_only_time(
    encoder: SentenceEncoder, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert kept_vectors(SAYINGS, encoder, tmp_path / "file").shape == (4, encoder.width)


def test_what_means_alike_is_found_without_a_common_word() -> None:
    encoder = SentenceEncoder(part_or_skip("minilm"))
    sayings = ["The shop sells buses.", "I was late, the engine broke.", "I broke the jar."]
    index = MeaningIndex(encoder.vectors(sayings), encoder)
    assert index.scores("They cut my pay because the bus stopped working.").argmax() == 1
