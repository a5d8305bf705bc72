"""The file of a study: its conditions, who gets which in which order, its limits and pages."""

import itertools
import re
from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from assistant.configuration import Settings
from assistant.study.design.conditions import Condition
from assistant.study.design.texts import Texts
from assistant.study.report.plan import AnalysisPlan

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,31}")
MOST_CONDITIONS = 26
"""As many as there are letters to hide them behind."""
MOST_ORDERED = 5
"""Conditions of which all orders can be balanced: 120 of them."""


class Design(Settings):
    """Who gets which conditions, and in which order."""

    kind: Literal["within", "between", "mixed"] = "within"
    """within: each participant gets all conditions. between: each gets one. mixed: the factors
    named by `between` differ between participants, the others within."""
    between: tuple[str, ...] = ()
    """With mixed: the factors of which each participant gets one level."""
    order: Literal["latin", "all", "random", "fixed"] = "latin"
    """latin: a Latin square balanced for what precedes what. all: every order equally often.
    random: an order for each participant by chance. fixed: as they stand in the file."""
    repeats: int = Field(default=1, ge=1, le=10)
    """How often a participant gets each of the conditions, one round after the other."""


class TalkLimits(Settings):
    """Limits of a conversation; whichever is reached first ends it."""

    turns: int | None = Field(default=6, ge=1, le=200)
    """Answers of the assistant."""
    minutes: float | None = Field(default=5.0, gt=0.0, le=120.0)
    """Minutes since the conversation began; an answer under way is spoken to its end."""
    stop_words: tuple[str, ...] = ("stop the study", "stop the conversation")
    """What a participant says to end the conversation at once."""
    tasks: tuple[str, ...] = ()
    """What to talk about: one for each conversation in its order, or one for all."""
    probe: str = ""
    """A question after each answer, to be answered from 1 to 7; empty asks nothing."""
    probe_ends: tuple[str, str] = ("not at all", "very much")
    """What 1 and 7 stand for."""
    practice_turns: int = Field(default=1, ge=0, le=20)
    """Answers in the practice conversation; 0 leaves it out."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.turns is None and self.minutes is None:
            raise ValueError("needs turns or minutes: a conversation must end")
        return self


class Sound(Settings):
    """The check of microphone, loudspeaker and attention before the first conversation."""

    check: bool = True
    """Whether the level of the microphone is checked."""
    least_db: float = Field(default=-45.0, ge=-90.0, le=0.0)
    """Level of speech, in dB relative to full scale, below which nobody goes on."""
    headphones: Literal["off", "asked", "required"] = "off"
    """Whether six trials show that headphones are worn (Woods et al. 2017, tones in antiphase)."""
    attention_word: str = "seven"
    """A word to be said aloud: shows that somebody listens and is heard; empty leaves it out."""
    attempts: int = Field(default=3, ge=1, le=20)
    """How often each of the checks may be failed before the study ends for a person."""


class Questionnaires(Settings):
    """Which instruments are asked when, by the names of their files."""

    before: tuple[str, ...] = ()
    """Before the first conversation."""
    block: tuple[str, ...] = ()
    """After each conversation."""
    after: tuple[str, ...] = ()
    """After the last one."""
    back: bool = False
    """Whether a finished page of questions may be opened again and changed."""


class EntryRules(Settings):
    """Who may come in."""

    without_id: bool = True
    """Whether a person without a participant id in the link gets one made up."""
    completion_code: str = Field(default="", pattern=r"^[A-Za-z0-9\-]{0,32}$")
    """The code that participants are given at the end; empty makes one for each."""
    completion_link: str = Field(default="", pattern=r"^(https://\S+)?$")
    """Where a link at the end leads to, such as a panel's; {code} in it becomes the code."""


class Study(Settings):
    """A study, as its folder's study.toml says."""

    title: str = "A study with a voice assistant"
    """What participants read at the top."""
    contact: str = Field(min_length=3)
    """Who answers questions of participants: name and address."""
    seed: int = Field(ge=0)
    """Of all that is left to chance: orders, items, cells."""
    participants: int = Field(ge=1, le=100_000)
    """How many are to complete it; more are not let in."""
    retention_until: date
    """The day after which the data may not be used any more and must be deleted."""
    blinded: bool = True
    """Whether exports name conditions by letters until the key is unsealed."""
    design: Design = Design()
    base: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What all conditions have in common."""
    conditions: dict[str, dict[str, Any]] = Field(default_factory=dict[str, dict[str, Any]])
    """The conditions by name; or give factors instead."""
    factors: dict[str, dict[str, dict[str, Any]]] = Field(
        default_factory=dict[str, dict[str, dict[str, Any]]]
    )
    """Factors with their levels: the conditions are all combinations."""
    talk: TalkLimits = TalkLimits()
    sound: Sound = Sound()
    questionnaires: Questionnaires = Questionnaires()
    entry: EntryRules = EntryRules()
    analysis: AnalysisPlan = AnalysisPlan()
    """What the report tests, and at which bounds; it belongs into the pre-registration."""
    texts: Texts = Texts()

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """The levels of each factor; conditions without factors are the levels of one."""
        if self.factors:
            return {name: tuple(levels) for name, levels in self.factors.items()}
        return {"condition": tuple(self.conditions)}

    def names(self) -> tuple[str, ...]:
        """Returns the names of all conditions, in the order of the file."""
        return tuple("+".join(levels) for levels in itertools.product(*self.levels.values()))

    def condition(self, name: str) -> Condition:
        """Returns a condition: `[base]`, and over it what its levels change."""
        values = dict(self.base)
        if self.factors:
            for levels, level in zip(self.factors.values(), name.split("+"), strict=True):
                values |= levels[level]
        else:
            values |= self.conditions[name]
        return Condition.model_validate(values)

    @property
    def between(self) -> tuple[str, ...]:
        """The factors of which each participant gets one level."""
        match self.design.kind:
            case "within":
                return ()
            case "between":
                return tuple(self.levels)
            case "mixed":
                return self.design.between

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for check in (_named, _few, _mixed, _settings_fit, _orders):
            check(self)
        return self


def _named(study: Study) -> None:
    if bool(study.factors) == bool(study.conditions):
        raise ValueError("give either [conditions.NAME] tables or [factors.NAME.LEVEL] tables")
    for name in itertools.chain(study.levels, *study.levels.values()):
        if not _NAME.fullmatch(name):
            kind = "factors" if study.factors else "conditions"
            raise ValueError(
                f"{kind}: the name {name!r} cannot be used: take up to 32 letters, digits, _ and -"
            )


def _few(study: Study) -> None:
    empty = [name for name, levels in study.levels.items() if not levels]
    if empty:
        raise ValueError(f"factors.{empty[0]} has no levels: add [factors.{empty[0]}.LEVEL]")
    if len(study.names()) > MOST_CONDITIONS:
        raise ValueError(
            f"{len(study.names())} conditions are more than {MOST_CONDITIONS}: drop a factor"
        )


def _mixed(study: Study) -> None:
    unknown = [name for name in study.design.between if name not in study.levels]
    if unknown:
        known = ", ".join(study.levels)
        raise ValueError(f"design.between: there is no factor {unknown[0]!r}: use one of {known}")
    if study.design.kind == "mixed":
        if not 0 < len(set(study.design.between)) < len(study.levels):
            raise ValueError(
                "design.kind mixed needs design.between to name some of the factors, not all: "
                "use within or between otherwise"
            )
    elif study.design.between:
        raise ValueError('design.between needs design.kind = "mixed"')


def _settings_fit(study: Study) -> None:
    """Checks each condition at the place where it is written, so that the place can be named."""
    places = [("base", study.base)]
    places += [(f"conditions.{name}", values) for name, values in study.conditions.items()]
    for factor, levels in study.factors.items():
        places += [(f"factors.{factor}.{name}", values) for name, values in levels.items()]
    for place, values in places:
        try:
            Condition.model_validate(values)
        except ValidationError as error:
            # Raised anew by `read_study`, which knows the lines of the file.
            raise ConditionFault(place, error) from None


class ConditionFault(ValueError):
    """A condition is wrong; holds where it is written and what is wrong with it."""

    def __init__(self, place: str, error: ValidationError) -> None:
        super().__init__(place)
        self.place, self.error = place, error


def _orders(study: Study) -> None:
    within = [levels for name, levels in study.levels.items() if name not in study.between]
    count = len(list(itertools.product(*within))) if within else 1
    if study.design.kind != "between" and count < 2:
        raise ValueError(
            f"design.kind {study.design.kind} needs at least two conditions for each participant: "
            "add one, or use between"
        )
    if study.design.kind == "between" and len(study.names()) < 2:
        raise ValueError("design.kind between needs at least two conditions: add one")
    if study.design.order == "all" and count > MOST_ORDERED:
        raise ValueError(
            f"design.order all: {count} conditions have too many orders: use latin or random"
        )
