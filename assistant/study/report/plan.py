"""What an analysis fixes before it sees data: bounds of equivalence, primary measures, level."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field


class AnalysisPlan(BaseModel):
    """The plan of the analysis; belongs into the pre-registration."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)
    """Level of all tests."""
    smallest_effect: float = Field(default=0.5, gt=0.0, le=5.0)
    """Smallest difference of interest, in standard deviations of the score: bounds of equivalence
    where `bounds` names none."""
    bounds: Mapping[str, float] = {}
    """Smallest difference of interest in points, by measure ("pets.emotional_responsiveness")."""
    primary: tuple[str, ...] = ()
    """Measures of the hypotheses: p is adjusted for their number. None named: for all."""
    demographics: tuple[str, ...] = ()
    """Items of the demographics, such as age, that models of the scores hold beside conditions."""
