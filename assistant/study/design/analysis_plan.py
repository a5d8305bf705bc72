"""Checks the plan of the analysis against what a study measures."""

import difflib
from collections.abc import Mapping

from assistant.errors import SettingsError
from assistant.study.design.study import Study
from assistant.study.design.study_file import STUDY_FILE
from assistant.study.instruments import Instrument

TALK_MEASURES = ("talk.probe", "talk.latency_ms", "talk.interrupted", "talk.turns")


def check_plan(study: Study, instruments: Mapping[str, Instrument]) -> None:
    """Makes sure that every measure which the plan names is taken.

    Raises:
        SettingsError: One is not; a hypothesis about it would be tested by nothing.
    """
    known = [f"{one.name}.{scale.name}" for one in instruments.values() for scale in one.scales]
    known += TALK_MEASURES
    plan = study.analysis
    told = [one for one in instruments.values() if one.kind == "demographics"]
    asked = [name for one in told for name in one.asked]
    for name in plan.demographics:
        if name not in asked:
            raise SettingsError(
                f"{STUDY_FILE}: analysis.demographics: nobody is asked for {name}: "
                + (f"use one of {', '.join(asked)}" if asked else "add an instrument of that kind")
            )
    for key, names in (("primary", plan.primary), ("bounds", tuple(plan.bounds))):
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise SettingsError(
                    f"{STUDY_FILE}: analysis.{key}: this study measures no {name}: {hint}"
                )
