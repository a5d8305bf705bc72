"""The adapter that spells speech in the LLM's tokens: what is kept, and what is left out."""

from dataclasses import replace

import pytest
import torch

from models.checkpoint import save
from models.ctc_adapter import kept_frames
from models.features import speech_features
from models.speech_embeddings import SpeechEmbeddings
from tests.models.small import tiny_model, tone

BLANK = 3


def spelling(*symbols: int) -> torch.Tensor:
    return 10.0 * torch.nn.functional.one_hot(torch.tensor([symbols]), BLANK + 1).float()


def test_blanks_and_repetitions_are_left_out() -> None:
    logits = spelling(0, 0, BLANK, 0, 1, BLANK, 2, 2)
    inside = torch.ones(1, 8, dtype=torch.bool)
    inside[0, 6:] = False
    assert kept_frames(logits, inside)[0].tolist() == [1, 0, 0, 1, 1, 0, 0, 0]


def test_of_silence_one_frame_is_kept() -> None:
    logits = spelling(BLANK, BLANK, BLANK)
    logits[0, 1, BLANK] = 5.0
    assert kept_frames(logits, torch.ones(1, 3, dtype=torch.bool))[0].tolist() == [0, 1, 0]


@torch.no_grad()
def test_a_sure_spelling_is_the_tokens_themselves() -> None:
    model = tiny_model(adapter="ctc")
    table = model.llm.table
    model.adapter.sharpness.fill_(200.0)
    wanted = [7, 9]
    sounds = model.adapter.sounds.weight[wanted]
    said = SpeechEmbeddings(3.0 * sounds[None], torch.tensor([2]))
    spelled = model.adapter.spelled(said, table)
    assert torch.allclose(spelled.of(0), table[wanted], atol=1e-4)
    with_topics = model.adapter.spelled(said, torch.cat([table, torch.ones_like(table[:5])]))
    assert torch.equal(with_topics.embeddings, spelled.embeddings)


@torch.no_grad()
def test_what_is_left_out_of_the_attention_changes_nothing() -> None:
    model = tiny_model(adapter="ctc")
    embedded = model.adapt(model.encode(speech_features([tone(2.0)])))
    assert embedded.kept is not None
    kept = embedded.kept.clone()
    kept[0, ::2] = False
    kept[0, 1] = True
    embedded = replace(embedded, kept=kept)
    ids = model.llm.embed(torch.tensor([[1, 2, 3]]))
    dropped = model.llm(torch.cat([ids, embedded.of(0)[None], ids], dim=1))
    mask = torch.ones(1, 6 + kept.shape[1], dtype=torch.bool)
    mask[0, 3:-3] = kept[0]
    masked = model.llm(torch.cat([ids, embedded.embeddings, ids], dim=1), mask=mask)
    assert torch.allclose(masked[0, -3:], dropped[0, -3:], atol=1e-5)


def test_it_learns_through_the_embeddings_of_the_llm() -> None:
    model = tiny_model(adapter="ctc")
    model.adapt(model.encode(speech_features([tone(1.0)]))).embeddings.sum().backward()
    assert model.adapter.fc1.weight.grad.abs().sum() > 0
    assert model.adapter.sharpness.grad is not None


def test_hearing_gives_one_embedding_a_token_and_a_saved_model_the_same(tmp_path) -> None:
    model = tiny_model(adapter="ctc").eval()
    heard = model.hear(tone(2.0))
    embedded = model.adapt(model.encode(speech_features([tone(2.0)])))
    assert heard.speech_embeddings.shape[0] == int(embedded.kept.sum())
    save(model, tmp_path / "saved")
    again = type(model).from_pretrained(tmp_path / "saved", dtype="float32", device="cpu")
    assert torch.allclose(again.hear(tone(2.0)).speech_embeddings, heard.speech_embeddings)


@pytest.mark.parametrize("count", [1, 3])
@torch.no_grad()
def test_embeddings_are_the_same_alone_and_in_a_batch(count: int) -> None:
    model = tiny_model(adapter="ctc")
    waves = [tone(0.4 + 0.5 * n) for n in range(count)]
    batch = model.adapt(model.encode(speech_features(waves)))
    for row, wave in enumerate(waves):
        alone = model.adapt(model.encode(speech_features([wave])))
        assert torch.allclose(batch.of(row), alone.of(0), atol=1e-5)
