"""Single exchanges out of the domain of everyday intents, as talks."""

from collections.abc import Iterator

import numpy as np

from models.emotions import Emotion
from train.language.domain import Domain, Intent, draw_values, fill, fitting, read_domain, templates
from train.language.material import Exchange, WrittenTalk


def domain_talks(count: int, generator: np.random.Generator) -> list[WrittenTalk]:
    """Returns `count` exchanges, each intent as often as the others, in emotions it answers."""
    if not count:
        return []
    return [_drawn(*choice, generator) for choice in _chosen(read_domain(), count, generator)]


def _chosen(
    domain: Domain, count: int, generator: np.random.Generator
) -> Iterator[tuple[Intent, str]]:
    by_intent: dict[str, list[tuple[Intent, str]]] = {}
    for intent, template in templates(domain, "train"):
        by_intent.setdefault(intent.name, []).append((intent, template))
    groups = list(by_intent.values())
    for number in range(count):
        group = groups[number % len(groups)]
        yield group[int(generator.integers(len(group)))]


def _drawn(intent: Intent, template: str, generator: np.random.Generator) -> WrittenTalk:
    emotions = [emotion for emotion in Emotion if intent.replies.get(emotion)]
    emotion = emotions[int(generator.integers(len(emotions)))]
    values = draw_values(intent, template, generator)
    replies = fitting(intent.replies[emotion], values)
    reply = replies[int(generator.integers(len(replies)))]
    return WrittenTalk(f"domain/{intent.name}", (Exchange(fill(template, values), emotion, reply),))
