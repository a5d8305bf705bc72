"""Nano's own tokenizer: byte-level merges learnt on its domain and on other everyday talk."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from models.config import DEFAULT_PERSONA
from models.emotions import Emotion
from models.prompts import NOT_UNDERSTOOD, system_line, topic_token
from models.tokenizer import END_OF_TEXT, TURN_END, TURN_START, Tokenizer
from train.domain import Domain, fill, slots_of
from train.nano_text import everyday_dialogues, spoken_form

TALK = "talk"
"""Topic of what is said in a written dialogue, which goes from one to another."""
DOMAIN_REPEATS = 3
"""How often the domain counts against the everyday talk."""


def domain_texts(domain: Domain) -> Iterator[str]:
    """Yields everything that is said in the domain, with the first value in each slot."""
    for intent in domain.intents:
        values = {name: choices[0] for name, choices in intent.slots.items()}
        for choices in intent.slots.values():
            yield from choices
        replies = [r for texts in intent.replies.values() for r in texts]
        for follow in intent.follow_ups:
            yield from follow.person
            replies += [r for texts in follow.replies.values() for r in texts]
        for template in (*intent.utterances, *replies):
            if slots_of(template) <= values.keys():
                yield fill(template, values)
    for dialogue in domain.dialogues:
        for said, answered in dialogue.turns:
            yield from (said, answered)
    yield from domain.questions


def topics_of(domain: Domain) -> tuple[str, ...]:
    """Returns what a reply can be about."""
    return (*(intent.name for intent in domain.intents), NOT_UNDERSTOOD, TALK)


def spelling_size(tokenizer: Tokenizer, domain: Domain) -> int:
    """Returns how many of the token ids spell text: the first ones; topics follow them."""
    ids = (tokenizer.special_id(topic_token(topic)) for topic in topics_of(domain))
    return min((i for i in ids if i is not None), default=tokenizer.size)


def train_tokenizer(domain: Domain, data: Path, target: Path, *, vocabulary: int) -> None:
    """Learns `vocabulary` tokens and writes them to `target`, a `tokenizer.json`.

    One token for each topic follows them.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    texts = list(domain_texts(domain)) * DOMAIN_REPEATS
    texts += [turn for turns in everyday_dialogues(data) for turn in turns][::4]
    texts += [system_line(DEFAULT_PERSONA, emotion) for emotion in Emotion] * 100
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT, TURN_START, TURN_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_both_forms(texts), trainer=trainer)
    tokenizer.add_special_tokens([topic_token(topic) for topic in topics_of(domain)])
    target.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(target))


def _both_forms(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield text
        yield spoken_form(text)
