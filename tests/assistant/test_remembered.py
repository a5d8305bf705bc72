"""What is remembered between talks: one private file, by the person's own word only."""

import stat
from pathlib import Path

import pytest

from assistant.errors import InputError
from assistant.remembered import HEADING, LONGEST_CHARACTERS, MOST_FACTS, MOST_TOLD, RememberedFile


@pytest.fixture
def file(tmp_path: Path) -> RememberedFile:
    return RememberedFile(tmp_path / "own" / "memory.json")


def test_it_is_off_and_empty_until_somebody_wants_it(file: RememberedFile) -> None:
    assert file.read().told == ""
    assert not file.path.exists()
    file.add("My name is Anna.")
    assert not file.read().is_on
    assert file.read().told == "", "what is written down is not told before it is switched on"
    file.switch(on=True)
    assert file.read().told == f"{HEADING}\n- My name is Anna"


def test_it_is_for_its_owner_only(file: RememberedFile) -> None:
    file.add("a")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.path.parent.iterdir()] == ["memory.json"]


def test_it_is_mended_and_erased(file: RememberedFile) -> None:
    for fact in ("one", "two", "three"):
        file.add(fact)
    file.add("ONE")
    assert file.read().facts == ("two", "three", "ONE"), "the same is not kept twice"
    file.change(2, " drei  Dinge ")
    assert file.remove(1) == "two"
    assert file.read().facts == ("drei Dinge", "ONE")
    with pytest.raises(InputError, match="no number 3"):
        file.remove(3)
    file.switch(on=True)
    file.erase()
    assert list(file.path.parent.iterdir()) == []
    assert not file.read().is_on
    file.erase()


def test_it_has_its_bounds(file: RememberedFile) -> None:
    with pytest.raises(InputError, match="say what"):
        file.add(" . ")
    with pytest.raises(InputError, match="shorter"):
        file.add("x" * (LONGEST_CHARACTERS + 1))
    file.switch(on=True)
    for number in range(MOST_FACTS):
        file.add(f"{number} " + "x" * 100)
    with pytest.raises(InputError, match="remove one first"):
        file.add("one more")
    told = file.read().told
    assert len(told) < MOST_TOLD + 200
    assert f"- {MOST_FACTS - 1} x" in told, "the newest count"
    assert "- 0 x" not in told


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 2, "on": true, "facts": []}'])
def test_a_damaged_file_is_said_and_left_alone(file: RememberedFile, content: str) -> None:
    file.path.parent.mkdir()
    file.path.write_text(content)
    with pytest.raises(InputError, match="memory erase"):
        file.add("a")
    assert file.path.read_text() == content
