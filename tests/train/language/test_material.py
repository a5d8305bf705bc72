from pathlib import Path

import pytest

from models.emotions import Emotion
from train.language.material import Exchange, is_held_out, read_talks


def write(folder: Path, text: str, name: str = "talks.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_talks_are_read_with_feelings_in_the_order_they_stand(tmp_path: Path) -> None:
    write(tmp_path, "# theme\nsad> It rained.\n< Again?\n> Yes.\n< A pity.\n\n\n> Hello.\n< Hi.\n")
    first, second = read_talks([tmp_path])
    assert first.exchanges == (
        Exchange("It rained.", Emotion.SAD, "Again?"),
        Exchange("Yes.", None, "A pity."),
    )
    assert first.name == "talks.txt:2"
    assert [each.said for each in second.exchanges] == ["Hello."]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("> Hello.\n\n", "talks.txt:2: the talk ends without an answer"),
        ("< Hi.\n", "talks.txt:1: expected > words"),
        ("> Hello.\n> Hello?\n< Hi.\n", "talks.txt:2: expected < answer"),
        ("gloomy> Hello.\n< Hi.\n", "talks.txt:1: unknown emotion 'gloomy'"),
        ("Hello.\n", "talks.txt:1: expected > words"),
        ("> Hello.\n- Hm.\n", "talks.txt:2: expected < answer"),
        ("> Hello.\n< Hi.\n- Hm.\n- Well.\n", "talks.txt:4: one worse answer"),
        ("> Hello.\n< Hi.\n- Hi.\n", "talks.txt:3: one worse answer, and another"),
        ("# nothing\n", "hold no talks"),
    ],
)
def test_what_is_no_talk_is_named(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ValueError, match=told):
        read_talks([tmp_path])


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere do not exist"):
        read_talks([tmp_path / "nowhere"])


def test_a_talk_is_held_out_whatever_else_there_is(tmp_path: Path) -> None:
    lines = [f"> Number {n}.\n< Yes.\n\n" for n in range(400)]
    all_talks = read_talks([write(tmp_path, "".join(lines))])
    fewer = read_talks([write(tmp_path, "".join(lines[100:]), "fewer.txt")])
    held_out = {t.exchanges[0].said for t in all_talks if is_held_out(t, 0.1)}
    assert 20 <= len(held_out) <= 60
    said = {t.exchanges[0].said for t in fewer}
    assert {t.exchanges[0].said for t in fewer if is_held_out(t, 0.1)} == held_out & said
