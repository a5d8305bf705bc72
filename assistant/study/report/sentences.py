"""The report in words: what each comparison says, and how the study was done."""

import platform
from collections.abc import Mapping, Sequence
from typing import Any, cast

from assistant.study.report.analysis import Analysis
from assistant.study.report.comparisons import Finding, between, signed
from assistant.study.report.measures import Instruments
from assistant.study.report.models import Fitted
from assistant.study.report.provenance import seal_told
from assistant.study.report.reading import Export
from assistant.study.report.table import number, p_told
from assistant.study.statistics import Comparison, Equivalence


def finding_told(one: Finding) -> str:
    """Returns one comparison as a sentence or three, in the style of a results section."""
    if one.comparison is None or one.equivalence is None:
        return f"{one.second} against {one.first}: not computed ({one.reason})."
    c = one.comparison
    return (
        f"{_headline(one, c)} {_test(one, c)}, {c.effect_name} = {signed(c.effect)} "
        f"{between(c.effect_interval.low, c.effect_interval.high)}. "
        f"{_equivalence(one, one.equivalence)}"
    )


def _headline(one: Finding, c: Comparison) -> str:
    points = number(round(abs(c.difference), 3))
    match one.verdict:
        case "different" | "different, but small":
            direction = "higher" if c.difference > 0 else "lower"
            small = ", though by less than matters" if one.verdict != "different" else ""
            return f"{one.second} was {direction} than {one.first} by {points} points{small}:"
        case "equivalent":
            return (
                f"{one.second} and {one.first} are equivalent (difference {signed(c.difference)}):"
            )
        case _:
            return (
                f"Undecided between {one.second} and {one.first} (difference "
                f"{signed(c.difference)}): neither a difference nor its absence is shown;"
            )


def _test(one: Finding, c: Comparison) -> str:
    df = f"{c.df:.0f}" if c.design == "paired" else f"{c.df:.1f}"
    text = f"t({df}) = {signed(c.t)}, {p_told(c.p)}"
    if one.adjusted_p is not None and one.adjusted_p != c.p:
        text += f" ({p_told(one.adjusted_p)} after Holm)"
    return f"{text}, difference {between(c.interval.low, c.interval.high)}"


def _equivalence(one: Finding, bounds: Equivalence) -> str:
    within = bounds.within(one.alpha)
    found = "lies" if within else "is not shown to lie"
    return (
        f"The difference {found} within ±{number(round(bounds.bound, 3))} points "
        f"(two one-sided tests, {p_told(bounds.p)})."
    )


def overall_told(one: Fitted) -> str:
    """Returns the test of all conditions at once, by the model of single answers; "" for two."""
    if one.model is None or len(one.terms) < 2:
        return ""
    f, p = one.model.joint_test(one.terms)
    return (
        f"All {len(one.terms) + 1} conditions: F({len(one.terms)}, {one.model.df:.0f}) = "
        f"{signed(f)}, {p_told(p)} (mixed model of the answers to single items)."
    )


def summary(findings: Sequence[Finding]) -> str:
    """Returns the count of verdicts of all scores as one sentence."""
    scores = [one for one in findings if one.measure.kind == "score"]
    if not scores:
        return "No score was asked under two conditions: there is nothing to compare."
    counts = {
        "different": sum((one.verdict or "").startswith("different") for one in scores),
        "equivalent": sum(one.verdict == "equivalent" for one in scores),
        "undecided": sum(one.verdict == "inconclusive" for one in scores),
        "not computed": sum(one.verdict is None for one in scores),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    plural = "s" if len(scores) > 1 else ""
    return f"{len(scores)} comparison{plural} of scores: {told}."


def methods(analysis: Analysis) -> list[str]:
    """Returns the paragraphs of a methods section: design, measures, analysis, software."""
    return [
        f"{_design(analysis.export)}{_conditions(analysis.export)}",
        _measures(analysis.instruments),
        _analysis(analysis),
        _software(analysis.export),
    ]


def _design(export: Export) -> str:
    design = cast(Mapping[str, Any], export.study.get("design") or {})
    kind = {
        "within": "within participants",
        "between": "between participants",
        "mixed": "partly within and partly between participants",
    }.get(str(design.get("kind", "")), "")
    conditions = f"{len(export.conditions)} conditions ({', '.join(export.conditions)})"
    order = {
        "latin": " in orders of a Latin square balanced for what precedes what",
        "all": " in all orders equally often",
        "random": " in random order",
        "fixed": " in a fixed order",
    }.get(str(design.get("order", "")), "")
    ordered = order if kind != "between participants" else ""
    seed = export.study.get("seed")
    seeded = f" (seed {seed})" if seed is not None else ""
    completed = sum(person.status == "completed" for person in export.people)
    came, analysed = len(export.people), len(export.analysed)
    return (
        f"{came} {'person' if came == 1 else 'people'} opened the study{_days(export)} and "
        f"{completed} completed it; {analysed} {'is' if analysed == 1 else 'are'} analysed. "
        f"It compared {conditions} {kind}{ordered}{seeded}; participants held spoken "
        f"conversations with Attune. {seal_told(export)}"
    ).replace("  ", " ")


def _days(export: Export) -> str:
    """Returns when people came, as " (FIRST to LAST)"."""
    days = sorted({person.joined_utc[:10] for person in export.people if person.joined_utc})
    return f" ({' to '.join(dict.fromkeys((days[0], days[-1])))})" if days else ""


def _conditions(export: Export) -> str:
    """Returns what the conditions set, once the key is open: what differs, and what does not."""
    made = cast(Mapping[str, Mapping[str, Any]], export.study.get("conditions") or {})
    if not made:
        return ""
    names = list(dict.fromkeys(key for one in made.values() for key in one))
    same = [key for key in names if len({repr(one.get(key)) for one in made.values()}) == 1]
    differing = [key for key in names if key not in same]
    told = "; ".join(f"{name}: {_settings(one, differing)}" for name, one in made.items())
    shared = _settings(next(iter(made.values())), same)
    first = f" Conditions were {told}." if differing else ""
    return f"{first} In all of them: {shared}." if shared else first


def _settings(condition: Mapping[str, Any], names: Sequence[str]) -> str:
    """Returns settings in words; those that are off or empty are left out."""
    given = ((name.replace("_", " "), condition.get(name)) for name in names)
    plain = [(name, value) for name, value in given if value and not isinstance(value, dict)]
    return ", ".join(name if value is True else f"{name} {value}" for name, value in plain)


def _measures(instruments: Instruments) -> str:
    counted = [
        one for one in instruments.known.values() if one.scales or one.kind == "questionnaire"
    ]
    # Only what is published can be scored as published.
    known = {one.title: _short(one.citation) for one in counted}
    asked = [f"{title} ({short})" for title, short in known.items()]
    published = [one for one in counted if _short(one.citation) != one.citation]
    own = sorted(instruments.unknown)
    unknown = f" Not scored item by item here: {', '.join(own)}." if own else ""
    if not asked:
        return f"No instrument with scales was asked.{unknown}"
    scored = " The published ones are scored as published." if published else ""
    return f"Measures were {'; '.join(asked)}.{scored}{unknown}"


def _short(citation: str) -> str:
    """Returns the authors and the year of a citation, or the whole where it has none."""
    head, found, rest = citation.partition("(")
    year, closed, _ = rest.partition(")")
    if not found or not closed or not year[:4].isdigit():
        return citation
    names = [name for name in head.replace("&", "").split(",") if len(name.strip(" .")) > 2]
    more = " et al." if len(names) > 2 else f" & {names[1].strip()}" if len(names) == 2 else ""
    return f"{names[0].strip()}{more}, {year}"


def _analysis(analysis: Analysis) -> str:
    plan = analysis.export.plan
    designs = {one.comparison.design for one in analysis.findings if one.comparison is not None}
    tests = {
        "paired": "paired t tests with Cohen's dz",
        "independent": "Welch's t tests with Cohen's ds",
    }
    used = " and ".join(text for name, text in tests.items() if name in designs) or "t tests"
    family = (
        f"the comparisons of {', '.join(plan.primary)}"
        if plan.primary
        else "all comparisons of scores"
    )
    factorial = (
        " Main effects and interactions of factors with two levels are the same tests of contrasts "
        "of each person's means."
        if analysis.factors
        else ""
    )
    return (
        f"Conditions were compared by {used}, with {100 * (1 - plan.alpha):g} % intervals (exact, "
        f"from the noncentral t distribution), at α = {plan.alpha:g}; p was adjusted by Holm's "
        f"procedure for {family}.{factorial} Absence of an effect was tested by two one-sided "
        f"tests (Lakens, 2017) against bounds of {plan.smallest_effect:g} standard deviations of "
        "the score (root of the mean variance of both conditions)"
        f"{' or as named in the plan' if plan.bounds else ''}. Answers to single items were "
        "analysed by linear mixed models (restricted maximum likelihood) with condition and order "
        "as fixed effects and random intercepts for participants, items and conversations; "
        "degrees of freedom are those of people, not of answers. Reliability is Cronbach's α with "
        "Feldt's interval and McDonald's ω of one factor (maximum likelihood), for each condition."
    )


def _hashes(lock: Mapping[str, Any]) -> str:
    """Returns the beginnings of the hashes of study file and code; all stand whole in the table."""
    named = {"study.toml": lock.get("study_sha256"), "code": lock.get("code_sha256")}
    told = [f"{name} {str(digest)[:12]}…" for name, digest in named.items() if digest]
    return f" (SHA-256 of {', of '.join(told)}; all hashes: table Locked)" if told else ""


def _software(export: Export) -> str:
    import numpy
    import scipy  # pyright: ignore[reportMissingTypeStubs]

    lock = cast(Mapping[str, Any], export.facts.get("lock") or {})
    facts = {
        "Attune": lock.get("app_version"),
        "PyTorch": lock.get("torch_version"),
        "Transformers": lock.get("transformers_version"),
        "Python": lock.get("python_version"),
    }
    ran = ", ".join(f"{name} {version}" for name, version in facts.items() if version)
    hardware = cast(Mapping[str, Any], lock.get("hardware") or {})
    machine = ", ".join(str(hardware[key]) for key in ("system", "processor") if hardware.get(key))
    run = f"The study ran with {ran}" if ran else "The export does not say with what the study ran"
    return (
        f"{run}{f' on {machine}' if machine and ran else ''}{_hashes(lock)}. This analysis was "
        f"computed with Python {platform.python_version()}, NumPy {numpy.__version__} and SciPy "
        f"{scipy.__version__}; analysis.ipynb beside this page redoes it with pandas, SciPy and "
        "statsmodels."
    )
