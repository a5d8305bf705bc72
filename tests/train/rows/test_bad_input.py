"""Corpora and judges as they come: half there, renamed, mixed, silent. The rest goes on."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.train.rows import miniature
from tests.train.rows.judges import Answering, says
from tests.train.rows.miniature import ANGRY, HAPPY, Scripted
from train.rows import judging
from train.rows.command import measure_rows
from train.rows.measured import MeasuredRow
from train.rows.settings import RowsSettings
from train.rows.table import read_table


def run(folder: Path, *names: str, **settings: Any) -> dict[str, MeasuredRow]:
    """Measures rows of the corpora in `folder`/in."""
    told = RowsSettings(corpora=folder / "in", out=folder / "out", row=names, **settings)
    found = measure_rows(told, read_table(), lambda _: Scripted())
    return {one.row.name: one for one in found}


def value(measured: MeasuredRow) -> tuple[float, int]:
    """Returns the figure and of how many."""
    assert measured.figure is not None, measured.missing
    return round(measured.figure.value, 6), measured.figure.count


# Corpora


def test_labels_without_their_sound_are_said_and_the_next_row_goes_on(tmp_path: Path) -> None:
    miniature.iemocap(tmp_path / "in/IEMOCAP")
    shutil.rmtree(tmp_path / "in/IEMOCAP/Session5/sentences")
    miniature.savee(tmp_path / "in/savee")
    found = run(tmp_path, "iemocap-accuracy", "savee-accuracy")
    assert found["iemocap-accuracy"].figure is None
    assert "nothing of the corpus can be used" in found["iemocap-accuracy"].missing
    assert value(found["savee-accuracy"]) == (3 / 4, 4)


def test_half_a_corpus_is_measured_and_the_table_says_how_many_there_should_be(
    tmp_path: Path,
) -> None:
    miniature.ravdess(tmp_path / "in")
    shutil.rmtree(tmp_path / "in/Actor_22")
    assert value(run(tmp_path, "ravdess-accuracy")["ravdess-accuracy"])[1] == 3
    text = (tmp_path / "out/rows.md").read_text(encoding="utf-8")
    assert "1056 utterances are expected" in text


def test_a_renamed_folder_is_found_and_renamed_files_are_not_taken_for_others(
    tmp_path: Path,
) -> None:
    miniature.savee(tmp_path / "in/my old speech (copy)")
    miniature.ravdess(tmp_path / "in/ravdess")
    for actor in (tmp_path / "in/ravdess").iterdir():
        actor.rename(actor.with_name(actor.name.replace("Actor_", "speaker")))
    found = run(tmp_path, "savee-accuracy", "ravdess-accuracy")
    assert value(found["savee-accuracy"]) == (3 / 4, 4)
    assert "zenodo.org/records/1188976" in found["ravdess-accuracy"].missing


def test_a_label_nobody_knows_is_counted(tmp_path: Path) -> None:
    miniature.ravdess(tmp_path / "in")
    miniature.clip(tmp_path / "in/Actor_21/03-01-09-01-01-01-21.wav", HAPPY)
    row = run(tmp_path, "ravdess-accuracy")["ravdess-accuracy"]
    assert value(row) == (round(4 / 6, 6), 6)
    assert [count for reason, count in row.drops.items() if "'09'" in reason] == [1]


def test_two_versions_in_one_folder_count_each_recording_once(tmp_path: Path) -> None:
    miniature.ravdess(tmp_path / "in/ravdess")
    for actor in ("Actor_21", "Actor_22"):
        place = tmp_path / "in/ravdess" / actor
        shutil.copytree(place, tmp_path / "in/ravdess/audio_speech_actors_01-24" / actor)
    row = run(tmp_path, "ravdess-accuracy")["ravdess-accuracy"]
    assert value(row) == (round(4 / 6, 6), 6)
    assert any("twice" in reason for reason in row.drops) or any(
        "look like the same corpus" in note for note in row.notes
    )


def test_the_corpus_in_another_language_is_not_taken_for_it(tmp_path: Path) -> None:
    """Speakers 0011 to 0020 of ESD speak English."""
    for speaker in ("0011", "0012"):
        place = tmp_path / "in" / "ESD" / speaker
        miniature.text(place / f"{speaker}.txt", f"{speaker}_000001\tHello.\tAngry\n")
        miniature.clip(place / "Angry" / f"{speaker}_000001.wav", ANGRY)
    row = run(tmp_path, "esd-zh-accuracy")["esd-zh-accuracy"]
    assert "the corpus is not in the folder" in row.missing


# Judges


JudgeServer = Callable[[Answering], str]


def judged(tmp_path: Path, server: str) -> MeasuredRow:
    miniature.avamerg(tmp_path / "in")
    return run(tmp_path, "avamerg-quality", judge=server, judge_model="j")["avamerg-quality"]


def is_first(asked: str) -> bool:
    """Whether it is asked about the talk that was answered."""
    return "great news" in asked


def test_a_judge_that_does_not_answer_in_time_is_counted(
    tmp_path: Path, judge_server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.continuations.writers.PAUSE_S", 0.0)
    monkeypatch.setattr("train.continuations.writers.PATIENT_S", 0.3)
    is_over = threading.Event()

    def answering(asked: str) -> dict[str, Any]:
        if not is_first(asked):
            is_over.wait(20.0)
        return says("8")

    row = judged(tmp_path, judge_server(answering))
    is_over.set()
    assert value(row) == (4.0, 2)  # 8, and the lowest for what was not judged
    assert f"2 of 4 verdicts: {judging.UNREACHED}, counted lowest" in row.notes


@pytest.mark.parametrize(
    ("refusal", "failure"),
    [
        (says(None), judging.NO_SCORE),
        ({"choices": []}, judging.NO_SCORE),
        ({"error": {"message": "content policy"}}, judging.NO_SCORE),
        (400, judging.UNREACHED),
        (says("I would give this reply a solid eight."), judging.NO_SCORE),
        (says("The reply has 3 sentences and is rather good."), judging.NO_SCORE),
        (says("11"), judging.OUTSIDE),
    ],
)
def test_a_judge_that_refuses_or_chats_is_counted_lowest(
    tmp_path: Path, judge_server: JudgeServer, refusal: dict[str, Any] | int, failure: str
) -> None:
    row = judged(tmp_path, judge_server(lambda asked: says("8") if is_first(asked) else refusal))
    assert value(row) == (4.0, 2)
    assert f"2 of 4 verdicts: {failure}, counted lowest" in row.notes
