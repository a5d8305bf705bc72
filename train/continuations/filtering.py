"""What a continuation must not teach: refusals, noise, echoes. Each is counted by reason."""

import re
from collections.abc import Iterable

from train.data.manifest import Drops, Utterance
from train.metrics import repeated_ngram, spoken_words

REFUSALS = (
    "as an ai",
    "as a language model",
    "as a large language model",
    "i'm sorry, but i",
    "i am sorry, but i",
    "i cannot assist",
    "i can't assist",
    "i cannot help with",
    "i can't help with",
    "i cannot fulfill",
    "i'm unable to",
    "i am unable to",
    "i'm not sure what you",
    "i am not sure what you",
    "please provide more context",
    "could you please provide",
    "it seems like your message",
    "your sentence is incomplete",
)
"""Phrases of a model that does not do what it was asked; lower case."""

ROLES = re.compile(r"(^|\n)\s*(user|assistant|system|human)\s*:|<\|", re.IGNORECASE)
FEWEST_WORDS = 2
FEWEST_WORDS_OF_AN_ECHO = 4
"""Fewer words than these may well end a reply that says more."""


def fault(utterance: Utterance) -> str:
    """Returns why a continuation must not be learnt; empty if it may be."""
    text = utterance.continuation.strip()
    lower = text.lower().replace("’", "'")
    words = spoken_words(text)
    if len(words.split()) < FEWEST_WORDS:
        return "empty or a single word"
    if any(phrase in lower for phrase in REFUSALS):
        return "a refusal"
    if ROLES.search(text):
        return "chat markup"
    if "\ufffd" in text:
        return "broken characters"
    if repeated_ngram(text):
        return "repeats itself"
    if _ends_with(words, spoken_words(utterance.text)):
        return "an echo of the words"
    letters = sum(character.isalpha() for character in text)
    if letters < 0.6 * len(text.replace(" ", "")):
        return "mostly no letters"
    return ""


def _ends_with(reply: str, said: str) -> bool:
    """Whether a reply only says the words again, perhaps after the instruction."""
    few = len(said.split()) < FEWEST_WORDS_OF_AN_ECHO
    return reply == said or (not few and f" {reply}".endswith(f" {said}"))


def without_faults(
    utterances: Iterable[Utterance], drops: Drops
) -> tuple[list[Utterance], list[tuple[Utterance, str]]]:
    """Returns (kept, rejected with the reason) and counts the rejected by reason in `drops`."""
    kept: list[Utterance] = []
    rejected: list[tuple[Utterance, str]] = []
    for utterance in utterances:
        reason = fault(utterance)
        if reason:
            drops.add(reason, utterance.id)
            rejected.append((utterance, reason))
        else:
            kept.append(utterance)
    return kept, rejected
