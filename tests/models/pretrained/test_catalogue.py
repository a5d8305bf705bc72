from pathlib import Path

import pytest

from models.pretrained.catalogue import PartError, find_part, read_catalogue

GOOD = """
[one]
kind = "voice"
about = "a voice"
licence = "MIT"
[[one.files]]
name = "a.onnx"
bytes = 3
sha256 = "%s"
[[one.sources]]
packages = ["one==1.0"]
bytes = 5
[one.sources.members]
"a.onnx" = ["one/a.onnx"]
""" % ("0" * 64)


def test_the_shipped_catalogue_is_whole() -> None:
    parts = read_catalogue()
    assert "joe" in parts
    for part in parts.values():
        assert part.files and part.sources and part.licence and part.about
        assert all(source.bytes > 0 for source in part.sources)


def test_a_part_is_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(GOOD)
    assert find_part("one", path).bytes == 3
    with pytest.raises(PartError, match="there is no part 'two': use one of one"):
        find_part("two", path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "a.onnx"', 'name = "../a.onnx"'),
        ('name = "a.onnx"', 'name = "/etc/passwd"'),
        ('sha256 = "0', 'sha256 = "z'),
        ("one==1.0", "one"),
        ('packages = ["one==1.0"]', ""),
        ('packages = ["one==1.0"]', 'packages = ["one==1.0"]\nhub = "a/b"\nrevision = "v1"'),
        ('"a.onnx" = ["one/a.onnx"]', '"b.onnx" = ["one/a.onnx"]'),
        ("bytes = 5", ""),
        ("[one]", "[one"),
    ],
)
def test_a_catalogue_that_is_wrong_is_refused(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(PartError, match="is no catalogue of parts"):
        read_catalogue(path)
