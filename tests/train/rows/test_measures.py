"""Measures of rows by hand: tokens of BLEU, drawn speakers, credited votes, measured voices."""

import numpy as np
import pytest

from train.metrics import Figure
from train.rows.bleu import bleu_1, tokens, unigrams
from train.rows.measures import accuracy, has_letter, holds_answer, interval, mean_of, of_emotions
from train.rows.voice_facts import voice_facts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("That's great, I don't know.", "That 's great , I do n't know ."),
        ("It is. Go on!", "It is . Go on !"),
        ("Mr. Smith left at 5 p.m. today.", "Mr. Smith left at 5 p.m. today ."),
        ("It cost $3,000 (a lot)...", "It cost $ 3,000 ( a lot ) ..."),
        ('He said "no."', 'He said " no . "'),
        ("I cannot; we're gonna", "I can not ; we 're gon na"),
        ("it’s 5:30", "it 's 5:30"),
        ("Oh, no. I... 'cause of nothin' ...", "Oh , no . I ... ' cause of nothin ' ..."),
        ("", ""),
    ],
)
def test_tokens_are_those_of_the_treebank(text: str, expected: str) -> None:
    assert tokens(text) == expected.split()


def test_bleu_counts_empty_replies_with_their_references() -> None:
    pairs = [("a b c d", "a b c d"), ("a b c d", "")]
    assert bleu_1(unigrams(pairs)) == pytest.approx(np.exp(1 - 8 / 4))
    assert bleu_1(unigrams([("a", "")])) == 0.0
    assert bleu_1(unigrams([("a b", "a a a a")])) == pytest.approx(1 / 4)


def test_an_interval_by_speaker_is_wider_where_speakers_differ() -> None:
    right = [True] * 50 + [False] * 50
    by_clip, drawn = accuracy(right, [f"s{n}" for n in range(100)])
    assert drawn == "utterances"
    by_speaker, drawn = accuracy(right, ["anna"] * 50 + ["ben"] * 50)
    assert drawn == "2 speakers"
    assert by_speaker.value == by_clip.value == 0.5
    assert (by_speaker.low, by_speaker.high) == (0.0, 1.0)
    assert by_clip.high - by_clip.low < 0.25


def test_nameless_speakers_are_not_drawn() -> None:
    flags = np.ones(40)
    _, drawn = interval(lambda places: float(flags[places].mean()), ["a"] * 39 + [""])
    assert drawn == "utterances"


def test_any_annotator_makes_an_answer_right() -> None:
    votes = [("H", "S"), ("N",), ()]
    figure, _ = of_emotions("annotator-aware macro F1", [1, 0, 2], [3, 1, 2], [""] * 3, votes)
    assert figure.value == pytest.approx((1 + 0 + 1) / 3)  # sad, neutral, angry


@pytest.mark.parametrize(
    ("reply", "chosen"),
    [
        ("B", True),
        ("B. Wood.", True),
        ("(B) it is", True),
        ("The answer is B.", True),
        ("It is not C, the answer is B", True),
        ("A wooden thing", False),
        ("B or C", True),
        ("Both B and C", False),
        ("Be quiet", False),
        ("", False),
    ],
)
def test_letters_of_choices(reply: str, chosen: bool) -> None:
    assert has_letter("B", reply) is chosen


def test_an_answer_is_held_as_whole_words() -> None:
    assert holds_answer("Jane Austen", "It was JANE AUSTEN, I think.")
    assert not holds_answer("Austen", "Austenland")
    assert not holds_answer("", "anything")


def test_means_of_rows() -> None:
    parts = [Figure(0.5, 0.4, 0.6, 100), Figure(0.8, 0.5, 1.1, 300)]
    weighted = mean_of(parts, weighted=True)
    assert weighted.value == pytest.approx(0.725)
    assert weighted.high - weighted.value == pytest.approx(np.hypot(0.1 / 4, 0.3 * 3 / 4))
    assert mean_of(parts, weighted=False).value == pytest.approx(0.65)


def test_a_voice_is_measured() -> None:
    times = np.arange(16_000) / 16_000
    wave = 0.5 * np.sin(2 * np.pi * 200 * times)
    wave[8_000:] = 0.5 * np.sin(2 * np.pi * 250 * times[8_000:])
    wave = np.concatenate([wave, np.zeros(16_000)]).astype(np.float32)
    facts = voice_facts(wave, "one two three")
    assert facts.range_semitones == pytest.approx(12 * np.log2(250 / 200), abs=0.4)
    assert facts.level_dbfs == pytest.approx(20 * np.log10(0.5 / 2**0.5), abs=0.3)
    assert facts.words_per_s == pytest.approx(3, abs=0.2)
    assert voice_facts(np.zeros(100, dtype=np.float32), "").pitch_hz == 0
