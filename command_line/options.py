"""The options of a command, read off its tree of settings."""

import difflib
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Keys = tuple[str, ...]
"""Where a setting lies: the names of its parts and its own."""

MAY_BE_EMPTY = "may be empty"
"""Marks a text, by `Annotated[str, MAY_BE_EMPTY]`, whose empty value is a choice of its own."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting as the command line knows it."""

    keys: Keys
    name: str
    """With its parts, as in `generation.top-p`."""
    default: Any
    kind: Any
    """Its type; None is left out of it."""
    may_be_none: bool
    is_positional: bool
    is_hidden: bool
    may_be_empty: bool = False
    """Whether an empty text means something, although it is not the default."""
    about: str = ""
    """What it means, in a sentence or a few."""

    @property
    def is_flag(self) -> bool:
        """Whether it takes no value."""
        return self.kind is bool

    @property
    def takes(self) -> int | None:
        """How many values it takes; None for any number."""
        if get_origin(self.kind) is dict:
            return None
        if get_origin(self.kind) is tuple:
            items = get_args(self.kind)
            return None if Ellipsis in items else len(items)
        return 0 if self.is_flag else 1


def options(kind: type[BaseModel], keys: Keys = (), name: str = "") -> Iterator[Option]:
    """Yields every setting of a tree, in the order of its fields."""
    for key, field in kind.model_fields.items():
        here, own = (*keys, key), _spelt(key, field)
        # One that is called after its part, such as `llm-server`, is plain without it.
        spelt = own if name and own.startswith(f"{name[:-1]}-") else name + own
        part = part_of(field)
        if part is not None:
            yield from options(part, here, spelt + ".")
            continue
        told, may_be_none = _without_none(field.annotation)
        marks = {repr(mark).lower() for mark in field.metadata}
        yield Option(
            keys=here,
            name=spelt,
            default=field.default,
            kind=told,
            may_be_none=may_be_none,
            is_positional=any("positional" in mark for mark in marks),
            is_hidden=any("suppress" in mark for mark in marks),
            may_be_empty=any(MAY_BE_EMPTY in mark for mark in marks),
            about=" ".join((field.description or "").split()),
        )


def part_of(field: FieldInfo | None) -> type[BaseModel] | None:
    """Returns the settings that a field holds, or None where it is a setting itself."""
    kind: Any = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def short_names(known: Sequence[Option]) -> dict[Keys, str]:
    """Returns the last part of the names that no other option ends in: it suffices to name it."""
    leaves = Counter(option.name.rpartition(".")[2] for option in known)
    named = {option.keys: option.name.rpartition(".")[2] for option in known}
    return {keys: leaf for keys, leaf in named.items() if leaves[leaf] == 1}


def choices(kind: Any) -> tuple[str, ...]:
    """Returns the words that a setting of this type may be; empty where it may be any."""
    if get_origin(kind) is tuple:
        return choices(get_args(kind)[0])
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def near(name: str, names: list[str]) -> str | None:
    """Returns the one of `names` that was probably meant, also where its parts were left out."""
    ends = {one.rpartition(".")[2]: one for one in reversed(names)}
    if (end := name.rpartition(".")[2]) in ends:
        return ends[end]
    meant = difflib.get_close_matches(name, [*names, *ends], n=1, cutoff=0.7)
    return ends.get(meant[0], meant[0]) if meant else None


def _spelt(key: str, field: FieldInfo) -> str:
    named = (getattr(mark, "name", None) for mark in field.metadata)
    return next((name for name in named if isinstance(name, str)), key.replace("_", "-"))


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not types.NoneType]
    return (kinds[0], True) if len(kinds) == 1 else (annotation, True)
