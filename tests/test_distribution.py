"""What Attune advises to install is its own clone or a package that it names as its requirement."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
READ = {".py", ".md", ".toml", ".yaml", ".yml", ".js", ".html", ".css", ".service", ""}
SHOWN = (".ci", "workflows")
"""Folders that are ours among those whose names begin with a dot."""
OTHERS = {
    "deepspeed",
    "livekit-agents",
    "livekit-local-inference",
    "pipecat-ai",
    "speech-to-speech",
    "uv",
}
"""Packages that Attune does not require: tested with it (train/README.md), or the installer."""
TAKEN = "attune"
"""A stranger's package on the index: it tunes optical amplifiers."""


def requirements() -> set[str]:
    lines = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
    return {Requirement(line).name for line in lines} - {PROJECT["name"]}


def texts() -> dict[str, str]:
    files = [path for path in sorted(ROOT.rglob("*")) if path.suffix in READ and path.is_file()]
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8", errors="replace")
        for path in files
        if path.parts[len(ROOT.parts)] not in ("build", "shared", "answers")
        and (not path.parts[len(ROOT.parts)].startswith(".") or path.parts[-2] in SHOWN)
        and path != Path(__file__)
    }


def advised(text: str) -> list[str]:
    """Returns the words that follow each `pip install` in `text`, without their quotes."""
    commands = re.findall(r"pip install ([^`\"(\n]+)", text)
    return [word.strip("'") for command in commands for word in command.split()]


TEXTS = texts()


def test_a_package_holds_every_file_of_the_shipped_model() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = content["tool"]["setuptools"]["package-data"]["*"]
    files = [path for path in (ROOT / "models" / "mini").iterdir() if path.is_file()]
    assert files
    left_out = [file.name for file in files if not any(map(file.match, patterns))]
    assert not left_out


@pytest.mark.parametrize("package", ["ui", "ui.study"])
def test_a_package_holds_every_file_of_its_page(package: str) -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folder = ROOT / package.replace(".", "/")
    patterns = content["tool"]["setuptools"]["package-data"][package]
    taken = {path for pattern in patterns for path in folder.glob(pattern)}
    files = [path for path in (folder / "static").rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if path not in taken]


def test_the_name_is_not_the_one_that_is_taken() -> None:
    assert PROJECT["name"] != TAKEN
    own = {Requirement(line).name for extra in EXTRAS.values() for line in extra}
    assert TAKEN not in own


@pytest.mark.parametrize("file", [name for name, text in TEXTS.items() if "pip install" in text])
def test_what_is_advised_is_ours_or_required(file: str) -> None:
    known = requirements() | OTHERS
    for word in advised(TEXTS[file]):
        extras = re.fullmatch(r"\.\[([\w,]+)\]", word)
        if extras:
            assert set(extras[1].split(",")) <= set(EXTRAS), word
        elif re.match(r"[a-zA-Z]", word) and "://" not in word:
            assert re.split(r"[<>=!~\[]", word)[0] in known, word


@pytest.mark.parametrize("file", [name for name, text in TEXTS.items() if f"{TAKEN}[" in text])
def test_no_text_asks_for_extras_of_the_taken_name(file: str) -> None:
    assert not re.search(rf"{TAKEN}\[({'|'.join(EXTRAS)})", TEXTS[file])
