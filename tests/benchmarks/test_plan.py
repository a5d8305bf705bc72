"""The plan is arithmetic that can be checked by hand, and names where each figure is from."""

from pathlib import Path

import pytest

from benchmarks.cluster.plan import AIM, ASSUMED, FIGURES, Needs, limits, plan

GIVEN = {one.name: one.value for one in FIGURES}
HOSTING = Path(__file__).parents[2] / "docs" / "hosting.md"


def test_what_a_thousand_talks_need() -> None:
    known = {"cycle_s": 10, "mini_s": 3.0, "share": 0.5, "card_talks": 32, "gateway_share": 0.017}
    needs = Needs(1_000, {**GIVEN, **known})
    assert needs.mini_cores == 600  # 100 questions a second, 3 s each, half of the time
    assert needs.cards == 32
    assert needs.gateways == 34  # 1.7 % of a core each, half of the time
    assert needs.in_mbit == pytest.approx(512.0)  # 64 kB/s up each
    assert needs.ended_s == pytest.approx(1_000 / 300)


def test_needs_grow_with_the_talks_and_one_talk_needs_one_of_each() -> None:
    one, many = Needs(1, GIVEN), Needs(100_000, GIVEN)
    assert (one.mini_cores, one.cards, one.gateways, one.voice_cores) == (1, 1, 1, 1)
    assert many.card_usd > 1_000 * one.card_usd


def test_each_figure_says_where_it_is_from() -> None:
    text = plan([10], GIVEN)
    for figure in FIGURES:
        assert figure.source in (ASSUMED, AIM) or "`" in figure.source, figure.name
        assert figure.unit in text
    assert "| 7 | USD for an hour of an H100 | given |" in plan([10], {**GIVEN, "card_hour": 7})


def test_a_slower_database_is_a_nearer_limit() -> None:
    def last(given: dict[str, float]) -> int:
        return int(str(limits(given)[-1][1]).replace(",", ""))

    assert last({**GIVEN, "row_ms": 28.0}) == pytest.approx(last(GIVEN) / 10, rel=0.01)


@pytest.mark.parametrize("talks", [10, 1_000, 100_000])
def test_the_documents_say_what_the_plan_reckons(talks: int) -> None:
    (line,) = [row for row in HOSTING.read_text().splitlines() if row.startswith(f"| {talks:,} |")]
    cells = [cell.split()[0] for cell in line.strip("|").split("|")]
    needs = Needs(talks, GIVEN)
    counts = (needs.mini_cores, needs.cards, needs.voice_cores, needs.gateways)
    assert cells[1:5] == [f"{count:,}" for count in counts]
    assert cells[7] == f"{needs.mini_usd:,.{0 if talks > 10 else 2}f}"


def test_the_documents_say_where_one_cluster_ends() -> None:
    text = HOSTING.read_text()
    for _, where, _ in limits(GIVEN):
        ends = int(str(where).split()[0].replace(",", ""))
        rough = ends if ends < 100 else float(f"{ends:.2g}")
        assert f"| {rough:,.0f} talks" in text, where
