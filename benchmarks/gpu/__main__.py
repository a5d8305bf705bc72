"""The model of the published shape on a GPU: how quickly it hears, answers, and how many at once.

    python -m benchmarks.gpu [--steps graph compiled] [--dtype int8] [--minutes 8] [--write]
    python -m benchmarks.gpu --tiny

Random weights, made on the card: Whisper-large-v2's encoder (its input padded to 30 s, as it was
trained) and Qwen-7B; an utterance of 4 s after 400 positions of talk, replies of 96 tokens. The
reference way is `transformers`' own `generate`, in the same run. What is not begun within
`--minutes` is left out, and named. `--tiny` runs the same lines on a tiny model, also on a CPU: its
figures mean nothing.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from benchmarks.gpu.measure import (
    MeasurePlan,
    busy_first_token_ms,
    bytes_a_second,
    first_token_ms,
    reference_tokens_a_second,
    speech,
    timed,
    tokens_a_second,
    utterance,
)
from benchmarks.gpu.random_model import PUBLISHED, TINY, random_model
from benchmarks.results import p50_p95, percentile, table, write_section
from models.blsp_emo import BlspEmo
from models.checkpoints.weight_only import narrow, weight_only_bytes
from models.decoding.begin import begin_sharing
from models.decoding.shared import SharedSteps
from models.precision import choose_dtype, free_bytes, why_no_gpu
from models.weights import CheckpointError

TITLE = "GPU"
LATEST_MS = 250
"""95th percentile of the wait for a first token within which talks count as answered in time."""
SLOWEST = 8.0
"""Tokens a second that a talk needs at least: speech takes three to five of them."""
STEPS = ("graph", "compiled")


def prepared(options: argparse.Namespace) -> tuple[BlspEmo, torch.device, int]:
    """Returns the model that is measured, where it lies, and the bytes of its LLM's weights."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = TINY if options.tiny else PUBLISHED
    dtype = choose_dtype("auto", device, parameters=10**10 if device.type == "cuda" else 1)
    model = random_model(config, device, dtype)
    weights = sum(p.nbytes for p in model.llm.parameters())
    if options.dtype in ("int8", "int4"):
        # Before: afterwards a parameter tells the bytes that it would have in 16 bits.
        weights = weight_only_bytes(model.llm, options.dtype, dtype.itemsize)
        narrow(model.llm, options.dtype, device)
    return model, device, weights


def ways(model: BlspEmo, options: argparse.Namespace) -> Iterator[tuple[str, SharedSteps | None]]:
    """Yields every way of taking steps, one after the other."""
    yield "each its own, growing cache", None
    most = max(options.plan.talks)
    positions = options.plan.before + 512
    for how in options.steps if model.device.type == "cuda" else ("plain",):
        began = time.perf_counter()
        if began > options.ends:
            options.left_out.append(f"shared, {how}")
            continue
        steps = begin_sharing(model.llm, positions=positions, together=most, steps=how)
        assert steps is not None
        name = f"shared, {steps.sharing.how}"
        print(f"{name}: ready after {time.perf_counter() - began:.0f} s")
        yield name, steps
        del steps


def step_rows(model: BlspEmo, options: argparse.Namespace, limit: float) -> list[list[object]]:
    """Returns a row for each way of taking steps, the reference first."""
    plan: MeasurePlan = options.plan
    single = reference_tokens_a_second(model, plan, 1)
    padded = reference_tokens_a_second(model, plan, plan.padded)
    name = f"reference: generate, {plan.padded} padded"
    rows: list[list[object]] = [
        [name, "–", f"{single:.0f}", f"{single / limit:.0%}", f"{padded:.0f}", "1.0"]
    ]
    for name, steps in ways(model, options):
        alone = tokens_a_second(model, plan, steps, 1)
        together = tokens_a_second(model, plan, steps, plan.padded)
        first = p50_p95(first_token_ms(model, plan, steps))
        share, gain = f"{alone / limit:.0%}", f"{alone / single:.1f}"
        rows.append([name, first, f"{alone:.0f}", share, f"{together:.0f}", gain])
        if steps is not None:
            options.talks_rows += talk_rows(model, options, steps, name)
    return rows


def talk_rows(
    model: BlspEmo, options: argparse.Namespace, steps: SharedSteps, name: str
) -> list[list[object]]:
    """Returns a row for each number of talks, up to the first that are not answered in time."""
    rows: list[list[object]] = []
    plan: MeasurePlan = options.plan
    for talks in plan.talks:
        if time.perf_counter() > options.ends:
            options.left_out.append(f"{name}, {talks} talks and more")
            break
        waited, each = busy_first_token_ms(model, plan, steps, talks)
        is_in_time = percentile(waited, 0.95) <= LATEST_MS and each >= SLOWEST
        verdict = "yes" if is_in_time else "no"
        rows.append([name, talks, p50_p95(waited), f"{each:.0f}", verdict])
        if not is_in_time:
            break
    return rows


def measured(options: argparse.Namespace) -> str:
    """Returns what was measured, as Markdown."""
    model, device, weights = prepared(options)
    plan: MeasurePlan = options.plan
    rate = bytes_a_second(device, 2**24 if options.tiny else 2**31)
    # A token reads all weights but the table of embeddings, of which it reads one row.
    table_bytes = model.llm.causal.get_input_embeddings().weight.nbytes
    limit = rate / (weights - table_bytes)
    encode = timed(partial(speech, model, utterance()), plan.runs * 3, device)
    options.talks_rows = []
    rows = step_rows(model, options, limit)
    head = ["steps", "first token ms p50 / p95", "tokens/s alone", "of the limit"]
    head += [f"tokens/s of {plan.padded} talks", "times the reference"]
    talks_head = ["steps", "talks", "first token ms p50 / p95", "tokens/s each", "in time"]
    return "\n\n".join(
        [
            facts(model, device, rate, weights, limit),
            f"Encoding {utterance().size / 16_000:.0f} s with adapter: {p50_p95(encode)} ms.",
            table(head, rows),
            f"A question asked while all others are answered; in time: {LATEST_MS} ms at the 95th "
            f"percentile, and {SLOWEST:.0f} tokens a second for each.",
            table(talks_head, options.talks_rows),
            *([f"Left out for time: {'; '.join(options.left_out)}."] if options.left_out else []),
        ]
    )


def facts(model: BlspEmo, device: torch.device, rate: float, weights: int, limit: float) -> str:
    """Returns on what it was measured."""
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    lines = [
        f"{name}, torch {torch.__version__}, {next(model.llm.parameters()).dtype}, random weights",
        f"weights of the LLM {weights / 2**30:.1f} GiB, memory {rate / 1e9:.0f} GB/s as copied: "
        f"at most {limit:.0f} tokens/s alone",
        f"attention by torch's own kernels (sdpa: flash {_has('flash')}, memory-efficient "
        f"{_has('mem_efficient')}, cuDNN {_has('cudnn')})",
    ]
    if device.type == "cuda":
        most, free = torch.cuda.max_memory_allocated(), free_bytes(device) or 0
        lines.append(f"memory taken at most {most / 2**30:.1f} GiB, free {free / 2**30:.1f} GiB")
    return "; ".join(lines) + "."


def _has(kernel: str) -> str:
    return "on" if getattr(torch.backends.cuda, f"{kernel}_sdp_enabled")() else "off"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--dtype", choices=("bfloat16", "int8", "int4"), default="bfloat16")
    parser.add_argument("--most-talks", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=8.0, help="begin nothing after them")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    options = parser.parse_args()
    if not options.tiny and (reason := why_no_gpu()):
        raise SystemExit(f"nothing is measured: {reason} (--tiny tests the script)")
    plan = MeasurePlan.tiny() if options.tiny else MeasurePlan()
    talks = tuple(count for count in plan.talks if count <= options.most_talks)
    options.plan = replace(plan, talks=talks)
    options.ends, options.left_out = time.perf_counter() + 60 * options.minutes, []
    try:
        body = measured(options)
    except CheckpointError as error:
        raise SystemExit(f"nothing is measured: {error}") from error
    if options.write and not options.tiny:
        write_section(TITLE, "python -m benchmarks.gpu", body)
    else:
        print(body)


if __name__ == "__main__":
    main()
