"""The command `rows`: a folder of corpora → the published rows, measured with any checkpoint."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from train.corpora.meld import count_labels
from train.data.manifest import Drops
from train.loop.run_folder import code_version
from train.rows.answering import PROMPTS, Answerer, ModelAnswerer, answer_set
from train.rows.finding import CorpusPlace, find_corpora
from train.rows.judging import GIVEN_UP, Judge
from train.rows.measured import Answers, MeasuredRow, count_others, mean_row, measure_row
from train.rows.report import listing, write_report
from train.rows.sets import Prepared, chosen, prepare_set
from train.rows.settings import RowsSettings
from train.rows.table import FieldRow, FieldTable, read_table

logger = logging.getLogger(__name__)

OpenAnswerer = Callable[[RowsSettings], Answerer]


def rows(settings: RowsSettings) -> None:
    """Measures the rows that can be measured and prints the table.

    Raises:
        ValueError: There is no such folder or row.
        CheckpointError: The model cannot be used.
    """
    known = read_table()
    if settings.list:
        print(listing(known.chosen(settings.row), known.corpora))
        return
    measure_rows(settings, known, open_model)


def open_model(settings: RowsSettings) -> Answerer:
    """Returns the checkpoint that the settings name."""
    return ModelAnswerer(settings.model, settings.device, settings.longest_tokens)


def measure_rows(
    settings: RowsSettings, known: FieldTable, opened: OpenAnswerer
) -> list[MeasuredRow]:
    """Returns the rows, measured as far as the corpora that are there allow; writes the table."""
    if settings.corpora == Path():
        raise ValueError("name the folder your corpora lie in: --corpora DIR (--list shows where)")
    wanted = known.chosen(settings.row)
    settings.out.mkdir(parents=True, exist_ok=True)
    found = find_corpora(settings.corpora, known.corpora, apart=settings.out)
    for name, place in found.items():
        print(f"{name}: {place.path}")
    run = _Run(settings, known, opened, found)
    measured: dict[str, MeasuredRow] = {}
    text = ""
    for row in wanted:
        parts = [measured[name] for name in row.of]
        measured[row.name] = mean_row(row, parts) if row.task == "mean" else run.measured(row)
        # After each row: who stops the run has the table of what is done.
        text = write_report(list(measured.values()), run.facts(), settings.out)
    print(text)
    return list(measured.values())


@dataclass
class _Run:
    """What the rows of one run share: the model, loaded once, and each corpus, prepared once."""

    settings: RowsSettings
    table: FieldTable
    opened: OpenAnswerer
    found: dict[str, CorpusPlace]
    prepared: dict[str, Prepared | ValueError] = field(default_factory=dict)
    answerer: Answerer | None = None
    code: str = field(default_factory=code_version)
    judge_is_gone: bool = False

    def measured(self, row: FieldRow) -> MeasuredRow:
        """Returns one row; where it cannot be measured, with what would mend that."""
        lacking = [name for name in row.sets if name not in self.found]
        if len(lacking) == len(row.sets):
            had = "; ".join(f"{name}: {self.table.corpora[name].had}" for name in lacking)
            return MeasuredRow(row, missing=f"the corpus is not in the folder. {had}")
        if row.is_judged and not self.settings.judge:
            return MeasuredRow(row, missing="needs a judge: --judge http://…/v1 --judge-model NAME")
        if row.is_judged and self.judge_is_gone:
            return MeasuredRow(row, missing=f"{GIVEN_UP}. Run it again when the judge is back")
        drops: Counter[str] = Counter()
        sets: list[Answers] = []
        for name in row.sets:
            if name in self.found:
                try:
                    sets.append(self._answers(row, self._prepared(name), drops))
                except ValueError as error:
                    drops[f"{name} cannot be read: {error}"] += 1
        sets = [answers for answers in sets if answers.pairs]
        if not sets:
            told = "; ".join(f"{count} {reason}" for reason, count in drops.items())
            return MeasuredRow(row, missing=f"nothing of the corpus can be used: {told}")
        return self._measured(row, sets, lacking, drops)

    def _measured(
        self, row: FieldRow, sets: list[Answers], lacking: Sequence[str], drops: Counter[str]
    ) -> MeasuredRow:
        settings = self.settings
        judge = Judge(settings.judge, settings.judge_model, settings.key)
        measured = measure_row(row, sets, judge, settings.out / "verdicts" / f"{row.name}.jsonl")
        self.judge_is_gone |= any(GIVEN_UP in note for note in measured.notes)
        measured.drops = dict(drops)
        measured.notes += [f"{name} is not in the folder" for name in lacking]
        for answers in sets:
            others = self._prepared(answers.corpus).others
            if others:
                places = ", ".join(str(path) for path in others)
                measured.notes.append(f"not read, as they look like the same corpus: {places}")
        if row.seven_classes:
            count_others(measured, self._outside(row))
        return measured

    def _prepared(self, corpus: str) -> Prepared:
        if corpus not in self.prepared:
            folder = self.settings.out / "manifests"
            try:
                self.prepared[corpus] = prepare_set(corpus, self.found[corpus], folder)
            except ValueError as error:
                self.prepared[corpus] = error
        prepared = self.prepared[corpus]
        if isinstance(prepared, ValueError):
            raise prepared
        return prepared

    def _answers(self, row: FieldRow, prepared: Prepared, drops: Counter[str]) -> Answers:
        known = self.settings.known_speakers + self.table.trained_on.get(self.settings.model, ())
        utterances, left_out = chosen(row, prepared, known, self.settings.limit)
        drops.update(left_out)
        drops.update(prepared.drops)
        unread = Drops()
        root = prepared.manifest.parent
        pairs = answer_set(
            self.model, row.task, utterances, root, self._record(row, prepared), unread
        )
        drops.update(unread.counts)
        return Answers(prepared.corpus, pairs, root)

    def _record(self, row: FieldRow, prepared: Prepared) -> Path:
        """A name that says what answers depend on, so that others are never taken for them."""
        parts = [self.model.digest, str(self.table.protocol), PROMPTS[row.task]]
        if row.task != "emotion":
            parts.append(str(self.settings.longest_tokens))
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
        return self.settings.out / "answers" / f"{prepared.corpus}.{row.task}.{digest}.jsonl"

    def _outside(self, row: FieldRow) -> dict[str, int]:
        """Utterances of the row's split whose label lies outside the five, from their table."""
        counts = count_labels(self.found[row.corpus].path, row.split)
        return {label: counts[label] for label in row.seven_classes if counts[label]}

    @property
    def model(self) -> Answerer:
        """The model, loaded when the first row needs it."""
        if self.answerer is None:
            self.answerer = self.opened(self.settings)
        return self.answerer

    def facts(self) -> dict[str, Any]:
        """Returns what all rows have in common."""
        return {
            "model": self.settings.model,
            "model_digest": self.answerer.digest if self.answerer else "not loaded",
            "protocol": self.table.protocol,
            "code": self.code,
            "date": datetime.now(UTC).date().isoformat(),
            "settings": self.settings.model_dump(mode="json"),
        }
