"""Exports: true to the record, in the forms that other programs read, and never over a file."""

import base64
import csv
import io
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import soundfile

from assistant.errors import OutputError, SettingsError
from assistant.records.exporting import write_exports
from assistant.records.exports.table import FORMATS, Format
from assistant.records.reading import Record, read_record, resolve
from assistant.records.recording import AUDIO_NAME, LOG_NAME, Consent
from assistant.records.removal.ledger import exported_files
from assistant.records.turns import Passage, passages, recorded_turns, timed_words
from models.emotions import Emotion
from tests.assistant.records.made import TALK, Said, make_record

NASTY = '<script>alert(1)</script> & "quotes" --> *stars* _lines_ $$title$$\u2028\x1b[31m'


def record(folder: Path, *said: Said, **options: object) -> Record:
    make_record(folder / "talk", said or TALK, **options)  # type: ignore[arg-type]
    return read_record(resolve(folder, "talk"))


def exported(one: Record, form: str) -> str:
    chosen = FORMATS[form]
    assert isinstance(chosen, Format)
    return chosen.export(one)


def test_turns_are_told_with_the_times_of_the_sound(tmp_path: Path) -> None:
    one = record(tmp_path, offset_s=60.0)
    first, second, third = recorded_turns(one)
    assert (first.start_s, first.end_s) == pytest.approx((0.25, 1.75))
    assert first.reply_start_s == pytest.approx(2.25)
    assert first.reply_end_s == pytest.approx(3.75)
    assert (second.said, third.said) == ("I am so", "That is good to hear!")
    assert (third.emotion, third.corrected_by) == (Emotion.HAPPY, "person")
    line = (one.folder / LOG_NAME).read_text(encoding="utf-8").splitlines()[second.line - 1]
    assert json.loads(line)["event"] == "UtteranceEnded"
    assert json.loads(line)["turn"] == 1


def test_words_share_the_time_of_their_passage(tmp_path: Path) -> None:
    passage = passages(record(tmp_path))[0]
    words = timed_words(passage)
    assert " ".join(word for word, _, _ in words) == TALK[0].words
    assert words[0][1] == passage.start_s
    assert words[-1][2] == pytest.approx(passage.end_s)
    assert all(one[2] == after[1] for one, after in itertools.pairwise(words))
    lengths = [end - start for _, start, end in words]
    assert lengths[2] > lengths[0], "driving takes longer than I"


def test_json_lines_hold_each_turn(tmp_path: Path) -> None:
    head, *turns = map(json.loads, exported(record(tmp_path), "jsonl").splitlines())
    assert (head["kind"], head["model"], head["turns"]) == ("record", "mini", 3)
    assert [turn["words"] for turn in turns] == [said.words for said in TALK]
    assert [turn["interrupted"] for turn in turns] == [False, True, False]
    assert turns[0]["p_sad"] == pytest.approx(0.8)
    assert turns[2]["corrected_emotion"] == "happy"
    assert turns[0]["marks_ms"] == {"first_audio": 412.0}
    assert turns[0]["style_rate"] == 0.9


def test_a_reply_that_was_written_before_is_told_from_the_model_s_own(tmp_path: Path) -> None:
    said = [Said(source="written"), Said()]
    _, *turns = map(json.loads, exported(record(tmp_path, *said), "jsonl").splitlines())
    assert [turn["reply_source"] for turn in turns] == ["written", "model"]


def test_tables_are_tidy_and_explained(tmp_path: Path) -> None:
    make_record(tmp_path / "a", [Said(NASTY), *TALK])
    make_record(tmp_path / "b", TALK, consent=Consent(audio=False, words=False, emotion=False))
    found = [resolve(tmp_path, name) for name in "ab"]
    files = write_exports(found, "csv", tmp_path / "out", pytest.fail)
    tables = {path.name: list(csv.DictReader(io.StringIO(path.read_text()))) for path in files}
    assert [row["record"] for row in tables["conversations.csv"]] == ["a", "b"]
    turns = tables["turns.csv"]
    assert len(turns) == 7
    assert turns[0]["words"] == NASTY
    assert turns[0]["source"].startswith("a/events.jsonl:")
    assert (turns[2]["interrupted"], turns[2]["reply_heard"]) == ("1", "I am so")
    assert {turns[5][name] for name in ("words", "emotion", "p_sad", "reply_heard")} == {""}
    explained = {(row["table"], row["column"]) for row in tables["codebook.csv"]}
    for name in ("conversations", "turns"):
        assert {(name, column) for column in tables[f"{name}.csv"][0]} <= explained
    assert all(row["meaning"] for row in tables["codebook.csv"])


def test_markdown_says_who_said_what(tmp_path: Path) -> None:
    text = exported(record(tmp_path, Said(NASTY), *TALK), "md")
    assert "**You** (0.2-1.8 s, sad 80 %): \\<script\\>alert(1)" in text
    assert "\x1b" not in text
    assert "\u2028" not in text
    assert "I am so … (interrupted)" in text
    assert "happy, corrected by person" in text
    assert "Answered with model mini, voice piper" in text


@pytest.mark.parametrize(("form", "mark"), [("vtt", "."), ("srt", ",")])
def test_captions_hold_both_sides_in_order(tmp_path: Path, form: str, mark: str) -> None:
    text = exported(record(tmp_path, Said(NASTY), *TALK), form)
    assert f"00:00:00{mark}250 --> 00:00:01{mark}750" in text
    begins = re.findall(r"^(\S+) --> \S+$", text, re.M)
    assert begins == sorted(begins)
    assert len(begins) == 8
    assert "<script>" not in text
    assert text.count("-->") == 8, "no arrow within a caption of WebVTT" if form == "vtt" else ""


def test_typed_words_are_long_enough_to_be_read(tmp_path: Path) -> None:
    first = passages(record(tmp_path, Said(typed=True)))[0]
    assert first.turn.is_typed
    assert first.end_s - first.start_s == pytest.approx(0.5)


def test_praat_reads_the_text_grid(tmp_path: Path) -> None:
    parselmouth = pytest.importorskip("parselmouth")
    one = record(tmp_path, Said(NASTY), Said("typed", typed=True), *TALK)
    path = tmp_path / "talk.TextGrid"
    path.write_text(exported(one, "textgrid"), encoding="utf-8")
    grid = parselmouth.read(str(path))
    call = parselmouth.praat.call
    assert call(grid, "Get number of tiers") == 4
    names = [call(grid, "Get tier name", tier) for tier in range(1, 5)]
    assert names == ["person", "emotion", "assistant", "style"]
    place = call(grid, "Get interval at time", 1, 0.5)
    assert '"quotes"' in call(grid, "Get label of interval", 1, place)
    emotion = call(grid, "Get interval at time", 2, 16.5)
    assert call(grid, "Get label of interval", 2, emotion) == "happy"


class Page(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag

    def handle_data(self, data: str) -> None:
        self.text += data if self._in not in ("script", "style") else ""

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_holds_everything_and_asks_nobody(tmp_path: Path) -> None:
    page = Page(exported(record(tmp_path, Said(NASTY), *TALK), "html"))
    assert len(page.of("script")) == 1, "what was said is no script"
    for tag, attributes in page.tags:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:"), tag
    (sound,) = page.of("audio")
    data = base64.b64decode((sound["src"] or "").partition(",")[2])
    assert soundfile.info(io.BytesIO(data)).duration == pytest.approx(16.0, abs=0.2)
    words = [one for one in page.of("span") if one.get("class") == "w"]
    assert len(words) > 30
    assert "happy, you said" in page.text
    assert "$$title$$" in page.text, "what was said is filled in once, as it was"
    assert len(page.of("circle")) == 4
    policy = next(one["content"] for one in page.of("meta") if "http-equiv" in one) or ""
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


@pytest.mark.parametrize("form", FORMATS)
def test_a_record_without_any_consent_can_be_exported(tmp_path: Path, form: str) -> None:
    record(tmp_path, consent=Consent(audio=False, words=False, emotion=False))
    found = [resolve(tmp_path, "talk")]
    for path in write_exports(found, form, tmp_path / "out", pytest.fail):
        text = path.read_text(encoding="utf-8")
        for secret in ("driving", "sorry", "<audio", "<circle"):
            assert secret not in text


@pytest.mark.parametrize("form", FORMATS)
def test_a_record_that_was_cut_off_can_be_exported(tmp_path: Path, form: str) -> None:
    path = make_record(tmp_path / "talk") / LOG_NAME
    lines = path.read_bytes().split(b"\n")
    for count in range(1, len(lines)):
        path.write_bytes(b"\n".join(lines[:count]) + b"\n")
        out = tmp_path / f"out-{count}"
        assert write_exports([resolve(tmp_path, "talk")], form, out, pytest.fail)


def test_files_are_private_noted_and_never_written_over(tmp_path: Path) -> None:
    make_record(tmp_path / "talk")
    found = [resolve(tmp_path, "talk")]
    (path,) = write_exports(found, "md", tmp_path / "out", pytest.fail)
    assert path == tmp_path / "out" / "talk.md"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    before = path.read_bytes()
    with pytest.raises(OutputError, match="not written over"):
        write_exports(found, "md", tmp_path / "out", pytest.fail)
    assert path.read_bytes() == before
    assert [one.path for one in exported_files(tmp_path / "talk")] == [str(path)]
    (named,) = write_exports(found, "vtt", tmp_path / "captions.vtt", pytest.fail)
    assert named == tmp_path / "captions.vtt"
    with pytest.raises(SettingsError, match="the forms are jsonl"):
        write_exports(found, "docx", tmp_path, pytest.fail)


def test_a_damaged_record_is_said_and_the_others_are_exported(tmp_path: Path) -> None:
    make_record(tmp_path / "good")
    make_record(tmp_path / "bad")
    (tmp_path / "bad" / AUDIO_NAME).unlink()
    (tmp_path / "bad" / LOG_NAME).write_text("nonsense\n")
    problems: list[str] = []
    found = [resolve(tmp_path, name) for name in ("bad", "good")]
    for form in FORMATS:
        assert write_exports(found, form, tmp_path / form, problems.append)
    assert len(problems) == len(FORMATS)
    assert all("line 1" in problem for problem in problems)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    make_record(tmp_path / "talk")
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 500:
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputError, match="disk is full"):
        write_exports([resolve(tmp_path, "talk")], "html", tmp_path / "out", pytest.fail)
    assert list((tmp_path / "out").iterdir()) == []


def test_passages_of_a_talk_that_was_really_held(tmp_path: Path) -> None:
    from tests.fakes import speech_like
    from tests.talking import talk

    spoken = speech_like((0.5, 1.5), (5.0, 6.0), length_s=10.0)
    talk(spoken, replies=["I am here. Tell me more."], record_to=tmp_path / "talk")
    one = read_record(resolve(tmp_path, "talk"))
    found: list[Passage] = passages(one)
    assert [passage.is_person for passage in found] == [True, False, True, False]
    sound, rate = soundfile.read(one.folder / AUDIO_NAME)
    for passage in found:
        channel = sound[:, 0 if passage.is_person else 1]
        span = channel[round(passage.start_s * rate) : round(passage.end_s * rate)]
        assert abs(span).max() > 0.1, "its sound is where the times say"


@pytest.mark.parametrize("words", ['=HYPERLINK("http://x")', "+1 for tea", "-x", "@SUM(1)"])
def test_words_are_no_formula_of_a_spreadsheet(tmp_path: Path, words: str) -> None:
    make_record(tmp_path / "talk", [Said(words)])
    found = [resolve(tmp_path, "talk")]
    files = write_exports(found, "csv", tmp_path / "out", pytest.fail)
    table = next(path for path in files if path.name == "turns.csv").read_text()
    (row,) = csv.DictReader(io.StringIO(table))
    assert row["words"] == f"'{words}"
    assert json.loads(exported(read_record(found[0]), "jsonl").splitlines()[-1])["words"] == words


@pytest.mark.parametrize(("form", "name"), [("csv", "talk.html"), ("html", "talk.md")])
def test_a_name_of_another_form_is_refused(tmp_path: Path, form: str, name: str) -> None:
    make_record(tmp_path / "talk", TALK)
    with pytest.raises(SettingsError, match="or another name"):
        write_exports([resolve(tmp_path, "talk")], form, tmp_path / name, pytest.fail)
    assert not (tmp_path / name).exists()


def test_an_emotion_stands_beside_a_turn_of_the_page_where_it_is_one(tmp_path: Path) -> None:
    said = [Said("It is Monday.", Emotion.NEUTRAL), Said(), Said(corrected=Emotion.NEUTRAL)]
    text = exported(record(tmp_path, *said), "html")
    felt = re.findall(r'<span class="emotion[^"]*">([^<]*)</span>', text)
    assert felt == ["sad 80 %", "neutral, you said"]
