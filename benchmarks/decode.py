"""Decode speed of the LLM: with and without KV cache, in float32, bfloat16 and int8.

    python -m benchmarks.decode [--model NAME] [--tokens 16] [--runs 3] [--threads 2]

Every row generates the same number of tokens after the same prompt of 64; nothing stops early.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch

from assistant.engines.blsp_emo import load_checkpoint
from assistant.engines.settings import ModelSettings
from benchmarks.results import table, write_section
from models.checkpoints.embedded import EMBEDDED
from models.llm import LanguageModel

PROMPT_TOKENS = 64
SPEECH_LIKE_SIZE = {
    "model_type": "qwen2",
    "vocab_size": 32_000,
    "hidden_size": 896,
    "intermediate_size": 4_864,
    "num_hidden_layers": 12,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}
"""Half the layers of Qwen2-0.5B, random: what a small LLM in float32 gains."""


@torch.inference_mode()
def with_cache(llm: LanguageModel, ids: torch.Tensor, tokens: int) -> None:
    cache = llm.new_cache()
    logits = llm(llm.embed(ids), cache=cache, last_only=True)
    for _ in range(tokens - 1):
        logits = llm(llm.embed(logits.argmax(dim=-1)), cache=cache, last_only=True)


@torch.inference_mode()
def without_cache(llm: LanguageModel, ids: torch.Tensor, tokens: int) -> None:
    for _ in range(tokens):
        logits = llm(llm.embed(ids), last_only=True)
        ids = torch.cat([ids, logits.argmax(dim=-1)], dim=1)


def tokens_per_second(run: Callable[[], None], options: argparse.Namespace) -> float:
    """Returns the median over `runs` after one to warm up."""
    run()
    speeds: list[float] = []
    for _ in range(options.runs):
        start = time.perf_counter()
        run()
        speeds.append(options.tokens / (time.perf_counter() - start))
    return float(np.median(speeds))


def variants(model: str) -> Iterator[tuple[str, str, LanguageModel]]:
    """Yields name, number format and LLM of everything measured, one after the other."""
    from models.int8 import quantize_layers

    for dtype in ("float32", "bfloat16", "int8"):
        settings = ModelSettings(device="cpu", dtype=dtype)
        yield model, dtype, load_checkpoint(model, settings).llm
    for dtype in ("float32", "bfloat16", "int8"):
        llm = LanguageModel(SPEECH_LIKE_SIZE, None).eval()
        if dtype == "int8":
            quantize_layers(llm)
        else:
            llm.to(getattr(torch, dtype))
        yield "random, 190 M", dtype, llm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    options = parser.parse_args()
    rows: list[list[object]] = []
    for name, dtype, llm in variants(options.model):
        for threads in options.threads:
            torch.set_num_threads(threads)
            ids = torch.arange(10, 10 + PROMPT_TOKENS)[None]
            speeds = [
                tokens_per_second(partial(decode, llm, ids, options.tokens), options)
                for decode in (with_cache, without_cache)
            ]
            rows.append([name, dtype, threads, *(f"{speed:.0f}" for speed in speeds)])
    head = ["LLM", "format", "threads", "tokens/s with cache", "without"]
    body = (
        f"{options.tokens} tokens after a prompt of {PROMPT_TOKENS}, prefill included; median of "
        f"{options.runs} runs.\n\n" + table(head, rows)
    )
    write_section("Decoding", "python -m benchmarks.decode", body)


if __name__ == "__main__":
    main()
