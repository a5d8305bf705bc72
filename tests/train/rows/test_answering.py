"""What a real checkpoint answers for a row: the paper's question, the talk so far, its sound."""

from pathlib import Path

import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from models.decoding.sampling import Sampling
from models.talk import TalkSession
from tests.train.tiny import tiny_model, voice
from train.evaluation.answers import ask_emotion
from train.rows.answering import EXPLAIN, ModelAnswerer, model_digest, sound_digest

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save(tiny_model(folder / "tokenizer").checkpoint(), folder / "model")
    return folder / "model"


def test_answers_are_those_of_the_talk(folder: Path) -> None:
    answerer = ModelAnswerer(str(folder), "cpu", 5)
    model = BlspEmo.from_pretrained(folder, device="cpu")
    heard, earlier = model.hear(voice(1, 0.6)), model.hear(voice(2, 0.5))
    named = answerer.answer("emotion", voice(1, 0.6), [])
    assert named.text == ask_emotion(model, heard)
    assert named.probabilities == pytest.approx(heard.probabilities)

    def talk() -> TalkSession:
        return TalkSession(model, sampling=Sampling(max_new_tokens=5))

    explained = talk()
    explained.read(EXPLAIN)
    explained.listen(heard)
    expected = "".join(explained.reply()).strip()
    assert answerer.answer("explain", voice(1, 0.6), []).text == expected
    replied = talk()
    replied.read("Hi.")
    replied.replace_reply("Hello.")
    replied.listen(earlier)
    replied.replace_reply("Go on.")
    replied.listen(heard)
    expected = "".join(replied.reply()).strip()
    history = [("Hi.", "Hello."), (voice(2, 0.5), "Go on.")]
    given = answerer.answer("reply", voice(1, 0.6), history)
    assert given.text == expected
    assert given.ended is not replied.is_cut


def test_digests_follow_weights_and_sound(folder: Path, tmp_path: Path) -> None:
    before = model_digest(str(folder))
    assert before == model_digest(str(folder))
    config = folder / "config.json"
    config.write_text(config.read_text() + "\n")
    assert model_digest(str(folder)) != before
    (tmp_path / "a.wav").write_bytes(b"one")
    first = sound_digest("a.wav", tmp_path)
    (tmp_path / "a.wav").write_bytes(b"two")
    assert sound_digest("a.wav", tmp_path) != first
