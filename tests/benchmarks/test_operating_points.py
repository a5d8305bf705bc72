"""End of turn in the field's measures, on silences whose points were worked out by hand."""

import numpy as np
import pytest

from assistant.turns.marks import TurnMark
from assistant.turns.settings import TalkSettings
from benchmarks.endpointing.__main__ import JudgedWay, as_strangers, remembered
from benchmarks.endpointing.operating_points import (
    SCORED_MS,
    ScoredSilence,
    curve,
    fewest_cut_offs,
    least_latency,
    row,
    silences,
)
from benchmarks.endpointing.pauses import FRAME, AnalysedRecording


def spoken(pattern: str) -> AnalysedRecording:
    """One frame for each letter: speech where it is `x`."""
    probabilities = [0.9 if letter == "x" else 0.1 for letter in pattern]
    return AnalysedRecording(
        "a", np.zeros(FRAME * len(pattern), np.float32), probabilities, "words"
    )


def of_lengths(*lengths_ms: float) -> list[ScoredSilence]:
    (mark,) = {silence.mark for silence in silences([spoken("x" + 9 * " ")])}
    return [ScoredSilence(spoken("x"), mark, length) for length in lengths_ms]


END = np.inf


def test_silences_are_pauses_of_seven_frames_and_the_end() -> None:
    found = silences([spoken("xxx" + 6 * " " + "x" + 7 * " " + "xx" + 20 * " ")])
    assert [silence.length_ms for silence in found] == [224.0, END]
    pause, end = (silence.mark for silence in found)
    assert pause.speech_end_samples == 10 * FRAME
    assert pause.end_samples - pause.speech_end_samples == SCORED_MS * 16
    assert end.speech_end_samples == 19 * FRAME
    assert pause.start_samples == end.start_samples == 0


def test_silence_alone_cuts_the_pauses_that_are_longer() -> None:
    found = of_lengths(250, 400, 700, 1_000, END, END)
    points = curve([None] * 6, found)
    at_300 = fewest_cut_offs(points, 300)
    assert at_300 is not None
    assert at_300.cut_offs == pytest.approx(3 / 4)
    assert at_300.latency_ms <= 300
    assert (at_600 := fewest_cut_offs(points, 600)) is not None
    assert at_600.cut_offs == pytest.approx(2 / 4)
    assert (quickest := least_latency(points)) is not None
    assert quickest.cut_offs == 0
    assert 1_000 <= quickest.latency_ms < 1_100


def test_a_perfect_score_answers_at_once_and_cuts_nobody() -> None:
    found = of_lengths(2_000, 2_500, END, END)
    best = least_latency(curve([0.1, 0.2, 0.8, 0.9], found))
    assert best is not None
    assert (best.latency_ms, best.cut_offs) == (SCORED_MS, 0.0)
    assert best.long_ms >= 2_500


def test_a_score_that_is_wrong_once_costs_the_others_their_time() -> None:
    found = of_lengths(2_000, END, END)
    # One end scores below the pause: it must wait out what the pause may last.
    best = least_latency(curve([0.5, 0.9, 0.1], found))
    assert best is not None
    assert best.latency_ms == pytest.approx((SCORED_MS + best.long_ms) / 2)
    assert 2_000 <= best.long_ms < 2_100


def test_the_row_of_a_way() -> None:
    found = of_lengths(2_000, END)
    assert row("ours", curve([0.1, 0.9], found))[:4] == ["ours", "0.0%", "0.0%", "224"]


def test_a_stranger_is_cut_sooner_only_where_a_pause_sounds_complete_beyond_doubt() -> None:
    item = spoken(8 * "x" + 18 * " " + 8 * "x" + 60 * " ")  # pauses for 576 ms

    def answered(score: float) -> dict[str, str]:
        way = JudgedWay("", TalkSettings(), lambda _item, _mark: score)
        return {row[0]: row[1] for row in as_strangers(way, [item])}

    waits = {"832, beyond doubt too": "0.000", "832": "0.000", "704": "0.000", "608": "0.000"}
    assert answered(0.85) == {**waits, "512": "1.000", "0": "1.000"}
    sure = answered(0.97)
    assert sure.pop("832, beyond doubt too") == "0.000"
    assert set(sure.values()) == {"1.000"}


def test_a_pause_is_judged_once() -> None:
    asked: list[int] = []

    def score(_item: AnalysedRecording, mark: TurnMark) -> float:
        asked.append(mark.start_samples)
        return 0.5

    judged, item = remembered(score), spoken("xxx" + 9 * " ")
    (silence,) = silences([item])
    assert judged(item, silence.mark) == judged(item, silence.mark) == 0.5
    assert len(asked) == 1
