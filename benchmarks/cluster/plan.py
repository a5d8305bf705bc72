"""What so many talks at once need: replicas, gateways, database, network, money; by arithmetic.

    python -m benchmarks.cluster.plan [--talks 10 1000 100000] [--card-hour 2.5] [--write]

Nothing is measured here. Each figure that goes in is printed with the command that it is from, or
as an assumption or an aim; give your own by its flag.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import table, write_section

TURN = "`python -m benchmarks.turn`"
GATEWAY = "`python -m benchmarks.cluster`, people who speak"
VOICE = "`python -m benchmarks.voices --voices piper:joe`: RTF .076, on two cores"
RECORDS = "`python -m benchmarks.records`"
ASSUMED, AIM = "assumption", "aim, not measured on a card yet"


@dataclass(frozen=True)
class PlanFigure:
    """Something that goes into the plan."""

    name: str
    value: float
    unit: str
    source: str


FIGURES = (
    PlanFigure("cycle_s", 10.0, "s from question to question in a talk", ASSUMED),
    PlanFigure("speech_s", 4.0, "s of these the person speaks", ASSUMED),
    PlanFigure("answer_s", 3.3, "s of these the answer sounds", ASSUMED),
    PlanFigure("talk_min", 5.0, "minutes that a talk lasts", ASSUMED),
    PlanFigure(
        "share", 0.6, "of its time that anything is at work at most", "`--admission.most-load`"
    ),
    PlanFigure(
        "mini_s", 3.57, "s of one core that mini takes for an answer", TURN + ", 1 thread, `reply`"
    ),
    PlanFigure("card_talks", 32.0, "talks that one H100 holds with the 7B", AIM),
    PlanFigure("gateway_share", 0.071, "of a core that a talk takes of its gateway", GATEWAY),
    PlanFigure("voice_s", 0.5, "s of one core that the voice takes for an answer", VOICE),
    PlanFigure("row_ms", 2.8, "ms that the database writes for a talk", RECORDS + ", SQLite"),
    PlanFigure("look_us", 20.0, "µs for each talk in the folder, when talks are listed", RECORDS),
    PlanFigure("look_s", 10.0, "s that a list of all talks may take", ASSUMED),
    PlanFigure("days", 30.0, "days that talks are kept", ASSUMED),
    PlanFigure("numbers_a_s", 1e7, "latencies that the census adds up in a second", ASSUMED),
    PlanFigure("card_hour", 2.5, "USD for an hour of an H100", ASSUMED),
    PlanFigure("core_hour", 0.04, "USD for an hour of a core", ASSUMED),
)
CLIENT_KB_S = 24_000 * 2 * 4 / 3 / 1_000
"""Sound on the socket: 24 kHz, 16 bits, base64; up all the time, down while an answer sounds."""
HEARD_KB_S, VOICE_KB_S = 16_000 * 4 / 1_000, 22_050 * 4 / 1_000
"""Between gateway and replicas, float32: what is heard, and what the voice gives back."""
COLUMNS = (
    "talks at once",
    "cores for replicas with mini",
    "or cards with the 7B",
    "cores for the voice",
    "gateways, a core each",
    "visitors' network, Mbit/s in / out",
    "network inside, Mbit/s",
    "talks that end, a second",
    "database at work",
    "USD an hour with mini / the 7B",
)


class Needs:
    """What so many talks need."""

    def __init__(self, talks: int, given: dict[str, float]) -> None:
        """Reckons it."""
        g = given
        asked_s = talks / g["cycle_s"]
        self.talks = talks
        self.mini_cores = math.ceil(asked_s * g["mini_s"] / g["share"])
        self.cards = math.ceil(talks / g["card_talks"])
        self.voice_cores = math.ceil(asked_s * g["voice_s"] / g["share"])
        self.gateways = math.ceil(talks * g["gateway_share"] / g["share"])
        self.in_mbit = talks * CLIENT_KB_S * 8 / 1_000
        self.out_mbit = self.in_mbit * g["answer_s"] / g["cycle_s"]
        inside_kb = g["speech_s"] * HEARD_KB_S + g["answer_s"] * VOICE_KB_S
        self.inside_mbit = asked_s * inside_kb * 8 / 1_000
        self.ended_s = talks / (60.0 * g["talk_min"])
        self.database = self.ended_s * g["row_ms"] / 1_000
        around = (self.voice_cores + self.gateways) * g["core_hour"]
        self.mini_usd = self.mini_cores * g["core_hour"] + around
        self.card_usd = self.cards * g["card_hour"] + around

    def row(self) -> list[object]:
        """Returns it for the table."""
        return [
            f"{self.talks:,}",
            f"{self.mini_cores:,}",
            f"{self.cards:,}",
            f"{self.voice_cores:,}",
            f"{self.gateways:,}",
            f"{self.in_mbit:,.0f} / {self.out_mbit:,.0f}",
            f"{self.inside_mbit:,.0f}",
            f"{self.ended_s:.2f}",
            f"{self.database:.1%}",
            f"{self.mini_usd:,.2f} / {self.card_usd:,.2f}",
        ]


def limits(given: dict[str, float]) -> list[list[object]]:
    """Returns where one cluster ends, by what ends it, in talks at once."""
    g = given
    a_gateway = g["share"] / g["gateway_share"]
    heard = a_gateway * 60.0 / g["cycle_s"]
    census = math.sqrt(g["numbers_a_s"] * g["share"] / heard)
    writer = g["share"] * 1_000 / g["row_ms"] * 60.0 * g["talk_min"]
    kept_a_talk = g["days"] * 86_400 / (60.0 * g["talk_min"])
    folder = g["look_s"] * 1e6 / g["look_us"] / kept_a_talk
    return [
        ["one gateway (one core)", f"{a_gateway:,.0f}", "start more gateways"],
        [
            "one folder of records, if all talks are recorded and kept: its list grows slow",
            f"{folder:,.0f}",
            "a folder and an index for each group of gateways; fewer `--days`; record studies only",
        ],
        [
            "the census: each gateway hears of the others' answers every second",
            f"{census * a_gateway:,.0f} ({census:,.0f} gateways)",
            "several clusters, each with its own gateways, behind one balancer",
        ],
        [
            "one database that writes one talk at a time",
            f"{writer:,.0f}",
            "a database for each cluster",
        ],
    ]


def main() -> None:
    """Prints the plan; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--talks", type=int, nargs="+", default=[10, 1_000, 100_000])
    for figure in FIGURES:
        flag = "--" + figure.name.replace("_", "-")
        parser.add_argument(flag, type=float, default=figure.value, help=figure.unit)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    body = plan(options.talks, {one.name: getattr(options, one.name) for one in FIGURES})
    print(body)
    if options.write:
        write_section("Plan for many talks", "python -m benchmarks.cluster.plan", body)


def plan(talks: Sequence[int], given: dict[str, float]) -> str:
    """Returns the tables of what goes in, what follows, and where one cluster ends."""
    inputs = [
        [f"{given[one.name]:g}", one.unit, one.source if given[one.name] == one.value else "given"]
        for one in FIGURES
    ]
    needs = [Needs(many, given).row() for many in talks]
    return "\n\n".join(
        [
            "Arithmetic, nothing measured. What goes in:",
            table(("figure", "what it is", "from"), inputs),
            table(COLUMNS, needs),
            "Where one cluster ends, by these figures:",
            table(("limit", "talks at once", "beyond it"), limits(given)),
        ]
    )


if __name__ == "__main__":
    main()
