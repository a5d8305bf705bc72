"""Talks that are answered at the same time: one after another, and sharing each step of the LLM.

    python -m benchmarks.gpu.together [--model NAME] [--talks 1 2 4] [--tokens 32] [--write]

Each talk has gone on for a while, of a length of its own; tokens of its prefill are not counted.
"""

import argparse
import time
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import replace

import torch

from assistant.engines.blsp_emo import load_checkpoint
from assistant.engines.settings import ModelSettings
from benchmarks.gpu.measure import HEADER, MeasurePlan, done, reply, talk
from benchmarks.results import percentile, table, write_section
from models.blsp_emo import BlspEmo
from models.checkpoints.embedded import EMBEDDED
from models.decoding.begin import begin_sharing
from models.decoding.shared import SharedSteps

TITLE = "Talks that share steps"
RANDOM = "tiny, random"


def tokens_a_second(
    model: BlspEmo, plan: MeasurePlan, steps: SharedSteps | None, talks: int
) -> float:
    """Returns the tokens that `talks` at once are given in a second, all together."""
    lengths = [plan.before + 24 * number for number in range(talks)]
    texts = [talk(model, replace(plan, before=length), steps) for length in lengths]
    speeds: list[float] = []
    for _ in range(plan.runs):
        for text, length in zip(texts, lengths, strict=True):
            text.crop(length)
            text.append_ids(HEADER)
        with ExitStack() as open_replies:
            replies: list[Generator[int]] = [
                open_replies.enter_context(closing(reply(text, plan.tokens + 1))) for text in texts
            ]
            for each in replies:
                next(each)
            began = time.perf_counter()
            for _ in range(plan.tokens):
                for each in replies:
                    next(each)
            done(model.device)
            speeds.append(talks * plan.tokens / (time.perf_counter() - began))
    return percentile(speeds, 0.5)


def measured(name: str, options: argparse.Namespace) -> list[list[object]]:
    """Returns a row for each number of talks."""
    if name == RANDOM:
        model = BlspEmo.tiny()
    else:
        model = load_checkpoint(name, ModelSettings(device=options.device))
    most = max(max(options.talks), 2)
    positions = options.before + 24 * most + options.tokens + 64
    steps = begin_sharing(model.llm, positions=positions, together=most)
    plan = MeasurePlan(before=options.before, tokens=options.tokens, runs=options.runs)
    rows: list[list[object]] = []
    for talks in options.talks:
        single = tokens_a_second(model, plan, None, talks)
        shared = tokens_a_second(model, plan, steps, talks)
        gain = f"{shared / single:.2f}"
        rows.append([name, talks, f"{single:.1f}", f"{shared:.1f}", gain, f"{shared / talks:.1f}"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="+", default=[EMBEDDED, RANDOM])
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--talks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--before", type=int, default=300, help="positions of the shortest talk")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = [row for name in options.model for row in measured(name, options)]
    head = ["model", "talks", "tokens/s one after another", "sharing", "gain", "each"]
    body = (
        f"{options.tokens} tokens for each after talks of {options.before} positions and more, "
        f"{options.threads} threads; median of {options.runs} runs.\n\n" + table(head, rows)
    )
    if options.write:
        write_section(TITLE, "python -m benchmarks.gpu.together", body)
    else:
        print(body)


if __name__ == "__main__":
    main()
