"""The versions that a fresh machine is given: all of them, and none that picks a build of torch."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
MACHINE_CHOOSES = {"torch"}
"""Which build is right, for a CPU or for CUDA, is the machine's affair."""


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = [Requirement(line) for lines in lists for line in lines]
    return [one for one in wanted if one.name not in {project["name"], *MACHINE_CHOOSES}]


@pytest.mark.parametrize("wanted", requirements(), ids=lambda wanted: wanted.name)
def test_a_requirement_is_pinned_to_a_version_that_it_allows(wanted: Requirement) -> None:
    fitting = [pin for pin in pins() if pin.name.lower() == wanted.name.lower()]
    assert fitting, f"{wanted.name} is not in constraints.txt: run `make pins`"
    for pin in fitting:
        (version,) = pin.specifier
        assert version.operator == "=="
        assert Version(version.version) in wanted.specifier


def test_no_pin_chooses_the_build_of_torch() -> None:
    names = {pin.name for pin in pins()}
    assert not {name for name in names if re.fullmatch(r"torch|triton|(nvidia|cuda)-.*", name)}


@pytest.mark.parametrize("python", ["3.11", "3.14"])
def test_each_package_has_one_version_for_a_python_on_linux(python: str) -> None:
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
    }
    chosen = [pin.name for pin in pins() if pin.marker is None or pin.marker.evaluate(machine)]
    assert len(chosen) == len(set(chosen))


def test_both_commands_take_the_pins_unless_told_otherwise() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "PINS ?= constraints.txt" in makefile
    installs = [line for line in makefile.splitlines() if "-m pip install" in line]
    assert all("-c $(PINS)" in line or "uv" in line for line in installs)
