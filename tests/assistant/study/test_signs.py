"""Signs that a program took part are told in tables and report, and change nothing else."""

import csv

import numpy as np
import pytest
import soundfile

from assistant.study.report.reading import read_export
from assistant.study.report.write import write_report
from assistant.study.run.runner import Runner
from assistant.study.signs.answers import answer_signs, item_seconds
from assistant.study.signs.sound import depth_db, levels_db, likeness, sound_signs
from assistant.study.tables.exporting import export
from assistant.study.tables.tracing import untraced
from tests.assistant.study.small_study import CONTENT, TAB, enter, go_through, make_study, talk

TYPED = "I felt that it listened to what I said about my week."
TEXT = 'title = "Own"\ncitation = "Own"\nlicence = "CC0"\n[[items]]\nname = "why"\ntext = "Why?"\n'
TEXT += 'form = "text"\nminimum = 0\nmaximum = 500\n'


@pytest.fixture
def runner(tmp_path):
    folder = make_study(tmp_path / "study", CONTENT.replace('["sus"]', '["sus", "why"]'))
    (folder.path / "instruments").mkdir()
    (folder.path / "instruments" / "why.toml").write_text(TEXT)
    return Runner(folder)


def answers(*seconds, step="block1-sus"):
    return [
        {"kind": "answered", "step": step, "item": f"i{n}", "value": 3, "seconds": s}
        for n, s in enumerate(seconds)
    ]


def kinds(logs):
    return [(sign.participant, sign.kind) for sign in answer_signs(logs)]


def test_the_time_of_an_item_is_counted_from_the_answer_before_it():
    shown = {"kind": "page_shown", "step": "block1-sus"}
    lines = [shown, *answers(4.0, 6.5), shown, *answers(2.0)]
    assert item_seconds(lines) == {2: 4.0, 3: 2.5, 5: 2.0}


def test_a_page_that_nobody_can_have_read_is_a_sign_and_a_quick_one_is_not():
    hasty = answers(0.5, 0.9, 1.2, 1.9, 2.4)
    quick = answers(2.0, 3.2, 4.6, 5.9, 7.3)
    assert kinds({"a": hasty, "b": quick, "c": answers(0.1, 0.2)}) == [("a", "fast")]


def test_an_item_answered_slowly_and_changed_quickly_was_read():
    slow = answers(3.0, 6.0, 9.0, 12.0, 15.0)
    again = [{**line, "seconds": 15.0 + 0.1 * n} for n, line in enumerate(slow, 1)]
    assert kinds({"a": [*slow, *again]}) == []


def typed(text, **typing):
    line = {"kind": "answered", "step": "s", "item": "why", "value": text, "seconds": 60.0}
    return [{**line, "typing": typing}]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (typed(TYPED, keys=60, pasted=0, seconds=14.0), []),
        (typed(TYPED, keys=2, pasted=53, seconds=0.4), ["pasted"]),
        (typed(TYPED, keys=0, pasted=0, seconds=0.0), ["pasted"]),
        (typed(TYPED, keys=53, pasted=0, seconds=0.5), ["fast_typing"]),
        (typed("Fine.", keys=0, pasted=5, seconds=0.0), []),
    ],
)
def test_how_a_text_came_to_be(line, found):
    assert [kind for _, kind in kinds({"a": line})] == found


def test_the_same_text_of_two_people_is_a_sign_and_the_same_choice_is_not():
    good = {"keys": 60, "pasted": 0, "seconds": 20.0}
    logs = {
        "a": typed(TYPED, **good),
        "b": typed(TYPED.upper() + "!", **good),
        "c": typed("Something else entirely, I think.", **good),
        "d": [{**typed("a" * 40)[0], "typing": None}] * 2,
    }
    assert kinds(logs) == [("a", "same_text"), ("b", "same_text")]


def test_silence_driven_browsers_traps_and_conversations_without_a_word():
    over = {"kind": "talk_ended", "step": "block1-talk", "turns": 0, "reason": "time"}
    noise = {"kind": "answered", "step": "sound", "item": "noise_db", "seconds": None}
    logs = {
        "a": [{"kind": "joined", "driven": True}, {"kind": "trapped", "step": "s"}],
        "b": [{"kind": "joined"}, {**noise, "value": -120.0}, over],
        "c": [{"kind": "joined"}, {**noise, "value": -70.0}, {**over, "reason": "participant"}],
    }
    assert kinds(logs) == [("a", "driven"), ("a", "trap"), ("b", "silence"), ("b", "no_talk")]


def burst(chance, length_s=2.0, floor=1e-3):
    """Noise in syllables of random lengths and levels over a floor: as loud and soft as speech."""
    pieces = []
    while sum(map(len, pieces)) < length_s * 16_000:
        level = chance.choice([0.0, 0.05, 0.1, 0.3])
        length = int(chance.uniform(0.04, 0.3) * 16_000)
        pieces.append(level * chance.normal(size=length) + floor * chance.normal(size=length))
    return np.concatenate(pieces)[: round(length_s * 16_000)].astype(np.float32)


def test_a_recording_that_is_played_again_is_found_shifted_soft_and_in_noise():
    chance = np.random.default_rng(3)
    one, other = burst(chance), burst(chance)
    again = (0.5 * one[900:] + 1e-3 * chance.normal(size=len(one) - 900)).astype(np.float32)
    a, b, c = (levels_db(sound, 16_000) for sound in (one, other, again))
    assert likeness(a, c) > 0.99 > 0.9 > likeness(a, b)
    assert likeness(a, c) == pytest.approx(likeness(c, a))


def rows_of(folder, sounds):
    """Writes one record for each person; returns rows of the table of turns."""
    for name, sound in sounds.items():
        talk_folder = folder / "participants" / name / "talks" / "block1-talk"
        talk_folder.mkdir(parents=True)
        stereo = np.stack([sound, np.zeros_like(sound)], axis=1)
        soundfile.write(talk_folder / "audio.wav", stereo, 16_000, subtype="PCM_16")
    return [
        {
            "participant": name,
            "step": "block1-talk",
            "start_s": 0.0,
            "end_s": len(sound) / 16_000,
            "source": f"participants/{name}/talks/block1-talk/events.jsonl:4",
        }
        for name, sound in sounds.items()
    ]


def test_sound_without_a_room_and_replayed_sound_are_signs(tmp_path):
    chance = np.random.default_rng(4)
    real, machine = burst(chance), burst(chance, floor=0.0)
    rows = rows_of(tmp_path, {"a": real, "b": real[640:], "c": machine, "d": burst(chance)})
    rows.append({**rows[0], "participant": "e", "source": "participants/e/talks/x/events.jsonl:4"})
    found = [(sign.participant, sign.kind) for sign in sound_signs(tmp_path, rows)]
    assert found == [("a", "replayed"), ("b", "replayed"), ("c", "no_room")]
    assert depth_db(levels_db(real, 16_000)) < 60


def test_sound_that_was_lost_on_its_way_is_no_sign_of_a_machine(tmp_path):
    sound = burst(np.random.default_rng(5))
    sound[8_000:20_000] = 0.0
    assert list(sound_signs(tmp_path, rows_of(tmp_path, {"a": sound}))) == []


def table(folder, name):
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_signs_stand_in_export_and_report_and_leave_nobody_out(runner, tmp_path):
    for number in range(4):
        name = f"p{number}"
        runner.join(name, {}, TAB, driven=number == 0)
        enter(runner, name)
        for block in range(1, 5):
            page = talk(runner, name)
            for place, item in enumerate(page["items"], 1):
                value = item["minimum"] + (block + number) % 4
                seconds = 1.0 if number < 2 else 2.0 * place
                runner.answer(name, TAB, page["step"], item["name"], value, seconds)
            page = runner.done(name, TAB, page["step"], {"trap": number == 1})
            typing = {"keys": 60, "pasted": 0, "seconds": 20.0, "more": 1}
            text = f"{TYPED} {name if number else ''} {block}"
            runner.answer(name, TAB, page["step"], "why", text, 20.0, typing)
            runner.done(name, TAB, page["step"], {})
        runner.done(name, TAB, "debrief", {})
    out = tmp_path / "export"
    export(runner.folder, out)
    assert untraced(runner.folder.path, out) == []
    people = {row["participant"]: row for row in table(out, "participants")}
    assert people["p0"]["signs"] == "driven;fast"
    assert people["p1"]["signs"] == "fast;trap"
    assert people["p2"]["signs"] == people["p3"]["signs"] == ""
    assert {row["excluded"] for row in people.values()} == {"0"}
    read = read_export(out)
    assert len(read.analysed) == 4
    page = write_report(out, tmp_path / "report").read_text(encoding="utf-8")
    assert "Signs of machine-made answers" in page
    assert "without the 2 people who show a sign" in page
    signs = {row["sign"]: row["people"] for row in table(tmp_path / "report", "signs")}
    assert signs == {"driven": "1", "trap": "1", "fast": "2"}


def test_without_signs_the_report_says_so(tmp_path):
    runner = Runner(make_study(tmp_path / "study"))
    go_through(runner, "p1")
    path = runner.folder.log("p1")
    path.write_text(path.read_text().replace('"seconds": 1.0', '"seconds": null'))
    export(runner.folder, tmp_path / "export")
    page = write_report(tmp_path / "export", tmp_path / "report").read_text(encoding="utf-8")
    assert "Nobody shows one." in page


@pytest.mark.parametrize("typing", [None, 5, [1], {"keys": "many"}, {"keys": 1, "pasted": 2}])
def test_how_a_text_was_written_is_kept_only_as_pages_tell_it(runner, typing):
    enter(runner, "p1")
    page = talk(runner, "p1")
    runner.answer("p1", TAB, page["step"], page["items"][0]["name"], 1, 1.0, typing)
    assert "typing" not in runner.folder.log("p1").read_text()
