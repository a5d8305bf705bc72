"""What the scores look like, how well their items agree, and how people answered."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import median

from assistant.study.reliability import ItemScores, Reliability, cronbach_alpha, mcdonald_omega
from assistant.study.report.comparisons import between
from assistant.study.report.measures import Instruments, Measure, keyed_answers
from assistant.study.report.reading import Export
from assistant.study.report.table import Row, Table
from assistant.study.statistics import NotComputable, moments


def descriptives(measures: Sequence[Measure]) -> Table:
    """Returns number, mean, spread and range of each measure in each condition."""
    rows: list[Row] = []
    for measure in measures:
        for condition, values in measure.values.items():
            head: Row = {
                "measure": measure.name,
                "title": measure.title,
                "condition": condition or "once",
                "n": len(values),
            }
            if values:
                found = moments(list(values.values()))
                low, high = (
                    (found.interval.low, found.interval.high) if found.interval else (None, None)
                )
                head |= {
                    "mean": found.mean,
                    "sd": found.sd,
                    "low": low,
                    "high": high,
                    "interval": between(low, high) if low is not None and high is not None else "",
                    "median": found.median,
                    "minimum": found.minimum,
                    "maximum": found.maximum,
                }
            rows.append(head)
    columns = {
        "measure": "",
        "title": "Measure",
        "condition": "Condition",
        "n": "n",
        "mean": "M",
        "sd": "SD",
        "low": "",
        "high": "",
        "interval": "95 % interval of M",
        "median": "Median",
        "minimum": "Min",
        "maximum": "Max",
    }
    return Table("descriptives", "Descriptives", columns, rows)


def reliability(export: Export, instruments: Instruments) -> Table:
    """Returns alpha and omega of each scale in each condition.

    Conditions are kept apart: answers of one person in two of them are not independent.
    """
    rows: list[Row] = []
    for instrument in instruments.known.values():
        for scale in instrument.scales:
            if len(scale.items) < 2:
                continue
            tables: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
            for answer in keyed_answers(export, instrument, scale):
                # With repeats the first conversation of a condition counts.
                row = tables[answer.condition].setdefault(answer.participant, {})
                row.setdefault(answer.item, answer.value)
            for condition in (*export.conditions, ""):
                if condition in tables:
                    people = [
                        [row.get(item) for item in scale.items]
                        for row in tables[condition].values()
                    ]
                    name = f"{instrument.name}.{scale.name}"
                    rows.append(_agreement(name, scale.title, condition or "once", people))
    columns = {
        "measure": "",
        "title": "Scale",
        "condition": "Condition",
        "n": "n",
        "items": "Items",
        "alpha": "α",
        "alpha_low": "",
        "alpha_high": "",
        "alpha_interval": "95 % interval",
        "omega": "ω",
        "note": "Note",
    }
    return Table("reliability", "Reliability", columns, rows)


def _agreement(
    name: str, title: str, condition: str, people: Sequence[Sequence[float | None]]
) -> Row:
    row: Row = {
        "measure": name,
        "title": title,
        "condition": condition,
        "n": sum(all(value is not None for value in person) for person in people),
        "items": len(people[0]),
    }
    notes: list[str] = []
    alpha, omega = _or_reason(cronbach_alpha, people), _or_reason(mcdonald_omega, people)
    if isinstance(alpha, Reliability):
        row["alpha"] = alpha.value
        if alpha.value < 0:
            notes.append("α below 0: the items disagree, perhaps one should be reversed")
        if alpha.interval is not None:
            row["alpha_low"], row["alpha_high"] = alpha.interval.low, alpha.interval.high
            row["alpha_interval"] = between(alpha.interval.low, alpha.interval.high)
    else:
        notes.append(f"no α: {alpha}")
    if isinstance(omega, Reliability):
        row["omega"] = omega.value
        notes += [omega.note] if omega.note else []
    elif omega != alpha:
        notes.append(f"no ω: {omega}")
    row["note"] = "; ".join(notes)
    return row


def _or_reason(
    compute: Callable[[ItemScores], Reliability], people: Sequence[Sequence[float | None]]
) -> Reliability | str:
    try:
        return compute(people)
    except NotComputable as reason:
        return str(reason)


def answering(export: Export) -> Table:
    """Returns for each instrument how many answers are missing and how long they took."""
    seconds: dict[str, list[float]] = defaultdict(list)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in export.answers:
        if row.participant in export.analysed:
            counts[row.instrument][0] += 1
            counts[row.instrument][1] += not row.value
            if row.seconds is not None:
                seconds[row.instrument].append(row.seconds)
    rows: list[Row] = [
        {
            "instrument": name,
            "answers": total,
            "missing": missing,
            "median_s": median(seconds[name]) if seconds[name] else None,
            # Too fast to have been read (Wood, Harms, Lowman & DeSimone, 2017, Response Speed and
            # Response Consistency: one second an item).
            "under_1_s": sum(value < 1 for value in seconds[name]),
        }
        for name, (total, missing) in sorted(counts.items())
    ]
    columns = {
        "instrument": "Instrument",
        "answers": "Answers",
        "missing": "Left out",
        "median_s": "Seconds an item (median)",
        "under_1_s": "Faster than 1 s",
    }
    return Table("answering", "How people answered", columns, rows)


def emotions(export: Export) -> Table:
    """Returns what was heard in the voices in each condition, and how often it was corrected."""
    turns = [turn for turn in export.turns if turn.participant in export.analysed]
    labels = [label for label in dict.fromkeys(turn.emotion for turn in turns) if label]
    rows: list[Row] = []
    for condition in export.conditions:
        here = [turn for turn in turns if turn.condition == condition]
        if here:
            rows.append(
                {
                    "condition": condition,
                    "turns": len(here),
                    **{label: sum(turn.emotion == label for turn in here) for label in labels},
                    "corrected": sum(turn.corrected not in ("", turn.emotion) for turn in here),
                    "failed": sum(turn.failed for turn in here),
                    "wizard": sum(turn.wizard for turn in here),
                }
            )
    columns = {
        "condition": "Condition",
        "turns": "Turns",
        **{label: label for label in sorted(labels)},
        "corrected": "corrected",
        "failed": "failed",
        "wizard": "by an experimenter",
    }
    return Table("turns", "What was heard in the turns", columns, rows)
