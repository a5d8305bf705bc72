"""Whether all took part in one study: what ran, what changed meanwhile, who knew the key."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from assistant.study.report.reading import Export

Facts = Mapping[str, Any]
KEPT = {
    "app_version": "version of Attune",
    "code_sha256": "code",
    "torch_version": "PyTorch",
    "transformers_version": "Transformers",
    "python_version": "Python",
    "hardware": "computer",
    "models": "weights of models",
    "voices": "weights of voices",
}
"""What the lock and each start name, and what it is called."""


def warnings(export: Export) -> list[str]:
    """Returns what whoever reads the report must know before any of its numbers."""
    found: list[str] = []
    if any(run.get("engines") == "scripted" for run in _in_force(export)):
        found.append(
            "A script answered instead of models, with a hum for a voice: numbers are no findings "
            "about any assistant."
        )
    if changed := _changed(export):
        found.append(
            f"While people took part there was a change of {', '.join(changed)}: who came before "
            "and after it has met different assistants (runs in study.json says when)."
        )
    seal = _seal(export)
    if seal is not None and seal.get("early"):
        found.append(_opened(seal))
    return found


def seal_told(export: Export) -> str:
    """Returns when the key to the conditions was opened, as a sentence for the methods."""
    if export.blinded:
        return "Conditions are named by letters: the key was sealed when this report was made."
    seal = _seal(export)
    return "The conditions were not blinded." if seal is None else _opened(seal)


def _opened(seal: Facts) -> str:
    when = f"The key to the conditions was opened on {str(seal.get('utc', ''))[:10]}"
    left, early = seal.get("left"), str(seal.get("early") or "").rstrip(".")
    if not early:
        return f"{when}, when all participants had completed the study."
    return f"{when}, with {left} participants still to complete the study (reason: {early})."


def _seal(export: Export) -> Facts | None:
    """Returns the first opening of the key: with it the blinding ended."""
    seals = cast(Sequence[Facts], export.facts.get("seals") or ())
    return seals[0] if seals else None


def _in_force(export: Export) -> list[Facts]:
    """Returns the starts that people took part after: the last one before the first of them too."""
    runs = cast(Sequence[Facts], export.facts.get("runs") or ())
    lock = cast(Facts, export.facts.get("lock") or {})
    locked = str(lock.get("utc", ""))
    before = [run for run in runs if str(run.get("utc", "")) <= locked]
    return [*before[-1:], *(run for run in runs if str(run.get("utc", "")) > locked)]


def _changed(export: Export) -> list[str]:
    lock = cast(Facts, export.facts.get("lock") or {})
    return [
        told
        for name, told in KEPT.items()
        # Older versions noted less: what only one of both names is no change.
        if any(
            name in run and name in lock and run[name] != lock[name] for run in _in_force(export)
        )
    ]
