"""The command `prepare`: a corpus in its original layout → a manifest, its summary and a plot."""

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.emotions import EMOTION_LABELS
from train.corpora.files import CorpusFiles
from train.corpora.settings import PrepareSettings
from train.corpora.table import reader_of
from train.data.manifest import Drops, Utterance, checked, reason_of, write_manifest

logger = logging.getLogger(__name__)


def prepare(settings: PrepareSettings) -> Path:
    """Writes the manifest, `*.summary.json` and `*.png` beside it; returns the manifest's path.

    Raises:
        ValueError: The corpus is unknown or incomplete, or nothing of it is usable.
    """
    reader = reader_of(settings.corpus)
    out = settings.out or Path("manifests") / f"{settings.corpus}.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    drops = Drops()
    files = CorpusFiles(settings.folder.resolve())
    utterances = list(_usable(reader(files, drops), settings, out.parent, drops))
    for line in drops.lines():
        logger.warning("%s", line)
    if not utterances:
        found = "; ".join(drops.lines()) or "no utterance was found in it"
        raise ValueError(f"{settings.folder} gives no {settings.corpus} utterance: {found}")
    write_manifest(out, utterances)
    summary = summarise(utterances, drops)
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    out.with_suffix(".summary.json").write_text(text, encoding="utf-8")
    draw_summary(utterances, out.with_suffix(".png"), title=settings.corpus)
    _print(out, summary)
    return out


def summarise(utterances: Sequence[Utterance], drops: Drops) -> dict[str, Any]:
    """Returns hours, speakers, labels and drops of a manifest."""
    splits = sorted({utterance.split for utterance in utterances})
    return {
        "utterances": len(utterances),
        "hours": round(sum(u.duration_s for u in utterances) / 3600, 3),
        "speakers": len({u.speaker for u in utterances}),
        "words": sum(len(u.text.split()) for u in utterances),
        "splits": {
            split: {
                "utterances": sum(u.split == split for u in utterances),
                "speakers": len({u.speaker for u in utterances if u.split == split}),
            }
            for split in splits
        },
        "emotions": dict(Counter(u.emotion or "none" for u in utterances).most_common()),
        "labels": dict(Counter(u.label for u in utterances if u.label).most_common()),
        "dropped": dict(drops.counts.most_common()),
    }


def draw_summary(utterances: Sequence[Utterance], picture: Path, *, title: str) -> None:
    """Draws the durations and the emotions of a manifest."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    FigureCanvasAgg(figure)
    lengths, emotions = figure.subplots(1, 2)
    lengths.hist([u.duration_s for u in utterances], bins=30)
    lengths.set_xlabel("duration (s)")
    lengths.set_ylabel("utterances")
    counts = Counter(u.emotion or "none" for u in utterances)
    names = [name for name in (*EMOTION_LABELS, "none") if counts[name]]
    emotions.bar(names, [counts[name] for name in names])
    emotions.set_ylabel("utterances")
    figure.suptitle(title)
    figure.savefig(picture, dpi=100)


def _usable(
    found: Iterator[Utterance], settings: PrepareSettings, root: Path, drops: Drops
) -> Iterator[Utterance]:
    seen: set[str] = set()
    for utterance in found:
        if utterance.id in seen:
            drops.add("id stands twice", utterance.id)
            continue
        seen.add(utterance.id)
        try:
            valid = checked(
                utterance,
                Path(),
                check_audio=settings.check_audio,
                longest_s=settings.longest_s,
            )
        except ValueError as error:
            drops.add(reason_of(error), utterance.id)
            continue
        update: dict[str, Any] = {
            "audio": _relative(valid.audio, root),
            "history_audio": tuple(_relative(audio, root) for audio in valid.history_audio),
        }
        if valid.speaker in settings.test_speakers:
            update["split"] = "test"
        yield valid.model_copy(update=update)


def _relative(reference: str, root: Path) -> str:
    """The reference from the manifest's folder if it lies below it, else absolute."""
    if not reference:
        return ""
    place = os.path.relpath(reference, root.resolve())
    return reference if place.startswith("..") else Path(place).as_posix()


def _print(out: Path, summary: dict[str, Any]) -> None:
    print(
        f"{out}: {summary['utterances']} utterances, {summary['hours']} h, "
        f"{summary['speakers']} speakers"
    )
    print("  emotions: " + ", ".join(f"{k} {v}" for k, v in summary["emotions"].items()))
    for reason, count in summary["dropped"].items():
        print(f"  dropped {count}: {reason}")
