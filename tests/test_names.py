"""One name, one meaning: what the house style says of classes and types, read off the code."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("assistant", "benchmarks", "command_line", "deploy", "models", "train", "ui")
ELSEWHERE = ("benchmarks/rivals/livekit_local.py", "benchmarks/rivals/pipecat_local.py")
"""Each runs in the environment of another assistant, alone, and is named after that one's parts."""


def sources() -> list[Path]:
    found = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in found if str(path.relative_to(ROOT)) not in ELSEWHERE]


TREES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in sources()
}


def classes(tree: ast.Module) -> Iterator[str]:
    """Yields the public classes of a module; a private name means something in its file only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def types(tree: ast.Module) -> Iterator[str]:
    """Yields the names that a module gives to types; type variables are known by their bounds."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                call = value.func if isinstance(value, ast.Call) else None
                is_variable = isinstance(call, ast.Name) and call.id == "TypeVar"
                if re.match(r"[A-Z][a-z]", name) and not is_variable:
                    yield name
            case _:
                pass


def test_no_class_shares_its_name_with_another() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path, tree in TREES.items():
        for name in classes(tree):
            places[name].append(path)
    assert len(places) > 500, "the classes were not found"
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice, "a class of this name is there already: take the field's word for one of them"


def test_no_type_takes_the_name_of_a_class() -> None:
    known = {name: path for path, tree in TREES.items() for name in classes(tree)}
    taken = [
        f"{path}: {name}, a class of {known[name]}"
        for path, tree in TREES.items()
        for name in types(tree)
        if name in known
    ]
    assert not taken
