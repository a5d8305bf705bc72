from dataclasses import replace

import pytest
import torch

from models.adapters.embeddings import SpeechEmbeddings
from models.adapters.emotion_vectors import EmotionVectors
from models.config import BlspEmoConfig
from models.emotions import Emotion

WIDTH = 4


def vectors(positions: int) -> EmotionVectors:
    made = EmotionVectors(WIDTH, positions)
    torch.nn.init.normal_(made.weight, generator=torch.Generator().manual_seed(3))
    return made


def said(*lengths: int) -> SpeechEmbeddings:
    embeddings = torch.randn(len(lengths), max(lengths), WIDTH)
    embedded = SpeechEmbeddings(embeddings, torch.tensor(lengths))
    return replace(embedded, embeddings=embeddings * embedded.mask[..., None])


def voices(*emotions: Emotion | None) -> torch.Tensor:
    shares = torch.zeros(len(emotions), len(Emotion))
    for row, emotion in enumerate(emotions):
        if emotion is not None:
            shares[row, emotion] = 1.0
    return shares


def test_without_positions_of_their_own_they_are_on_every_word() -> None:
    made, given = vectors(0), said(3, 1)
    heard = made.tell(given, voices(Emotion.SAD, Emotion.HAPPY))
    assert torch.equal(heard.lengths, given.lengths)
    assert torch.allclose(heard.of(0), given.of(0) + made.weight[Emotion.SAD])
    assert torch.allclose(heard.of(1), given.of(1) + made.weight[Emotion.HAPPY])
    assert not heard.embeddings[1, 1:].any(), "nothing in the padding"


def test_positions_stand_behind_the_words_that_they_tell_of() -> None:
    made, given = vectors(2), said(3, 1)
    heard = made.tell(given, voices(Emotion.SAD, Emotion.HAPPY))
    assert heard.lengths.tolist() == [5, 3]
    for row, emotion in enumerate((Emotion.SAD, Emotion.HAPPY)):
        on_words, *behind = made.weight[emotion].split(WIDTH)
        expected = torch.cat([given.of(row) + on_words, torch.stack(behind)])
        assert torch.allclose(heard.of(row), expected, atol=1e-6)


def test_an_unsure_voice_is_told_as_a_mixture() -> None:
    made, given = vectors(2), said(2)
    shares = torch.tensor([[0.0, 0.25, 0.0, 0.75, 0.0]])
    pure = [made.tell(given, voices(e)).of(0) for e in (Emotion.HAPPY, Emotion.SAD)]
    assert torch.allclose(
        made.tell(given, shares).of(0), 0.25 * pure[0] + 0.75 * pure[1], atol=1e-6
    )


def test_what_has_no_sound_or_no_words_stays_as_it_is() -> None:
    made, given = vectors(2), said(3, 0, 2)
    heard = made.tell(given, voices(None, Emotion.SAD, Emotion.ANGRY))
    assert heard.lengths.tolist() == [3, 0, 4]
    assert torch.equal(heard.of(0), given.of(0))
    assert not heard.embeddings[:2, 3:].any(), "nothing in the padding"


@pytest.mark.parametrize("positions", [0, 3])
def test_rows_of_training_are_told_as_an_utterance_is(positions: int) -> None:
    made, given = vectors(positions), said(4)
    shares = torch.tensor([[0.1, 0.2, 0.0, 0.7, 0.0]])
    heard = made.tell(given, shares).of(0)
    slots = torch.tensor([[0, 0, 0, 0, *range(1, positions + 1)]])
    at = made.at(shares.expand(1, slots.shape[1], -1), slots)[0]
    words = torch.cat([given.of(0), torch.zeros(positions, WIDTH)])
    assert torch.allclose(words + at, heard, atol=1e-6)


def test_positions_need_words_to_stand_behind() -> None:
    words = BlspEmoConfig.tiny(adapter="words", emotion_head="attentive", decoder=True)
    assert replace(words, emotion_in_embeddings=True, emotion_positions=2).emotion_positions == 2
    for changes in ({"emotion_positions": 2}, {"emotion_positions": -1}):
        with pytest.raises(ValueError, match="emotion_positions"):
            replace(words, **changes)  # pyright: ignore[reportArgumentType]
    other = replace(BlspEmoConfig.tiny(emotion_head="spectral"), emotion_in_embeddings=True)
    with pytest.raises(ValueError, match="adapter words"):
        replace(other, emotion_positions=2)
