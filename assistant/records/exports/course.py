"""The course of emotion over a record as SVG: a lane for each emotion, a dot for each turn."""

from html import escape

from assistant.records.turns import RecordedTurn
from assistant.records.wording import clock, emotion_of
from models.emotions import Emotion

LANES = (Emotion.HAPPY, Emotion.SURPRISE, Emotion.NEUTRAL, Emotion.SAD, Emotion.ANGRY)
LANE_PX = 34
LARGEST_PX, SMALLEST_PX = 11.0, 4.0
"""Radius of a dot that is certain, and of one that is not at all."""


def course(turns: list[RecordedTurn], length_s: float) -> str:
    """Returns the plot; empty where no emotion was kept.

    Across it is in percent, so that it fits any width without becoming illegible; no attribute
    is a style, so that the strictest content security lets it pass.
    """
    points = [(turn, _shown(turn)) for turn in turns]
    shown = [(turn, emotion) for turn, emotion in points if emotion is not None]
    if not shown:
        return ""
    names = "".join(f'<span class="is-{lane.label}">{lane.label}</span>' for lane in LANES)
    height = LANE_PX * len(LANES)
    middles = [(LANES.index(e) + 0.5) * LANE_PX for _, e in shown]
    places = [100.0 * min(1.0, turn.start_s / max(length_s, 0.001)) for turn, _ in shown]
    lanes = "".join(
        f'<line class="lane" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        for y in ((number + 0.5) * LANE_PX for number in range(len(LANES)))
    )
    ways = "".join(
        f'<line class="way" x1="{x1:.2f}%" y1="{y1}" x2="{x2:.2f}%" y2="{y2}"/>'
        for x1, y1, x2, y2 in zip(places, middles, places[1:], middles[1:], strict=False)
    )
    dots = "".join(
        _dot(turn, emotion, x, y)
        for (turn, emotion), x, y in zip(shown, places, middles, strict=True)
    )
    return (
        f'<div class="lanes" aria-hidden="true">{names}</div>'
        f'<svg class="plot" height="{height}" role="img" aria-label="Course of emotion">'
        f'{lanes}{ways}<line class="head" x1="0" x2="0" y1="0" y2="{height}"/>'
        f"{dots}</svg>"
    )


def _shown(turn: RecordedTurn) -> Emotion | None:
    """Returns the emotion of a turn, of an unsure one the most probable."""
    if turn.turn.corrected is not None:
        return turn.turn.corrected
    return turn.estimate.emotion if turn.estimate is not None else None


def _dot(turn: RecordedTurn, emotion: Emotion, x: float, y: float) -> str:
    is_corrected = turn.turn.corrected is not None
    sure = 1.0 if is_corrected or turn.estimate is None else turn.estimate.confidence
    radius = SMALLEST_PX + (LARGEST_PX - SMALLEST_PX) * sure
    kind = "corrected" if is_corrected else "unsure" if turn.emotion is None else "sure"
    title = escape(f"{clock(turn.start_s, hours=False)}: {emotion_of(turn)}")
    return (
        f'<circle class="is-{emotion.label} {kind}" cx="{x:.2f}%" cy="{y}" r="{radius:.1f}" '
        f'data-at="{turn.start_s:.3f}"><title>{title}</title></circle>'
    )
