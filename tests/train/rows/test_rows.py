"""The command `rows` on miniature corpora: every number here was worked out by hand."""

import json
import math
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train.rows import miniature
from tests.train.rows.judges import Answering, known_first, says
from tests.train.rows.miniature import Scripted, every_corpus
from train.rows import judging
from train.rows.command import measure_rows, rows
from train.rows.finding import find_corpora
from train.rows.measured import MeasuredRow
from train.rows.settings import RowsSettings
from train.rows.table import read_table


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora")
    every_corpus(folder)
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def measured(corpora: Path, out: Path) -> dict[str, MeasuredRow]:
    return run(RowsSettings(corpora=corpora, out=out, model="scripted"))


def run(settings: RowsSettings, answerer: Scripted | None = None) -> dict[str, MeasuredRow]:
    found = measure_rows(settings, read_table(), lambda _: answerer or Scripted())
    return {m.row.name: m for m in found}


def value(measured: MeasuredRow) -> float:
    assert measured.figure is not None, measured.missing
    return measured.figure.value


@pytest.mark.parametrize(
    ("name", "expected", "count"),
    [
        ("iemocap-accuracy", 3 / 5, 5),
        ("iemocap-ua", 0.625, 5),
        ("ravdess-accuracy", 4 / 6, 6),
        ("meld-accuracy", 3 / 5, 5),
        ("savee-accuracy", 3 / 4, 4),
        ("four-set-average", 13 / 20, 20),
        ("msp-podcast-p-f1", 0.5, 4),
        ("avamerg-bleu-1", math.exp(1 - 7 / 5) * 4 / 5, 2),
        ("voicebench-facts", 1 / 2, 2),
        ("voicebench-choice", 2 / 3, 3),
        ("emodb-accuracy", 2 / 3, 3),
        ("cafe-accuracy", 2 / 3, 3),
        ("aesdd-accuracy", 2 / 3, 3),
        ("resd-accuracy", 2 / 3, 3),
        ("esd-zh-accuracy", 2 / 3, 3),
    ],
)
def test_figures(measured: dict[str, MeasuredRow], name: str, expected: float, count: int) -> None:
    row = measured[name]
    assert value(row) == pytest.approx(expected)
    assert row.figure is not None
    assert row.figure.count == count
    assert row.figure.low <= expected <= row.figure.high


def test_what_stands_beside_a_row(measured: dict[str, MeasuredRow]) -> None:
    ravdess = measured["ravdess-accuracy"].beside
    assert ravdess["without calm"].value == pytest.approx(4 / 5)
    assert ravdess["emotion head"].value == pytest.approx(2 / 6)
    seven = measured["meld-accuracy"].beside["with disgust and fear never right"]
    assert (seven.value, seven.count) == (pytest.approx(3 / 7), 7)
    plain = measured["four-set-average"].beside["plain mean"]
    assert plain.value == pytest.approx((0.6 + 4 / 6 + 0.6 + 0.75) / 4)


def test_drops_are_counted_by_reason(measured: dict[str, MeasuredRow]) -> None:
    iemocap = measured["iemocap-accuracy"].drops
    assert iemocap["surprise is none of the row's classes"] == 1
    assert iemocap["label 'fru' is none of the five emotions"] == 1
    meld = measured["meld-accuracy"].drops
    assert meld["the table train_sent_emo.csv is missing"] == 1
    assert meld["the audio file is missing"] == 1
    assert "1 empty replies, counted as such" in measured["avamerg-bleu-1"].notes


def test_few_speakers_are_drawn_and_not_their_clips_alone(measured: dict[str, MeasuredRow]) -> None:
    assert measured["ravdess-accuracy"].drawn == "2 speakers"
    assert measured["savee-accuracy"].drawn == "utterances"  # one speaker cannot be drawn from


def test_rows_that_cannot_be_measured_say_what_is_missing(measured: dict[str, MeasuredRow]) -> None:
    assert "doi.org/10.5683" in measured["tess-accuracy"].missing
    assert "--judge" in measured["avamerg-quality"].missing
    assert measured["reasoning-factual"].figure is None


def test_the_table_is_written_with_digests_and_sources(
    measured: dict[str, MeasuredRow], out: Path
) -> None:
    text = (out / "rows.md").read_text()
    assert (
        "| MELD test, accuracy (`meld-accuracy`) | 57.3 | 64.11 (arXiv 2606.14086) | **60.0**"
        in text
    )
    assert "1241 utterances are expected" in text
    assert "needs a judge" in text
    content = json.loads((out / "rows.json").read_text())
    assert content["model_digest"] == "scripted"
    row = next(row for row in content["rows"] if row["name"] == "savee-accuracy")
    assert row["data"] == measured["savee-accuracy"].data
    assert row["published"]["best"]["value"] == 73.96
    (record,) = (out / "answers").glob("savee.emotion.*.jsonl")
    said = [json.loads(line)["given"]["text"] for line in record.read_text().splitlines()]
    assert sorted(said) == ["I cannot tell.", "Neutral.", "The tone is happy", "angry"]


def test_a_second_run_asks_nothing_and_says_the_same(
    measured: dict[str, MeasuredRow], corpora: Path, out: Path
) -> None:
    answerer = Scripted()
    again = run(RowsSettings(corpora=corpora, out=out, model="scripted"), answerer)
    assert answerer.asked == 0
    assert {n: m.figure for n, m in again.items()} == {n: m.figure for n, m in measured.items()}


def test_an_utterance_that_changed_is_answered_anew(tmp_path: Path) -> None:
    miniature.savee(tmp_path / "in")
    settings = RowsSettings(corpora=tmp_path / "in", out=tmp_path / "out", row=("savee-accuracy",))
    first = run(settings)["savee-accuracy"]
    for record in (tmp_path / "out/answers").iterdir():
        lines = record.read_bytes().splitlines(keepends=True)
        record.write_bytes(b"".join(lines[:2]) + lines[2][:9])  # killed while it wrote
    answerer = Scripted()
    assert run(settings, answerer)["savee-accuracy"].figure == first.figure
    assert answerer.asked == 2
    miniature.clip(tmp_path / "in/AudioData/DC/n02.wav", miniature.SAD)
    more = run(settings, answerer)["savee-accuracy"]
    assert value(more) == pytest.approx(3 / 5)
    assert answerer.asked == 3
    assert more.data != first.data


def test_known_speakers_are_left_out(tmp_path: Path) -> None:
    miniature.ravdess(tmp_path / "in")
    settings = RowsSettings(
        corpora=tmp_path / "in",
        out=tmp_path / "out",
        row=("ravdess-accuracy",),
        known_speakers=("ravdess-21",),
    )
    row = run(settings)["ravdess-accuracy"]  # actor 22 said calm, angry and surprise
    assert value(row) == pytest.approx(2 / 3)
    assert row.drops["the model was trained on this speaker"] == 3
    limited = run(settings.model_copy(update={"limit": 2}))["ravdess-accuracy"]
    assert limited.figure is not None
    assert limited.figure.count == 2
    assert limited.drops["not drawn"] == 1


def test_a_lower_limit_is_the_beginning_of_a_higher_one(tmp_path: Path) -> None:
    miniature.ravdess(tmp_path / "in")
    settings = RowsSettings(
        corpora=tmp_path / "in", out=tmp_path / "out", row=("ravdess-accuracy",), limit=4
    )
    answerer = Scripted()
    run(settings, answerer)
    run(settings.model_copy(update={"limit": 2}), answerer)
    assert answerer.asked == 4


def test_mini_knows_the_speakers_it_was_trained_on() -> None:
    trained_on = read_table().trained_on["mini"]
    assert trained_on == tuple(f"ravdess-{actor:02d}" for actor in range(1, 17))


def test_earlier_turns_are_heard_where_their_sound_is_there(tmp_path: Path) -> None:
    miniature.avamerg(tmp_path / "in")
    settings = RowsSettings(corpora=tmp_path / "in", out=tmp_path / "out", row=("avamerg-bleu-1",))
    answerer = Scripted()
    run(settings, answerer)
    ((heard, replied),) = max(answerer.histories, key=len)
    assert isinstance(heard, np.ndarray)
    assert replied == "That is great!"


def test_corpora_are_found_by_what_lies_in_them(tmp_path: Path) -> None:
    miniature.savee(tmp_path / "x/a")
    miniature.clip(tmp_path / "old/AudioData/DC/n01.wav", 0)
    miniature.avamerg(tmp_path / "talks")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/test.json").write_text("[]")
    miniature.ravdess(tmp_path / "unpacked")
    with zipfile.ZipFile(tmp_path / "download (1).zip", "w") as archive:
        for path in (tmp_path / "unpacked").rglob("*.wav"):
            archive.write(path, path.relative_to(tmp_path / "unpacked"))
    shutil.rmtree(tmp_path / "unpacked")
    found = find_corpora(tmp_path, read_table().corpora, apart=tmp_path / "none")
    assert {name: place.path.relative_to(tmp_path).as_posix() for name, place in found.items()} == {
        "savee": "x/a/AudioData",
        "avamerg": "talks",
        "ravdess": "download (1).zip",
    }
    assert found["savee"].others == (tmp_path / "old/AudioData",)


def test_a_broken_corpus_does_not_stop_the_others(tmp_path: Path) -> None:
    miniature.savee(tmp_path / "in/savee")
    (tmp_path / "in/friends").mkdir()
    (tmp_path / "in/friends/test_sent_emo.csv").write_text("Utterance,Who\nHi.,Ross\n")
    for path in (tmp_path / "in/savee").rglob("n01.wav"):
        path.write_bytes(b"RIFF, but no sound")
    found = run(RowsSettings(corpora=tmp_path / "in", out=tmp_path / "out"))
    assert "lacks the columns" in found["meld-accuracy"].missing
    assert value(found["savee-accuracy"]) == pytest.approx(2 / 3)
    assert any("is not audio" in reason for reason in found["savee-accuracy"].drops)


def test_refusals_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"did you mean savee-accuracy\?"):
        rows(RowsSettings(corpora=tmp_path, row=("savee-acuracy",)))
    with pytest.raises(ValueError, match="--corpora DIR"):
        rows(RowsSettings())
    with pytest.raises(ValueError, match="name the one your corpora lie in"):
        rows(RowsSettings(corpora=tmp_path / "none", out=tmp_path))


# The judge


@pytest.fixture
def talks(tmp_path: Path) -> RowsSettings:
    miniature.avamerg(tmp_path / "in")
    return RowsSettings(
        corpora=tmp_path / "in", out=tmp_path / "out", row=("avamerg-quality",), judge_model="j"
    )


def test_a_judge_is_asked_in_both_orders_and_its_failures_count_lowest(
    talks: RowsSettings, judge_server: Callable[[Answering], str]
) -> None:
    asked: list[str] = []

    def answering(question: str) -> dict[str, Any]:
        asked.append(question)
        if "(nothing was said)" in question:
            return says("As an AI I would rather not say.")
        return says("8" if known_first(question) else "Score: 6/10")

    settings = talks.model_copy(update={"judge": judge_server(answering)})
    row = run(settings)["avamerg-quality"]
    assert value(row) == pytest.approx(3.5)  # 7, and the lowest for what was not judged
    assert "order effect of the judge +2.00" in row.notes
    assert "2 of 4 verdicts: the judge's answer holds no score, counted lowest" in row.notes
    assert row.judge == "judge-1"
    assert len(asked) == 4
    assert all(("0 (the worst) to 10" in q) == known_first(q) for q in asked)
    first = next(q for q in asked if "great news" in q)
    assert "The person said: I won!" in first
    assert "A good answer would be: That is great!" in first
    assert run(settings)["avamerg-quality"].figure == row.figure
    assert len(asked) == 4  # all verdicts stand in the record


def test_a_judge_that_is_gone_is_counted_and_asked_again_next_time(
    talks: RowsSettings,
    judge_server: Callable[[Answering], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("train.continuations.writers.PAUSE_S", 0.0)
    is_back = False

    def answering(question: str) -> dict[str, Any] | None:
        return says("5", "judge-1" if known_first(question) else "judge-2") if is_back else None

    settings = talks.model_copy(update={"judge": judge_server(answering)})
    gone = run(settings)["avamerg-quality"]
    assert value(gone) == 0
    assert any(judging.UNREACHED in note for note in gone.notes)
    is_back = True
    back = run(settings)["avamerg-quality"]
    assert value(back) == 5
    assert any("exchanged" in note for note in back.notes)


def test_a_judge_that_is_gone_is_not_asked_about_the_next_row(
    tmp_path: Path,
    judge_server: Callable[[Answering], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("train.continuations.writers.PAUSE_S", 0.0)
    monkeypatch.setattr("train.rows.judging.SIDE_BY_SIDE", 1)
    miniature.ravdess(tmp_path / "in/ravdess")
    miniature.avamerg(tmp_path / "in/talks")
    asked: list[str] = []
    settings = RowsSettings(
        corpora=tmp_path / "in",
        out=tmp_path / "out",
        row=("reasoning-factual", "avamerg-quality"),
        judge=judge_server(asked.append),
    )
    found = run(settings)
    assert value(found["reasoning-factual"]) == 1  # the lowest of its scale, and said why
    assert any(judging.GIVEN_UP in note for note in found["reasoning-factual"].notes)
    assert "when the judge is back" in found["avamerg-quality"].missing
    assert all("great news" not in question for question in asked)


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ("4", 4.0),
        ("**Score:** 4.5", 4.5),
        ("4 out of 5", 4.0),
        ("6", None),
        ("between 3 and 4", None),
        ("3-4", None),
        ("1st, it is right", None),
        ("", None),
    ],
)
def test_scores_on_a_scale(said: str, score: float | None) -> None:
    assert judging.parse_score(said, (1, 5))[0] == score


def test_reasons_are_judged_against_what_was_measured(
    tmp_path: Path, judge_server: Callable[[Answering], str]
) -> None:
    miniature.savee(tmp_path / "in")
    asked: list[str] = []

    def answering(question: str) -> dict[str, Any]:
        asked.append(question)
        return says("4")

    settings = RowsSettings(
        corpora=tmp_path / "in",
        out=tmp_path / "out",
        row=("reasoning-factual",),
        judge=judge_server(answering),
    )
    row = run(settings)["reasoning-factual"]
    assert value(row) == 4
    neutral = next(q for q in asked if "The voice sounded neutral." in q)
    told = re.search(r"Measured of the voice: median pitch (\d+) Hz", neutral)
    assert told
    assert abs(int(told[1]) - miniature.LOW_HZ) < 6
    assert "meld is not in the folder" in row.notes
