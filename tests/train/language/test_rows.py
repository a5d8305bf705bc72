import numpy as np
import pytest
import torch

from models.emotions import Emotion
from models.prompts import chat_prompts
from tests.models.small import byte_tokenizer
from train.alignment.losses import IGNORED
from train.language.batches import TalkBatches
from train.language.material import Exchange, WrittenTalk
from train.language.rows import RowWriter, TalkRow, padded

HEARD = WrittenTalk("heard", (Exchange("It rained.", Emotion.SAD, "All day?"),))
PLAIN = WrittenTalk("plain", (Exchange("Hello.", None, "Hi!"),))
LONGER = WrittenTalk(
    "longer", (Exchange("Hello.", None, "Hi!"), Exchange("I won.", Emotion.HAPPY, "You won!"))
)


def writer(longest: int = 400) -> RowWriter:
    return RowWriter(chat_prompts(byte_tokenizer()), "Be kind.", longest)


def learnt(row_ids: torch.Tensor, labels: torch.Tensor) -> str:
    assert bool((row_ids == labels)[labels != IGNORED].all())
    return byte_tokenizer().decode([int(label) for label in labels[labels != IGNORED]])


def test_answers_and_their_ends_are_learnt_and_nothing_else() -> None:
    row = padded([writer().row([HEARD], np.random.default_rng(0), follows=0.0)])
    assert learnt(row.ids, row.labels) == "All day?"
    end = byte_tokenizer().special_id("<|im_end|>")
    assert int((row.labels == end).sum()) == 1


def test_a_feeling_lies_on_the_words_of_the_person_alone() -> None:
    row = writer().row([HEARD], np.random.default_rng(0), follows=0.0)
    sounding = [i for i, shares in enumerate(row.emotions) if any(shares)]
    text = byte_tokenizer().decode([row.ids[i] for i in sounding])
    assert text.lower().strip(".") == "it rained"
    shares = row.emotions[sounding[0]]
    assert max(range(5), key=shares.__getitem__) == Emotion.SAD
    assert abs(sum(shares) - 1.0) < 1e-6


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((0.05, 0.05, 0.05, 0.8, 0.05), 3),
        ((0.2, 0.1, 0.1, 0.5, 0.1), 0),
        ((0.8, 0.05, 0.05, 0.05, 0.05), 0),
        ((0.0,) * 5, 0),
    ],
    ids=["surely sad", "perhaps sad", "neutral", "typed"],
)
def test_behind_words_a_sure_feeling_is_told_and_nothing_else(
    shares: tuple[float, ...], told: int
) -> None:
    row = TalkRow()
    row.say([5, 6], shares, segment=1, told_in=3)
    assert row.slots == [0, 0, 1, 2, 3][: 2 + told]


def test_words_without_a_feeling_sound_neutral_or_are_typed() -> None:
    found = set[bool]()
    for seed in range(20):
        row = writer().row([PLAIN], np.random.default_rng(seed), follows=0.0)
        sounding = [shares for shares in row.emotions if any(shares)]
        assert all(shares.index(max(shares)) == Emotion.NEUTRAL for shares in sounding)
        found.add(bool(sounding))
    assert found == {True, False}


def test_talks_side_by_side_see_the_system_line_and_themselves() -> None:
    row = writer().row([HEARD, LONGER], np.random.default_rng(1), follows=0.0)
    rows = padded([row])
    opening = row.segments.count(0)
    second = row.segments.index(2)
    seen = [int(position) for position in rows.attended[0, second].nonzero()[:, 0]]
    assert seen == [*range(opening), second]
    assert int(rows.positions[0, second]) == opening
    alone = writer().row([LONGER], np.random.default_rng(1), follows=0.0)
    assert row.ids[second:][:4] == alone.ids[opening:][:4]


def test_a_talk_that_follows_sees_the_one_before_it() -> None:
    row = writer().row([HEARD, LONGER], np.random.default_rng(1), follows=1.0)
    assert set(row.segments) == {0, 1}
    assert row.positions == list(range(len(row.ids)))


def test_what_goes_beyond_the_longest_conversation_is_left_out() -> None:
    whole = writer().row([LONGER], np.random.default_rng(0), follows=0.0)
    short = writer(longest=50).row([LONGER], np.random.default_rng(0), follows=0.0)
    assert len(short.ids) < len(whole.ids)
    assert "Hi!" in byte_tokenizer().decode(short.ids)


def test_an_epoch_holds_every_talk_once_and_a_batch_is_the_same_again() -> None:
    talks = [WrittenTalk(f"t{n}", (Exchange(f"Number {n}.", None, "Yes."),)) for n in range(60)]
    batches = TalkBatches(talks, writer(), row_tokens=200, batch_tokens=600)
    loaded = [batches.load(3, number) for number in range(batches.count(3))]
    assert sorted(name for batch in loaded for name in batch.names) == sorted(
        talk.name for talk in talks
    )
    assert all(batch.value.ids.numel() < 900 for batch in loaded)
    again = TalkBatches(talks, writer(), row_tokens=200, batch_tokens=600).load(3, 1)
    assert torch.equal(again.value.ids, loaded[1].value.ids)
    assert torch.equal(again.value.emotions, loaded[1].value.emotions)
