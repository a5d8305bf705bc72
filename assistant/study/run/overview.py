"""What a study will do, and how far it is: for `check`, `status` and the pre-registration sheet."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from assistant.study.design import assignment
from assistant.study.keeping import lock, seal
from assistant.study.keeping.participant import COUNTING
from assistant.study.keeping.store import sha256_of
from assistant.study.run.runner import Runner
from assistant.study.run.steps import way


def plan(runner: Runner) -> Iterator[str]:
    """Yields the lines that say what a study will do."""
    study = runner.study
    yield f"{study.title} (seed {study.seed}, data kept until {study.retention_until})"
    yield ""
    yield "Conditions:"
    for name, condition in lock.conditions_of(study).items():
        changes = condition.model_dump(exclude_defaults=True)
        told = ", ".join(f"{key} {value!r}" for key, value in changes.items())
        yield f"  {name}: {told or 'as the defaults'}"
    every = assignment.cells(study)
    each = study.participants // len(every)
    yield ""
    yield f"Cells, each with {each} of {study.participants} participants ({study.design.kind}):"
    for cell in every:
        names = sorted(cell.conditions) if cell.is_shuffled else cell.conditions
        between = ", in an order by chance" if cell.is_shuffled else ""
        yield f"  {cell.name}: {' > '.join(names)}{between}"
    yield ""
    first = every[0]
    sequence = assignment.sequence(study, first, "")
    yield f"Pages of {first.name}:"
    for number, step in enumerate(way(study, sequence), 1):
        yield f"  {number:2}. {step.name}"


def registration(runner: Runner) -> Iterator[str]:
    """Yields a pre-registration sheet in Markdown: all that the study file can say.

    The headings follow the questions of AsPredicted; what only people can answer stays open.
    """
    study = runner.study
    yield f"# Pre-registration: {study.title}"
    yield ""
    yield f"study.toml, SHA-256 `{sha256_of(runner.folder.path / 'study.toml')}`"
    yield ""
    yield "## 1. Data collection"
    told = runner.roster.count()
    some = sum(told.values())
    yield "No data have been collected yet." if not some else f"{some} people have joined already."
    yield ""
    yield "## 2. Hypotheses"
    yield "(to be written)"
    yield ""
    yield "## 3. Dependent variables"
    yield from _measures(runner)
    yield ""
    yield "## 4. Conditions"
    yield from _conditions(runner)
    yield ""
    yield "## 5. Analyses"
    yield from _analysis(runner)
    yield ""
    yield "## 6. Outliers and exclusions"
    yield from _exclusions(runner)
    yield ""
    yield "## 7. Sample size"
    yield (
        f"{study.participants} participants who complete the study. The cell of whoever drops out "
        "or withdraws is filled by the next newcomer; nobody is let in beyond that number."
    )
    yield ""
    yield "## 8. Other"
    names = "named by letters until the key is unsealed" if study.blinded else "not blinded"
    yield f"Conditions are {names}; data are kept until {study.retention_until}."


def _measures(runner: Runner) -> Iterator[str]:
    asked = runner.study.questionnaires
    for when, names in (
        ("before the first conversation", asked.before),
        ("after each conversation", asked.block),
        ("at the end", asked.after),
    ):
        for name in names:
            instrument = runner.instruments[name]
            scales = ", ".join(scale.title for scale in instrument.scales)
            told = f"{len(instrument.items)} items" + (f"; scales: {scales}" if scales else "")
            yield f"- {instrument.title} {when}: {told}. {instrument.citation}"
    if runner.study.talk.probe:
        yield f"- after each answer: “{runner.study.talk.probe}” (1 to 7)"
    yield "- of each turn: interruptions, latency, length, estimated emotion"


def _conditions(runner: Runner) -> Iterator[str]:
    study = runner.study
    for name, condition in lock.conditions_of(study).items():
        told = ", ".join(f"{k} = {v!r}" for k, v in condition.model_dump().items())
        yield f"- **{name}**: {told}"
    order = {
        "latin": "a Latin square that balances place and precedence (Williams)",
        "all": "all orders equally often",
        "random": "an order by chance for each participant",
        "fixed": "always the same order",
    }[study.design.order]
    between = ", ".join(study.between)
    told = f" Between participants: {between}." if between else ""
    yield f"Design: {study.design.kind}.{told} Order: {order}; frozen seed {study.seed}."
    talk = study.talk
    limits = [f"{talk.turns} answers"] if talk.turns else []
    limits += [f"{talk.minutes:g} minutes"] if talk.minutes else []
    yield f"A conversation ends after {' or '.join(limits)}, or by the participant's word."


def _exclusions(runner: Runner) -> Iterator[str]:
    sound = runner.study.sound
    if sound.check:
        yield f"- nobody goes on whose speech stays below {sound.least_db:g} dB (full scale)"
    if sound.headphones == "required":
        yield "- nobody goes on who fails the headphone check (5 of 6 trials)"
    if sound.attention_word:
        yield f"- nobody goes on who is not heard to say “{sound.attention_word}”"
    for instrument in runner.instruments.values():
        if instrument.attention:
            yield f"- marked as excluded: who fails an attention check in {instrument.title}"


def status(runner: Runner) -> Iterator[str]:
    """Yields the lines that say how far a study is; conditions stay hidden."""
    study, everybody = runner.study, runner.roster.everybody()
    counts = Counter(state.status for state in everybody)
    told = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nobody has come yet"
    yield f"{study.title}: {counts['completed']} of {study.participants} complete ({told})"
    taken = Counter(state.cell for state in everybody if state.status in COUNTING)
    done = Counter(state.cell for state in everybody if state.status == "completed")
    groups = sorted(seal.read_key(runner.folder).cells) if runner.folder.key.exists() else []
    for group in groups:
        each = study.participants // len(groups)
        at_it = taken[group] - done[group]
        yield f"  {group}: {done[group]} of {each} complete, {at_it} at it"
    excluded = [state for state in everybody if state.exclusions]
    for state in excluded:
        yield f"  {state.name}: {'; '.join(state.exclusions)}"
    opened = seal.seals(runner.folder)
    if opened:
        yield f"unsealed {opened[0]['utc'][:10]} by {opened[0]['by']}"
    else:
        yield "the key is sealed" if study.blinded else "not blinded"
    yield f"data may be kept until {study.retention_until}"


def progress(runner: Runner) -> list[dict[str, Any]]:
    """Returns how far each participant is, for the experimenter's page."""
    found: list[dict[str, Any]] = []
    for state in runner.roster.everybody():
        step = runner.roster.step(state)
        found.append(
            {
                "participant": state.name,
                "status": state.status,
                "cell": state.cell,
                "step": step.name if step else "",
                "done": len(state.done),
                "of": len(runner.roster.steps(state)),
                "last_utc": state.last_utc,
                "exclusions": list(state.exclusions),
            }
        )
    return found


def _analysis(runner: Runner) -> Iterator[str]:
    plan = runner.study.analysis
    primary = ", ".join(plan.primary) or "all scales"
    yield f"Primary measures: {primary}. Two-sided tests at {plan.alpha:g}, adjusted for number."
    yield (
        f"Equivalence is tested within ±{plan.smallest_effect:g} standard deviations where no "
        "bounds in points are given."
    )
    for name, points in plan.bounds.items():
        yield f"- {name}: ±{points:g} points"
    if plan.demographics:
        yield f"Models of the scores also hold {', '.join(plan.demographics)}."
    yield "Tests, effect sizes and mixed models are those of `app.py study report`."
