"""The rows as data: `rows.toml`, checked."""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from command_line.options import near
from train.settings import Frozen

TABLE = Path(__file__).with_name("rows.toml")

PERCENT = (
    "accuracy",
    "unweighted accuracy",
    "annotator-aware macro F1",
    "holds the answer",
    "right letter",
    "mean weighted by utterances",
)
"""Measures that are printed as per cent, as papers print them."""

JUDGED = ("factual alignment", "dialogue quality", "quality", "empathy", "helpfulness")
"""Measures that a judge gives."""


class Corpus(Frozen):
    """By what a corpus is known, and where it is had."""

    looks_like: str
    """Regular expression that the end of a path in it matches; its folder is what lies before."""
    holds: str = ""
    """Text within such a file, where the path alone says too little."""
    inside: bool = False
    """The corpus' folder is the first one of what `looks_like` matches, not the one around it."""
    archives: str = ""
    """Regular expression for the name of a tar of it, which is not looked into."""
    had: str


class PublishedFigure(Frozen):
    """What a paper prints."""

    value: float
    system: str = "BLSP-Emo"
    source: str


class Published(Frozen):
    """BLSP-Emo's figure and the best other one, where they are known."""

    blsp_emo: PublishedFigure | None = None
    best: PublishedFigure | None = None


class Beside(Frozen):
    """The same measure on a part of the set."""

    name: str
    leave_out: tuple[str, ...]
    """Labels, in the corpus' own words."""


class FieldRow(Frozen):
    """One row: a set, a task, a measure, and what is published of it."""

    name: str
    title: str
    corpus: str = ""
    corpora: tuple[str, ...] = ()
    """Several sets that are taken together, instead of `corpus`."""
    split: Literal["train", "dev", "test", ""] = ""
    """Which of its utterances count; empty: all."""
    labels: tuple[str, ...] = ()
    """Emotions that count; empty: all five."""
    subsets: tuple[str, ...] = ()
    """Labels of the corpus' own that count; empty: all."""
    task: Literal["emotion", "reply", "explain", "mean"]
    measure: str
    scale: tuple[float, float] = (0, 1)
    """Lowest and highest value of the measure."""
    of: tuple[str, ...] = ()
    """Rows that a mean is of."""
    expected: int = 0
    """Utterances of a whole copy; 0: not known."""
    per_corpus: int = 0
    """Utterances of each set at most; 0: all."""
    seven_classes: tuple[str, ...] = ()
    """Labels of the corpus outside the five that are counted as never right, beside the row."""
    beside: tuple[Beside, ...] = ()
    further: bool = False
    """Whether it is none of the ten rows that BLSP-Emo is quoted with."""
    note: str = ""
    published: Published = Published()

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the corpora that it needs."""
        return self.corpora or ((self.corpus,) if self.corpus else ())

    @property
    def is_percent(self) -> bool:
        """Whether its values are printed as per cent."""
        return self.measure in PERCENT

    @property
    def is_judged(self) -> bool:
        """Whether a judge gives its measure."""
        return self.measure in JUDGED


class FieldTable(Frozen):
    """All rows and corpora, and the number of their protocol."""

    protocol: int
    corpora: dict[str, Corpus]
    trained_on: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """Of models that are known by name: speakers that they were trained on."""
    rows: tuple[FieldRow, ...] = Field(min_length=1)

    def chosen(self, names: Sequence[str]) -> tuple[FieldRow, ...]:
        """Returns the rows of these names and the rows that their means are of; all for none.

        Raises:
            ValueError: There is no such row.
        """
        known = {row.name: row for row in self.rows}
        for name in names:
            if name not in known:
                meant = near(name, list(known))
                hint = f"did you mean {meant}?" if meant else "--list shows them"
                raise ValueError(f"there is no row {name!r}: {hint}")
        wanted = set(names or known)
        wanted |= {part for name in tuple(wanted) for part in known[name].of}
        return tuple(row for row in self.rows if row.name in wanted)


@cache
def read_table() -> FieldTable:
    """Returns the table of rows that ships with the code."""
    return FieldTable.model_validate(tomllib.loads(TABLE.read_text(encoding="utf-8")))
