import csv
import hashlib
import json
import re
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import EngineUnavailable, InputError, OutputError
from assistant.study.instruments import instrument_path
from assistant.study.report.analysis import analyse
from assistant.study.report.flow import balance, flow
from assistant.study.report.page import page
from assistant.study.report.reading import Person, read_export
from assistant.study.report.sentences import methods
from assistant.study.report.table import p_value
from assistant.study.report.write import write_report
from tests.assistant.study.made_export import MadeStudy, make_export

pytest.importorskip("scipy")
FACTORIAL = ("voice+warm", "voice+flat", "words+warm", "words+flat")


@pytest.fixture(autouse=True)
def warnings_are_errors() -> Iterator[None]:
    """No warning of a library reaches the person who asks for a report."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def report(folder: Path, made: MadeStudy) -> Path:
    """Makes an export and its report, and returns the report's folder."""
    written = write_report(make_export(folder / "export", made), folder / "report")
    assert written == folder / "report" / "report.html"
    return written.parent


def rows(out: Path, table: str) -> list[dict[str, str]]:
    with (out / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def row(out: Path, table: str, **cells: str) -> dict[str, str]:
    """The one row with these cells."""
    found = [
        one for one in rows(out, table) if all(one[key] == value for key, value in cells.items())
    ]
    assert len(found) == 1, (cells, found)
    return found[0]


def text_of(out: Path) -> str:
    """The words of the page."""
    page = (out / "report.html").read_text(encoding="utf-8")
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).replace("&amp;", "&")


def test_a_report_recovers_the_effect_that_is_there(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(people=40, effects={"B": 0.8}))
    found = row(out, "comparisons", measure="pets.emotional_responsiveness")
    # An answer moves by 0.18 of the slider for each unit of liking.
    assert float(found["low"]) < 0.8 * 18 < float(found["high"])
    assert float(found["effect_low"]) > 0 and float(found["p_holm"]) < 0.05
    assert found["verdict"] == "different" and found["test"] == "paired t"
    model = row(out, "item_models", measure="pets.emotional_responsiveness", term="B against A")
    assert float(model["estimate"]) == pytest.approx(float(found["difference"]), rel=1e-6)
    assert "B was higher than A by" in text_of(out)


def test_no_effect_among_many_people_is_called_equivalent(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(people=120, instruments=("sus",), seed=1))
    found = row(out, "comparisons", measure="sus.usability")
    assert float(found["p"]) > 0.05 and float(found["tost_p"]) < 0.05
    assert -float(found["bound"]) < float(found["tost_low"]) < float(found["tost_high"])
    assert found["verdict"] == "equivalent"
    assert "B and A are equivalent" in text_of(out)


def test_no_effect_among_few_people_is_called_undecided(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(people=8, instruments=("sus",), seed=2))
    assert row(out, "comparisons", measure="sus.usability")["verdict"] == "inconclusive"
    assert "neither a difference nor its absence is shown" in text_of(out)
    assert "Few people: as few as 8" in text_of(out)


def test_groups_of_different_people_are_compared_by_welch(tmp_path: Path) -> None:
    made = MadeStudy(people=80, within=False, effects={"B": 1.0}, instruments=("pets",))
    out = report(tmp_path, made)
    found = row(out, "comparisons", measure="pets.understanding_trust")
    assert (found["test"], found["n"], found["effect_name"]) == ("Welch t", "40 + 40", "ds")
    assert float(found["low"]) < 18 < float(found["high"])
    terms = [one["term"] for one in rows(out, "item_models")]
    assert "order" not in terms and "B against A" in terms


def test_only_those_who_completed_and_passed_are_analysed(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(people=20, unfinished=3, excluded=2))
    steps = {one["step"]: one["people"] for one in rows(out, "flow")}
    assert steps["opened the link"] == "25" and steps["completed"] == "22"
    assert steps["analysed"] == "20"
    lost = {one["reason"]: one["people"] for one in rows(out, "exclusions")}
    assert lost == {"excluded: attention:reads": "2", "under way": "3"}
    assert {one["n"] for one in rows(out, "descriptives")} == {"20"}
    assert [one["analysed"] for one in rows(out, "balance")] == ["10", "10"]


def test_the_flow_counts_consent_by_what_was_agreed_to_and_cells_of_whoever_withdrew(
    tmp_path: Path,
) -> None:
    def person(status: str, *, consented: bool, cell: str = "") -> Person:
        return Person("p", cell, (), status, False, (), {}, consented=consented)

    people = (
        person("joined", consented=False),
        person("screened_out", consented=False),  # agreed to nothing
        person("screened_out", consented=True),  # failed the check of sound
        person("withdrawn", consented=False, cell="g1"),
    )
    export = read_export(make_export(tmp_path, MadeStudy(people=2)))
    steps = {row["step"]: row["people"] for row in flow(replace(export, people=people)).rows}
    assert (steps["consented"], steps["were given conditions"]) == (2, 1)


def test_the_methods_name_days_settings_and_hashes(tmp_path: Path) -> None:
    folder = make_export(tmp_path, MadeStudy(people=4, instruments=("pets", "manipulation")))
    facts = json.loads((folder / "study.json").read_text())
    conditions = {
        "A": {"model": "auto", "policy": "flat", "captions": False, "wizard": True},
        "B": {"model": "auto", "policy": "mirror", "captions": False, "wizard": False},
    }
    facts["study"]["conditions"] = conditions
    (folder / "study.json").write_text(json.dumps(facts))
    told = " ".join(methods(analyse(read_export(folder))))
    assert "4 people opened the study (2026-11-29) and 4 completed it" in told
    assert "A: policy flat, wizard; B: policy mirror. In all of them: model auto." in told
    assert "SHA-256 of study.toml 000000000000…" in told
    assert "Manipulation check (Attune's own wording)" in told
    assert "The published ones are scored as published." in told


@pytest.mark.parametrize(
    ("people", "cells", "told"),
    [
        (4, 2, "All 2 cells are equally full."),
        (4, None, "All 2 cells are equally full."),
        (3, 2, "The 2 cells hold between 1 and 2 people who are analysed."),
        (4, 4, "The 4 cells hold between 0 and 2 people who are analysed; 2 are empty."),
    ],
)
def test_cells_that_nobody_was_given_yet_are_no_balance(
    tmp_path: Path, people: int, cells: int | None, told: str
) -> None:
    make_export(tmp_path, MadeStudy(people=people))
    facts = json.loads((tmp_path / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps({**facts, "cells": cells}))
    assert balance(read_export(tmp_path)).note == told


BEGUN = "2026-11-02T08:00:00.000+00:00"
LOCKED = "2026-11-02T09:00:00.000+00:00"
LATER = "2026-11-03T09:00:00.000+00:00"
EARLY = {"kind": "unsealed", "utc": LATER, "by": "me", "early": "a reviewer asked.", "left": 3}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"runs": [{"utc": BEGUN, "engines": "scripted"}]}, "A script answered instead"),
        (
            {"runs": [{"utc": LATER, "engines": "real", "app_version": "0.1.1"}]},
            "While people took part there was a change of version of Attune:",
        ),
        (
            {"blinded": False, "seals": [EARLY, {**EARLY, "early": "", "left": 0}]},
            "opened on 2026-11-03, with 3 participants still to complete the study "
            "(reason: a reviewer asked).",
        ),
    ],
)
def test_what_spoils_a_study_stands_above_its_report(
    tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    assert told in banners(tmp_path, given)


def test_a_study_that_nothing_spoiled_has_no_such_banner(tmp_path: Path) -> None:
    tried = [{"utc": BEGUN, "engines": "scripted", "app_version": "0.0.9"}]
    begun = {"utc": LOCKED, "engines": "real", "app_version": "0.1.0"}
    whole = {**EARLY, "early": "", "left": 0}
    facts = {"blinded": False, "runs": [*tried, begun, {**begun, "utc": LATER}], "seals": [whole]}
    told = banners(tmp_path, facts)
    assert "script" not in told and "change" not in told and "opened" not in told
    about = " ".join(methods(analyse(read_export(tmp_path))))
    assert "opened on 2026-11-03, when all participants had completed the study." in about


def banners(folder: Path, given: dict[str, Any]) -> str:
    make_export(folder, MadeStudy(people=4))
    facts = json.loads((folder / "study.json").read_text())
    facts["lock"]["utc"] = LOCKED
    (folder / "study.json").write_text(json.dumps(facts | given))
    return page(analyse(read_export(folder))).partition("<nav>")[0]


def test_conditions_are_compared_in_the_order_of_the_file_and_not_of_the_letters(
    tmp_path: Path,
) -> None:
    folder = make_export(
        tmp_path,
        MadeStudy(
            people=4, conditions=("flat", "warm"), key={"A": "warm", "B": "flat"}, blinded=False
        ),
    )
    facts = json.loads((folder / "study.json").read_text())
    assert read_export(folder).conditions == ("warm", "flat")
    facts["study"]["conditions"] = {"flat": {}, "warm": {}}
    (folder / "study.json").write_text(json.dumps(facts))
    assert read_export(folder).conditions == ("flat", "warm")


def test_a_sealed_study_is_reported_by_letters_and_says_so(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(blinded=True))
    assert "Blinded: conditions are named by letters" in text_of(out)
    assert rows(out, "factors") == []


def test_an_unsealed_factorial_study_is_reported_by_factors(tmp_path: Path) -> None:
    key = dict(zip("ABCD", FACTORIAL, strict=True))
    effects = {"words+warm": 0.9, "words+flat": 0.9}
    made = MadeStudy(
        people=24, conditions=FACTORIAL, effects=effects, blinded=False, key=key, seed=5
    )
    out = report(tmp_path, made)
    assert "Blinded" not in text_of(out)
    main = row(out, "factors", measure="pets.emotional_responsiveness", first="voice")
    assert float(main["low"]) < 0.9 * 18 < float(main["high"]) and main["verdict"] == "different"
    tone = row(out, "factors", measure="pets.emotional_responsiveness", first="warm")
    assert float(tone["low"]) < 0 < float(tone["high"])
    both = row(
        out, "factors", measure="pets.emotional_responsiveness", first="flat − warm, with voice"
    )
    assert float(both["low"]) < 0 < float(both["high"])
    pairs = {(one["first"], one["second"]) for one in rows(out, "comparisons")}
    assert len(pairs) == 6


@pytest.mark.parametrize(
    ("people", "unfinished", "said"),
    [
        (0, 0, "Nobody has completed the study yet"),
        (0, 2, "Nobody has completed the study yet"),
        (1, 0, "needs two people who have both conditions, has 1"),
        (2, 0, "Few people: as few as 2"),
        (3, 0, "needs more people than items, has 3 for 4"),
    ],
)
def test_few_people_make_a_report_that_says_what_it_cannot_tell(
    tmp_path: Path, people: int, unfinished: int, said: str
) -> None:
    out = report(tmp_path, MadeStudy(people=people, unfinished=unfinished))
    assert said in text_of(out)
    everything = (out / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<style>.*?</style>", "", everything))
    for table in out.glob("*.csv"):
        assert not re.search(r"\b(nan|inf)\b", table.read_text(encoding="utf-8")), table


def test_people_who_all_answer_alike_break_nothing(tmp_path: Path) -> None:
    export = make_export(tmp_path / "export", MadeStudy(people=6, instruments=("pets",)))
    for table in ("answers", "scores"):
        path = export / f"{table}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(found[0]))
            writer.writeheader()
            writer.writerows({**one, "value": "50"} for one in found)
    out = write_report(export, tmp_path / "report").parent
    assert "all people differ by the same amount" in text_of(out)
    assert "all people have the same score" in text_of(out)


@pytest.mark.slow
def test_the_script_redoes_the_report_with_other_libraries(tmp_path: Path) -> None:
    pytest.importorskip("statsmodels")
    pytest.importorskip("pandas")
    out = report(tmp_path, MadeStudy(people=24, effects={"B": 0.5}, instruments=("pets",)))
    run = subprocess.run(
        [sys.executable, "analysis.py"], cwd=out, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    last = run.stdout.strip().splitlines()[-1]
    found = re.fullmatch(r"(\d+) of (\d+) comparisons found again; greatest difference (\S+)", last)
    assert found is not None and found[1] == found[2] and float(found[3]) < 1e-6
    alpha = row(out, "reliability", measure="pets.emotional_responsiveness", condition="A")
    line = next(
        line
        for line in run.stdout.splitlines()
        if re.match(r"pets.emo\S+ +A +24 +\S+ +\S+$", line.strip())
    )
    theirs = [float(cell) for cell in line.split()[-2:]]
    # Two searches for the best factor end within their tolerances of each other.
    assert theirs == pytest.approx([float(alpha["alpha"]), float(alpha["omega"])], abs=0.01)


def test_the_notebook_holds_the_cells_of_the_script(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(people=4))
    notebook = json.loads((out / "analysis.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    code = ["".join(one["source"]) for one in notebook["cells"] if one["cell_type"] == "code"]
    script = (out / "analysis.py").read_text(encoding="utf-8")
    for cell in code:
        compile(cell, "cell", "exec")
        assert cell.strip() in script
    assert str(tmp_path) not in script


def test_a_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(title="<script>alert(1)</script> & more", people=4))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "default-src 'none'" in page


def test_participants_ids_stand_nowhere_in_the_report(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(people=6))
    for path in out.iterdir():
        assert "P000" not in path.read_text(encoding="utf-8"), path


def test_only_the_owner_reads_a_report(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(people=4))
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}


def test_the_same_export_gives_the_same_bytes(tmp_path: Path) -> None:
    out = report(tmp_path, MadeStudy(people=6))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    write_report(tmp_path / "export", out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_plan_names_bounds_and_primary_measures(tmp_path: Path) -> None:
    name = "pets.emotional_responsiveness"
    plan = {"primary": [name], "bounds": {name: 12.5}, "alpha": 0.01}
    out = report(tmp_path, MadeStudy(people=12, analysis=plan))
    first = row(out, "comparisons", measure=name)
    assert float(first["bound"]) == 12.5 and first["p_holm"] == first["p"]
    assert row(out, "comparisons", measure="sus.usability")["p_holm"] == ""
    assert "99 % interval" in text_of(out)


def test_an_instrument_that_has_changed_since_is_not_scored_by_the_new_key(tmp_path: Path) -> None:
    export = make_export(tmp_path / "export", MadeStudy(people=6))
    facts = json.loads((export / "study.json").read_text(encoding="utf-8"))
    facts["lock"]["instruments"] = {"pets": "1" * 64}
    (export / "study.json").write_text(json.dumps(facts), encoding="utf-8")
    out = write_report(export, tmp_path / "report").parent
    assert "the file of pets is not the one that the study was run with" in text_of(out)
    assert {one["measure"] for one in rows(out, "reliability")} == {"sus.usability"}


def test_a_studys_own_instrument_is_scored_by_its_own_file(tmp_path: Path) -> None:
    export = make_export(tmp_path / "export", MadeStudy(people=6))
    own = tmp_path / "instruments" / "pets.toml"
    own.parent.mkdir()
    text = instrument_path("pets").read_text(encoding="utf-8")
    own.write_text(text.replace("Emotional responsiveness", "Own words"), encoding="utf-8")
    facts = json.loads((export / "study.json").read_text(encoding="utf-8"))
    facts["lock"]["instruments"] = {"pets": hashlib.sha256(own.read_bytes()).hexdigest()}
    (export / "study.json").write_text(json.dumps(facts), encoding="utf-8")
    out = write_report(export, tmp_path / "report").parent
    title = row(out, "comparisons", measure="pets.emotional_responsiveness")["title"]
    assert title == "Own words"


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("scores", None, r"scores\.csv cannot be read: make the export again"),
        ("study", None, r"is no export of a study, it has no study\.json"),
        ("participants", ("excluded", "left"), "there is no column 'excluded'"),
        ("scores", ("P000", "P000,x,y,z,w,bad,row"), "value is 'row'|is 'bad'|is '"),
        ("turns", ("first_audio_ms", "ms"), "there is no column 'first_audio_ms'"),
        ("study", ("{", "{{"), r"study\.json is damaged"),
        ("study", ('"seed": 1', '"analysis": {"alpha": 2}'), r"analysis\.alpha"),
    ],
)
def test_a_damaged_export_is_named_with_the_remedy(
    tmp_path: Path, table: str, change: tuple[str, str] | None, message: str
) -> None:
    export = make_export(tmp_path / "export", MadeStudy(people=4))
    path = next(export.glob(f"{table}.*"))
    if change is None:
        path.unlink()
    else:
        path.write_text(path.read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        write_report(export, tmp_path / "report")


def test_a_report_does_not_write_into_its_export(tmp_path: Path) -> None:
    export = make_export(tmp_path / "export", MadeStudy(people=4))
    with pytest.raises(OutputError, match="folder of its own"):
        write_report(export, export)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(export, tmp_path / "file")


def test_without_the_extra_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(EngineUnavailable, match=r"pip install -e '\.\[study\]'"):
        write_report(tmp_path, tmp_path / "report")


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "< .001"), (0.0004, "< .001"), (0.0346, ".035"), (1.0, "> .999")]
)
def test_a_p_is_printed_as_papers_print_it(p: float, text: str) -> None:
    assert p_value(p) == text


def test_demographics_that_the_plan_names_are_factors_beside_the_conditions(tmp_path):
    effects = {"B": 1.0}
    plan = {"demographics": ["age", "gender"]}
    out = report(tmp_path, MadeStudy(people=30, effects=effects, analysis=plan))
    found = [row for row in rows(out, "demographic_models") if row["measure"] == "sus.usability"]
    terms = {row["term"]: row for row in found}
    assert list(terms) == ["B against A", "age", "gender: man against woman"]
    # A third told no gender: 20 people in two talks each, and 2 terms of people beside 1 within.
    assert float(terms["B against A"]["df"]) == 40 - 20 - 3
    assert float(terms["age"]["df"]) == 20 - 1 - 2
    assert float(terms["B against A"]["p"]) < 0.01 < float(terms["age"]["p"])
    assert "with what people told about themselves" in (out / "report.html").read_text()
    plain = report(tmp_path / "plain", MadeStudy(people=6))
    assert rows(plain, "demographic_models") == []
