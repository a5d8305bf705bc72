"""Everyday talk with strangers: the sets are whole, the figures right, blind sheets blind."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from assistant.audio.waveform import Waveform
from assistant.safety import HelpFinder
from benchmarks.everyday import judging, sheets
from benchmarks.everyday.figures import (
    answers_a_sentence,
    ends_in_mark,
    figures,
    interval,
    remembers,
    repeated_in_talk,
    shared_between_talks,
    training_replies,
    whole_by_third,
)
from benchmarks.everyday.holding import AnsweredTurn, hold
from benchmarks.everyday.sets import SETS, TUNING, ScriptedTalk, ScriptedTurn, load_talks
from benchmarks.long_talk import is_whole
from models.emotions import Emotion
from tests.fakes import ScriptedDialogue, ScriptedModel, certain


def talk_of(*replies: str, number: int = 1, said: str = "Hello.") -> list[AnsweredTurn]:
    return [
        AnsweredTurn(f"{number}.{turn}", "neutral", said, "", "", reply)
        for turn, reply in enumerate(replies, start=1)
    ]


# The sets


def test_sayings_are_many_brief_and_in_every_emotion() -> None:
    turns = [turn for talk in load_talks("sayings") for turn in talk.turns]
    assert len({turn.said for turn in turns}) == 200
    assert min(Counter(turn.emotion for turn in turns)[emotion] for emotion in Emotion) >= 20
    assert all(1 <= len(turn.said.split()) <= 35 for turn in turns)


def test_emotional_sentences_are_said_in_every_emotion() -> None:
    said = Counter(talk.turns[0].said for talk in load_talks("emotional"))
    assert len(said) == 25
    assert set(said.values()) == {len(Emotion)}


def test_what_is_to_be_remembered_was_told_and_is_not_in_the_question() -> None:
    talks = load_talks("memory")
    assert len(talks) == 50
    for talk in talks:
        *told, asked = (turn.said for turn in talk.turns)
        assert 3 <= len(talk.turns) <= 10
        assert remembers(" ".join(told), ScriptedTalk((), talk.accepted)), told
        assert not remembers(asked, ScriptedTalk((), talk.accepted)), asked
        assert all(remembers(" ".join(told), ScriptedTalk((), (word,))) for word in talk.wrong), (
            told
        )


def test_long_talks_have_thirty_turns() -> None:
    assert [len(talk.turns) for talk in load_talks("talks")] == [30] * 6


@pytest.mark.parametrize("name", (*SETS, TUNING))
def test_nobody_is_in_danger(name: str) -> None:
    finder = HelpFinder("GB")
    said = {turn.said for talk in load_talks(name) for turn in talk.turns}
    assert [words for words in said if finder.find(words)] == []


# Talks

TOLD = ScriptedTalk(
    (ScriptedTurn("I won!", Emotion.HAPPY), ScriptedTurn("And then I lost it.", Emotion.SAD))
)


def test_a_talk_is_one_dialogue_and_numbered_by_turn() -> None:
    model = ScriptedModel(["Well done!", "Oh no."])
    first, second = hold(model, TOLD, "7")
    assert len(model.dialogues) == 1
    assert first == AnsweredTurn("7.1", "happy", "I won!", "", "", "Well done!")
    assert (second.number, second.emotion, second.reply) == ("7.2", "sad", "Oh no.")


def test_a_saying_has_the_number_of_its_talk() -> None:
    assert (
        hold(ScriptedModel(["Hi."]), ScriptedTalk((ScriptedTurn("Hello."),)), "7")[0].number == "7"
    )


def test_an_answer_may_be_begun_by_the_words_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    expected: list[tuple[int, str]] = []

    def expect(self: ScriptedDialogue, words: str, gives_way: object) -> Iterator[None]:
        expected.append((self.given, words))
        yield

    monkeypatch.setattr(ScriptedDialogue, "expect", expect)
    hold(ScriptedModel(["Well done!", "Oh no."]), TOLD, "7", unsaid=2)
    assert expected == [(1, "And then I")], "nothing is begun by no words"


def test_spoken_turns_are_heard_with_their_emotion() -> None:
    unsure = replace(certain(Emotion.SAD), abstained=True)
    model = ScriptedModel(["Well done!", "Oh no."], [certain(Emotion.HAPPY), unsure])
    said: list[ScriptedTurn] = []

    def say(turn: ScriptedTurn) -> Waveform:
        said.append(turn)
        return np.zeros(16_000, np.float32)

    answered = hold(model, TOLD, "1", say)
    assert tuple(said) == TOLD.turns
    assert [turn.sounded for turn in answered] == ["happy", "(sad)"]
    assert all(turn.heard for turn in answered)


def test_a_turn_that_fails_has_no_reply_and_the_talk_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = ScriptedModel(["Never.", "Oh no."], failing_turns=[0])
    answered = hold(model, TOLD, "3", lambda turn: np.zeros(16_000, np.float32))
    assert [turn.reply for turn in answered] == ["", "Oh no."]
    assert "3.1: " in capsys.readouterr().out


# Figures


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (50, 50, 0.929, 1.0), (0, 0, 0.0, 1.0)],
)
def test_interval(part: int, whole: int, low: float, high: float) -> None:
    assert interval(part, whole) == pytest.approx((low, high), abs=1e-3)


@pytest.mark.parametrize(
    ("reply", "accepted", "wrong", "is_right"),
    [
        ("Your dog is called Walnut.", ["Walnut"], [], True),
        ("It's WALNUT'S day!", ["Walnut"], [], True),
        ("It’s Walnut’s day!", ["Walnut"], [], True),
        ("A walnuts salad.", ["Walnut"], [], False),
        ("You have 3 sons.", ["three", "3"], [], True),
        ("You have 33 sons.", ["three", "3"], [], False),
        ("You said hye jin.", ["Hye-jin"], [], True),
        ("It was Hye-jin, I think.", ["Hye-jin"], [], True),
        ("It's on Thursday.", ["Thursday"], ["Tuesday"], True),
        ("Tuesday or Thursday.", ["Thursday"], ["Tuesday"], False),
        ("", ["Thursday"], [], False),
    ],
)
def test_remembers(reply: str, accepted: list[str], wrong: list[str], is_right: bool) -> None:
    assert remembers(reply, ScriptedTalk((), tuple(accepted), tuple(wrong))) == is_right


@pytest.mark.parametrize(
    ("reply", "ends"),
    [
        ("That hurts.", True),
        ("Really?! ", True),
        ('She said "yes!"', True),
        ("Well…", True),
        ("That is a", False),
        ("One, two,", False),
        ("", False),
    ],
)
def test_ends_in_mark(reply: str, ends: bool) -> None:
    assert ends_in_mark(reply) == ends


@pytest.mark.parametrize(
    ("reply", "whole"),
    [
        ("That must hurt.", True),
        ("Oh! That must hurt. Was it bad?", True),
        ("Well... maybe so.", True),
        ('You said "go." Then you left?', True),
        ("7 times 8 is 56.", True),
        ("that must hurt.", False),
        ("That must hurt. and then", False),
        ("That must hurt. and then?", False),
        ("That must", False),
        ("Hello.", False),
        ("", False),
    ],
)
def test_is_whole(reply: str, whole: bool) -> None:
    assert is_whole(reply) == whole


def test_a_reply_is_repeated_whatever_its_marks_and_empty_ones_are_not() -> None:
    assert repeated_in_talk(talk_of("I see.", "Go on.", "I see!", "i see", "", "")) == 2


def test_a_reply_is_shared_only_with_another_talk() -> None:
    first = talk_of("I see.", "I see.", "Go on.", "")
    assert shared_between_talks([first, talk_of("Nice.", "", number=2)]) == 0
    assert shared_between_talks([first, talk_of("I see!", "Nice.", number=2)]) == 3


def test_whole_sentences_are_counted_by_third() -> None:
    talk = talk_of("I am here.", "I am", "I am here.", "I am here.", "I am", "I am")
    assert [cell.split(" (")[0] for cell in whole_by_third([talk])] == [
        "1 of 2",
        "2 of 2",
        "0 of 2",
    ]


def test_different_answers_to_a_sentence() -> None:
    talks = [talk_of(reply, said="It's over.") for reply in ("Oh no.", "Oh no!", "Good.")]
    talks.append(talk_of("Fine.", said="I'm going."))
    assert answers_a_sentence(talks) == 1.5


def test_replies_of_the_training_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").write_text("> Hello there.\n< Hi, you!\n# < no\n")
    known = training_replies(tmp_path)
    assert known == {("hi", "you")}
    answered = [talk_of("Hi you.", "Hello there.", "", number=1)]
    rows = dict(figures(answered, [ScriptedTalk(())], known))
    assert rows["stand word for word in the training text"].startswith("1 of 3")


def test_a_folder_without_replies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.\n")
    with pytest.raises(ValueError, match="begins with"):
        training_replies(tmp_path)


def test_memory_is_counted_by_the_last_reply() -> None:
    talks = [
        ScriptedTalk((ScriptedTurn("I'm Bo."), ScriptedTurn("Who am I?")), accepted=("Bo",))
    ] * 2
    answered = [talk_of("Hi Bo.", "Nobody."), talk_of("Hi.", "You're Bo.")]
    assert dict(figures(answered, talks))["remembered"].startswith("1 of 2")


# Sheets


def rows_of(*talks: list[AnsweredTurn]) -> list[dict[str, str]]:
    names = sheets.COLUMNS
    return [{name: getattr(turn, name) for name in names} for talk in talks for turn in talk]


def test_a_sheet_is_read_as_it_was_written(tmp_path: Path) -> None:
    said = 'He said "well,\tso\nit is" – 40 %'
    sheets.write_answers(tmp_path / "new" / "a.tsv", [talk_of('Äh, "no', said=said)])
    (row,) = sheets.read(tmp_path / "new" / "a.tsv")
    assert row["said"] == 'He said "well, so it is" – 40 %'
    assert row["reply"] == 'Äh, "no'
    assert row["heard"] == ""


@pytest.mark.parametrize("content", ["", "said\treply\nHi\tHo\n", "number\treply\n1\ta\tb\tc\n"])
def test_what_is_no_sheet_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.tsv").write_text(content)
    with pytest.raises(ValueError, match=r"a\.tsv"):
        sheets.read(tmp_path / "a.tsv")


def test_a_blind_sheet_hides_the_model_and_keeps_talks_together() -> None:
    talks = [talk_of(f"a{n}", f"b{n}", f"c{n}", number=n) for n in range(1, 21)]
    blind, key = sheets.mix({"one/talks.tsv": rows_of(*talks), "two/talks.tsv": rows_of(*talks)})
    assert set(blind[0]) == {*sheets.SHOWN, *sheets.JUDGED}
    assert [row["number"] for row in blind] == [row["blind"] for row in key]
    assert len({row["number"] for row in blind}) == len(blind) == 120
    for row, after in pairwise(blind):
        assert (
            row["reply"][0] == "c"
            or after["reply"] == chr(ord(row["reply"][0]) + 1) + row["reply"][1:]
        )
    order = [row["sheet"] for row in key]
    assert order not in (sorted(order), sorted(order, reverse=True))


def test_a_key_leads_back_to_each_reply() -> None:
    named = {name: rows_of(talk_of(name, number=1), talk_of(f"{name}!", number=2)) for name in "ab"}
    blind, key = sheets.mix(named, seed=5)
    for row, entry in zip(blind, key, strict=True):
        (found,) = [r for r in named[entry["sheet"]] if r["number"] == entry["number"]]
        assert found["reply"] == row["reply"]


# Judges


def judged(fits: str, emotion_fits: str = "") -> list[dict[str, str]]:
    emotions = emotion_fits or " " * len(fits)
    return [
        {"number": str(n), "fits": a, "emotion_fits": b.strip()}
        for n, (a, b) in enumerate(zip(fits, emotions, strict=True), start=1)
    ]


@pytest.mark.parametrize(
    ("first", "second", "kappa"),
    [
        ("1100", "1100", 1.0),
        ("1100", "0011", -1.0),
        ("1010", "1100", 0.0),
        ("1" * 25 + "0" * 25, "1" * 20 + "0" * 5 + "1" * 10 + "0" * 15, 0.4),
        ("1111", "1111", None),
    ],
)
def test_agreement_is_cohens_kappa(first: str, second: str, kappa: float | None) -> None:
    said = judging.verdicts([judged(first), judged(second)], "fits")
    assert said.agreement == (None if kappa is None else pytest.approx(kappa))


def test_both_judges_must_find_it_fitting() -> None:
    assert judging.verdicts([judged("1101"), judged("1011")], "fits").both == (
        True,
        False,
        False,
        True,
    )


def test_rows_are_matched_by_number_in_any_order() -> None:
    first = judged("1100")
    assert judging.verdicts([first, first[::-1]], "fits").agreement == 1.0


def test_each_sheet_of_the_key_is_counted_by_itself() -> None:
    key = [{"blind": str(n), "sheet": "ab"[n % 2], "number": str(n)} for n in range(1, 5)]
    rows = judging.counted([judged("1010", "1111"), judged("1010", "0000")], key)
    cells = {(row[0], row[1]): [cell.split(" (")[0] for cell in row[2:]] for row in rows}
    assert cells["b", "fits"] == ["2 of 2", "2 of 2", "2 of 2", "–"]
    assert cells["a", "fits"] == ["0 of 2", "0 of 2", "0 of 2", "–"]
    assert cells["a", "emotion_fits"][:3] == ["2 of 2", "0 of 2", "0 of 2"]
    assert all(len(row) == len(judging.head(2)) for row in rows)


def test_one_judge_without_a_key() -> None:
    (row,) = judging.counted([judged("1110")])
    assert row[:2] == ["all", "fits"]
    assert row[2].startswith("3 of 4 (75 %")
    assert len(row) == len(judging.head(1))


@pytest.mark.parametrize(
    ("judges", "says"),
    [
        ([judged("1 1")], "number 2: fits is ' '"),
        ([judged("1x1")], "number 2: fits is 'x'"),
        ([judged("11"), judged("111")], "different rows"),
        ([judged("11") + judged("11")], "twice"),
        ([judged("  ", "  ")], "number 1"),
        ([[{"number": "1", "fits": ""}]], "no sheet has anything"),
    ],
)
def test_what_cannot_be_counted_is_refused(judges: list[list[dict[str, str]]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        judging.counted(judges)
