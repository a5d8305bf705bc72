"""What an instrument is made of: items, scales, the rule for missing answers, attention checks."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

AnswerValue = int | float | str
"""A number; the words of a choice or a text; the point "x,y" of a grid."""
Form = Literal["likert", "slider", "differential", "grid", "choice", "number", "text"]
Kind = Literal["questionnaire", "probe", "demographics", "behaviour", "check"]
NUMERIC: frozenset[Form] = frozenset({"likert", "slider", "differential", "number"})
WHOLE: frozenset[Form] = frozenset({"likert", "differential", "grid"})
"""Forms whose points are counted: a half is no answer to them."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Item(_Strict):
    """One question."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Of small letters, digits and underscores: it heads columns of the export."""
    text: str = ""
    """What is asked; a differential may do with its two labels."""
    form: Form
    minimum: float = 0.0
    """Least answer, or least length of a text, in characters."""
    maximum: float = 0.0
    """Greatest answer, or greatest length of a text, in characters."""
    labels: tuple[str, ...] = ()
    """The two ends; of a likert item also one for each point; the options of a choice; the ends
    left, right, bottom, top of a grid."""
    required: bool = True
    """Whether the page waits for an answer."""
    picture: Literal["", "circles"] = ""
    """Drawn in place of the points: `circles` are two that overlap more from point to point."""
    source: str = ""
    """Number of the item in its publication."""

    @model_validator(mode="after")
    def _fits_its_form(self) -> "Item":
        points = int(self.maximum - self.minimum) + 1
        allowed = {
            "likert": {0, 2, points},
            "slider": {0, 2},
            "differential": {2},
            "grid": {0, 4},
            "number": {0, 1},
            "text": {0},
        }
        if self.form == "choice":
            if len(set(self.labels)) != len(self.labels) or len(self.labels) < 2:
                raise ValueError(f"item {self.name}: a choice needs two or more different labels")
        elif len(self.labels) not in allowed[self.form]:
            wanted = " or ".join(map(str, sorted(allowed[self.form])))
            raise ValueError(
                f"item {self.name}: a {self.form} takes {wanted} labels, not {len(self.labels)}"
            )
        if self.form != "choice" and self.maximum <= self.minimum:
            raise ValueError(f"item {self.name}: its maximum must lie above its minimum")
        return self


class Scale(_Strict):
    """How answers become one score: the mean or sum of the items, less `subtract`, × `multiply`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    items: tuple[str, ...] = Field(min_length=1)
    """Names of items."""
    reversed: tuple[str, ...] = ()
    """Those of them that are worded the other way round: scored as minimum + maximum - answer."""
    rule: Literal["mean", "sum"] = "mean"
    subtract: float = 0.0
    multiply: float = 1.0
    part: Literal["", "x", "y"] = ""
    """Which coordinate of a grid."""


class MissingRule(_Strict):
    """What a scale makes of items that were not answered."""

    least_answered: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of a scale's items below which it has no score."""
    fill: Literal["mean", "centre"] = "mean"
    """What stands for a missing item: the mean of the person's other items, or its centre."""


class AttentionCheck(_Strict):
    """An item that shows whether a person reads; it counts in no scale."""

    item: Item
    passed: tuple[AnswerValue, ...] = Field(min_length=1)
    """Right answers; for a slider or a number the least and the greatest right answer."""


class Instrument(_Strict):
    """A questionnaire, a probe or a measure, with where it comes from and what its terms are."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    citation: str
    licence: str
    kind: Kind = "questionnaire"
    instruction: str = ""
    """What stands above its items."""
    import_only: bool = False
    """Whether only a template is shipped, because the items may not be passed on."""
    shuffle: bool = False
    """Whether each person sees the items in an order of their own."""
    missing: MissingRule = MissingRule()
    items: tuple[Item, ...] = ()
    scales: tuple[Scale, ...] = ()
    attention: tuple[AttentionCheck, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> "Instrument":
        named = self.asked
        if len(named) != len(self.items) + len(self.attention):
            raise ValueError("two items have one name: rename one of them")
        if not self.items and not self.import_only:
            raise ValueError("there are no items: add [[items]]")
        if len({scale.name for scale in self.scales}) != len(self.scales):
            raise ValueError("two scales have one name: rename one of them")
        for scale in self.scales:
            self._check(scale)
        return self

    def _check(self, scale: Scale) -> None:
        own = {item.name: item for item in self.items}
        unknown = [name for name in (*scale.items, *scale.reversed) if name not in own]
        if unknown:
            raise ValueError(f"scale {scale.name}: there is no item {unknown[0]!r}")
        astray = [name for name in scale.reversed if name not in scale.items]
        if astray:
            raise ValueError(f"scale {scale.name}: {astray[0]!r} is reversed but none of its items")
        for name in scale.items:
            form = own[name].form
            if form not in NUMERIC and not (form == "grid" and scale.part):
                raise ValueError(
                    f"scale {scale.name}: {name!r} is a {form}, from which no score is made"
                    + (": say part = 'x' or 'y'" if form == "grid" else "")
                )

    @property
    def asked(self) -> dict[str, Item]:
        """All items by name, those of the attention checks too."""
        checks = [check.item for check in self.attention]
        return {item.name: item for item in (*self.items, *checks)}
