"""The sets of a row: a corpus that was found, prepared, and reduced to what the row counts."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.corpora.prepare import prepare
from train.corpora.settings import PrepareSettings
from train.data.manifest import Utterance, read_manifest
from train.rows.finding import CorpusPlace
from train.rows.table import FieldRow


@dataclass(frozen=True)
class Prepared:
    """A corpus as a manifest, and what was left out of it."""

    corpus: str
    manifest: Path
    utterances: Sequence[Utterance]
    drops: dict[str, int]
    """By reason, of the whole corpus."""
    others: tuple[Path, ...] = ()
    """Places that look like the corpus, too, and were not read."""


def prepare_set(corpus: str, found: CorpusPlace, folder: Path) -> Prepared:
    """Returns a corpus' manifest in `folder`; it is written anew where the corpus changed.

    Raises:
        ValueError: The corpus is half there, or nothing of it is usable.
    """
    manifest = folder / f"{corpus}.jsonl"
    source, state = manifest.with_suffix(".source"), _state(found.path)
    if not manifest.exists() or not source.exists() or source.read_text() != state:
        prepare(PrepareSettings(corpus=corpus, folder=found.path, out=manifest))
        source.write_text(state)
    summary = json.loads(manifest.with_suffix(".summary.json").read_text(encoding="utf-8"))
    read = read_manifest(manifest, check_audio=False)
    return Prepared(corpus, manifest, read.utterances, summary["dropped"], found.others)


def _state(path: Path) -> str:
    """Names, sizes and times of all files, as a digest: a corpus that changed is read again."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    lines = [str(path.resolve())]
    for file in files:
        if file.is_file():
            state = file.stat()
            lines.append(f"{file.name}\t{state.st_size}\t{state.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def chosen(
    row: FieldRow, prepared: Prepared, known_speakers: Sequence[str], limit: int
) -> tuple[list[Utterance], Counter[str]]:
    """Returns the utterances of a set that the row counts, and how many others there are, by why.

    They stand in an order that is drawn with a fixed seed.

    Args:
        row: The row.
        prepared: One of its corpora.
        known_speakers: Speakers that the model was trained on.
        limit: Utterances at most, drawn with a fixed seed; 0: all.
    """
    drops: Counter[str] = Counter()
    kept: list[Utterance] = []
    for utterance in prepared.utterances:
        reason = _left_out(row, utterance, known_speakers)
        if reason:
            drops[reason] += 1
        elif reason is not None:
            kept.append(utterance)
    # In an order that is drawn once: what a run that was stopped has answered is a random part of
    # the set, which the same command with a lower limit measures.
    places = np.random.default_rng(0).permutation(len(kept))
    kept = [kept[place] for place in places.tolist()]
    most = min((n for n in (limit, row.per_corpus) if n), default=0)
    if most and most < len(kept):
        drops["not drawn"] = len(kept) - most
        kept = kept[:most]
    return kept, drops


def _left_out(row: FieldRow, utterance: Utterance, known_speakers: Sequence[str]) -> str | None:
    """Why an utterance does not count; empty where it does, None where it is of another split."""
    if row.split and utterance.split != row.split:
        return None
    if row.subsets and utterance.label not in row.subsets:
        return None
    if row.task == "emotion" and utterance.emotion is None:
        return "no emotion is known"
    if row.labels and utterance.emotion not in row.labels:
        return f"{utterance.emotion} is none of the row's classes"
    if utterance.speaker in known_speakers:
        return "the model was trained on this speaker"
    needs_words = row.measure in ("bleu-1", "holds the answer", "right letter")
    if needs_words and not utterance.continuation:
        return "no answer is known"
    return ""
