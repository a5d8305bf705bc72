"""What one answer takes of a model that nobody else asks: the service time of the simulation."""

import time
from pathlib import Path

from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.protocols import Cancel, Persona
from assistant.engines.settings import GenerationSettings, ModelSettings
from benchmarks.cluster.asking import QUESTIONS
from benchmarks.cluster.queueing import Service
from benchmarks.cluster.started import TOKENS
from benchmarks.results import percentile
from models.decoding.begin import TOGETHER_ON_CPU

TALKS = 5
LLM = {
    "hidden_size": 512,
    "intermediate_size": 2_048,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
}
"""24 million random parameters: a step takes long enough to be seen beside the way to it, and short
enough for many talks on two cores."""


def write_model(folder: Path) -> Path:
    """Writes a model of random weights that has this LLM."""
    from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint

    return write_tiny_checkpoint(folder, llm=LLM, context_tokens=4_096)


def service_of(source: str) -> Service:
    """Returns medians over some talks of as many questions as there are."""
    run = ModelSettings(device="cpu", threads=1)
    model = BlspEmoModel(source, run, GenerationSettings(longest_tokens=TOKENS))
    firsts, steps, lengths = list[float](), list[float](), list[int]()
    for talk in range(TALKS + 1):
        dialogue = model.open(Persona())
        for question in QUESTIONS:
            dialogue.read(question)
            last_s = time.perf_counter()
            taken: list[float] = []
            for _ in dialogue.reply(Cancel()):
                taken.append(time.perf_counter() - last_s)
                last_s = time.perf_counter()
            if talk and len(taken) > 1:  # the first one is to warm up
                firsts.append(taken[0])
                steps += taken[1:]
                lengths.append(len(taken))
    step_s = sum(steps) / len(steps)
    return Service(
        percentile(firsts, 0.5),
        step_s,
        round(percentile(lengths, 0.5)),
        batch=TOGETHER_ON_CPU,
        beside=max(0.0, (shared_s(model) / step_s - 1) / (TOGETHER_ON_CPU - 1)),
    )


def shared_s(model: BlspEmoModel) -> float:
    """Returns what one token for each of as many answers takes as share a step."""
    rounds: list[float] = []
    for talk in range(TALKS + 1):
        dialogues = [model.open(Persona()) for _ in range(TOGETHER_ON_CPU)]
        for number, dialogue in enumerate(dialogues):
            dialogue.read(QUESTIONS[(talk + number) % len(QUESTIONS)])
        replies = [dialogue.reply(Cancel()) for dialogue in dialogues]
        for reply in replies:
            next(reply)
        while True:
            began_s = time.perf_counter()
            if any(next(reply, None) is None for reply in replies):
                break
            if talk:
                rounds.append(time.perf_counter() - began_s)
    return sum(rounds) / len(rounds)
