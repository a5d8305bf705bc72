import os
from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.text_file import read_text, read_toml


def test_the_mark_of_an_editor_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("x = 1\n", encoding="utf-8-sig")
    assert read_toml(path, called="the policy") == {"x": 1}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing", None, "does not exist: check the name"),
        ("wide", "x = 1".encode("utf-16"), "is no UTF-8 text: save it as UTF-8"),
        ("broken", b"x = ", "is not valid TOML"),
        (".", None, "is a folder: name a text file"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=says) as refused:
        read_toml(path, called="the policy")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["/dev/zero", "pipe"])
def test_what_has_no_end_is_not_waited_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "pipe":
        os.mkfifo(path)
    with pytest.raises(SettingsError, match="is no file but a pipe or a device"):
        read_text(path, called="the policy")
