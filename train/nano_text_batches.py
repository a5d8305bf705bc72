"""Conversations for nano's LLM, drawn from the domain as often as they are wanted."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.config import DEFAULT_PERSONA
from models.emotions import Emotion
from models.prompts import NOT_UNDERSTOOD, ChatPrompts, system_line
from train.batches import LoadedBatch
from train.domain import (
    Dialogue,
    Domain,
    Intent,
    cut_reply,
    draw_values,
    fill,
    fitting,
    held_out_dialogue,
    templates,
)
from train.losses import IGNORED
from train.nano_sound_alikes import SoundAlikes
from train.nano_text import spoken_form
from train.nano_tokenizer import TALK

UNRELATED_SHARE = 0.1
"""Of the exchanges: something that is no everyday talk, and a question back."""
DIALOGUE_SHARE = 0.06
"""Of the conversations: a written dialogue instead of drawn exchanges."""
LEFT_SHARE = 0.5
"""Of these: the dialogue is left for an exchange of the domain, so that a long talk is no sign
that the next reply is out of a dialogue."""
FOLLOW_UP_SHARE = 0.25
"""Of the exchanges that have one: the follow-up comes next."""
EXCHANGES = {1: 0.25, 2: 0.2, 3: 0.3, 4: 0.25}
"""How often a conversation has so many exchanges."""
PLAIN_SHARE = 0.25
"""Of the conversations: without an emotion in the system line, answered neutrally."""
SPOKEN_SHARE = 0.75
"""Of the things said: written as a recogniser writes them."""
MISHEARD_SHARE = 0.4
"""Of these: some words are missing or others, as where a recogniser errs."""
NAMED_SHARE = 0.75
"""Of the replies in the history: their topic stands before them."""
MISLED_SHARE = 0.15
"""Of the exchanges: the person speaks of something else than the topic that the reply names.
Without them replies go by single words ("my blood results") where the topic says otherwise."""
WORD_ERRORS = 0.2
"""Of the words of what is misheard."""
REPLACED_SHARE, LOST_SHARE = 0.75, 0.16
"""Of the word errors: another word stands there, or none; the rest has a further word beside it.
So it was in 481 errors of a nano on 400 held-out sentences."""
ALIKE_SHARE = 0.85
"""Of the words that stand in place of another: sound like it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange in a conversation."""

    said: str
    reply: str
    cut: str = ""
    """What was heard of an interrupted reply: it stands in the history instead."""
    topic: str = TALK
    """What the reply names first, for itself."""
    names_topic: bool = True
    """False: as a reply stands in the history that was written elsewhere. It is not learnt."""
    is_misled: bool = False
    """What was said is about something else: the topic is given, the reply follows it."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a text-only LLM is taught on."""

    emotion: Emotion | None
    turns: tuple[Turn, ...]


class TokenRows(NamedTuple):
    """Conversations as padded token rows."""

    ids: Tensor
    """(B, T)."""
    labels: Tensor
    """(B, T) the same ids where they are to be learnt, else `IGNORED`."""
    mask: Tensor
    """(B, T) bool, false at padding."""


class TokenRow(NamedTuple):
    """One conversation as `TokenRows`, before padding."""

    ids: list[int]
    labels: list[int]


@dataclass
class ConversationSource:
    """Draws conversations; `held_out` takes what is not trained on.

    Without `alikes` what is misheard becomes any other word of the domain.
    """

    domain: Domain
    unrelated: list[str]
    held_out: bool = False
    alikes: SoundAlikes | None = None
    _wordings: list[tuple[Intent, str]] = field(init=False)
    _by_emotion: dict[Emotion, list[tuple[Intent, str]]] = field(init=False)
    _dialogues: list[Dialogue] = field(init=False)
    _words: list[str] = field(init=False)

    def __post_init__(self) -> None:
        split = "wording" if self.held_out else "train"
        self._wordings = list(templates(self.domain, split))
        self._by_emotion = {
            emotion: [(i, t) for i, t in self._wordings if i.replies.get(emotion)]
            for emotion in Emotion
        }
        self._dialogues = [
            d for d in self.domain.dialogues if held_out_dialogue(d) == self.held_out
        ]
        self._words = domain_words(self._wordings)

    def draw(self, generator: np.random.Generator) -> Conversation:
        """Returns a conversation of one to five exchanges in one emotion."""
        if self._dialogues and generator.random() < DIALOGUE_SHARE:
            dialogue = self._dialogue(generator)
            if generator.random() >= LEFT_SHARE:
                return dialogue
            emotion = dialogue.emotion or Emotion.NEUTRAL
            return replace(
                dialogue, turns=(*dialogue.turns[-4:], *self._turns(emotion, generator)[:1])
            )
        emotion = Emotion(int(generator.integers(len(Emotion))))
        plain = bool(generator.random() < PLAIN_SHARE)
        if plain:
            emotion = Emotion.NEUTRAL
        turns: list[Turn] = []
        wanted = int(generator.choice(list(EXCHANGES), p=list(EXCHANGES.values())))
        while len(turns) < wanted:
            turns += self._turns(emotion, generator)
        return Conversation(None if plain else emotion, tuple(turns[:5]))

    def _turns(self, emotion: Emotion, generator: np.random.Generator) -> list[Turn]:
        """Returns an exchange, now and then with its follow-up."""
        if generator.random() < UNRELATED_SHARE:
            text = self.unrelated[int(generator.integers(len(self.unrelated)))]
            questions = self.domain.questions
            asked = questions[int(generator.integers(len(questions)))]
            return [self._turn(text, asked, NOT_UNDERSTOOD, generator)]
        intent, template = self._pick(self._by_emotion[emotion], generator)
        values = draw_values(intent, template, generator)
        choices = fitting(intent.replies[emotion], values)
        if not choices:
            return []
        reply = choices[int(generator.integers(len(choices)))]
        if generator.random() < MISLED_SHARE and not values:
            other, said = self._pick(self._wordings, generator)
            said = self._worded(fill(said, draw_values(other, said, generator)), generator)
            return [Turn(said, reply, topic=intent.name, is_misled=True)]
        cut = cut_reply(reply, generator) if generator.random() < 0.15 else ""
        turns = [self._turn(fill(template, values), reply, intent.name, generator, cut=cut)]
        follow_ups = [f for f in intent.follow_ups if f.replies.get(emotion)]
        if follow_ups and not cut and generator.random() < FOLLOW_UP_SHARE:
            follow = follow_ups[int(generator.integers(len(follow_ups)))]
            answers = fitting(follow.replies[emotion], values)
            said = fitting(follow.person, values)
            if answers and said:
                person = said[int(generator.integers(len(said)))]
                answer = answers[int(generator.integers(len(answers)))]
                turns.append(self._turn(person, answer, intent.name, generator))
        return turns

    def _dialogue(self, generator: np.random.Generator) -> Conversation:
        dialogue = self._dialogues[int(generator.integers(len(self._dialogues)))]
        end = int(generator.integers(1, len(dialogue.turns) + 1))
        turns = tuple(
            self._turn(
                person,
                answer,
                TALK,
                generator,
                cut=cut_reply(answer, generator) if number == dialogue.cut else "",
            )
            for number, (person, answer) in enumerate(dialogue.turns[:end])
        )
        return Conversation(dialogue.emotions[end - 1], turns)

    def _turn(
        self, said: str, reply: str, topic: str, generator: np.random.Generator, *, cut: str = ""
    ) -> Turn:
        named = bool(generator.random() < NAMED_SHARE)
        return Turn(self._worded(said, generator), reply, cut, topic, named)

    @staticmethod
    def _pick(
        wordings: list[tuple[Intent, str]], generator: np.random.Generator
    ) -> tuple[Intent, str]:
        return wordings[int(generator.integers(len(wordings)))]

    def _worded(self, text: str, generator: np.random.Generator) -> str:
        if generator.random() >= SPOKEN_SHARE:
            return text
        spoken = spoken_form(text)
        if self.held_out or generator.random() >= MISHEARD_SHARE:
            return spoken
        return self._misheard(spoken, generator)

    def _misheard(self, spoken: str, generator: np.random.Generator) -> str:
        """Returns `spoken` with some words replaced, missing or added."""
        words: list[str] = []
        for word in spoken.split():
            if generator.random() >= WORD_ERRORS:
                words.append(word)
                continue
            kind = generator.random()
            if kind < REPLACED_SHARE:
                words.append(self._instead_of(word, generator))
            elif kind >= REPLACED_SHARE + LOST_SHARE:
                words += [word, self._words[int(generator.integers(len(self._words)))]]
        return " ".join(words) or spoken

    def _instead_of(self, word: str, generator: np.random.Generator) -> str:
        alike = None
        if self.alikes is not None and generator.random() < ALIKE_SHARE:
            alike = self.alikes.draw(word, generator)
        return alike or self._words[int(generator.integers(len(self._words)))]


def domain_words(wordings: Iterable[tuple[Intent, str]]) -> list[str]:
    """Returns the words of `wordings`, once each."""
    return sorted({word for _, text in wordings for word in spoken_form(text).split()})


def token_row(
    conversation: Conversation, prompts: ChatPrompts, *, persona: str = DEFAULT_PERSONA
) -> TokenRow:
    """Returns ids and labels: replies, their topics and ends are learnt, cut replies are not."""
    ids = prompts.opening(system_line(persona, conversation.emotion))
    labels = [IGNORED] * len(ids)
    last = len(conversation.turns) - 1
    for number, turn in enumerate(conversation.turns):
        ending = prompts.reply_ending() if number == last else prompts.next_turn()
        asked = prompts.content(turn.said) + prompts.reply_header()
        named = prompts.topic(turn.topic) if turn.names_topic or number == last else []
        reply = prompts.content(turn.cut or turn.reply)
        ids += asked + named + reply + ending
        labels += [IGNORED] * len(asked) + ([IGNORED] * len(named) if turn.is_misled else named)
        if turn.cut or not named:
            labels += [IGNORED] * (len(reply) + len(ending))
        else:
            learnt = len(ending) if number == last else 1
            labels += reply + ending[:learnt] + [IGNORED] * (len(ending) - learnt)
    return TokenRow(ids, labels)


@dataclass
class ConversationBatches:
    """Batches of drawn conversations, a pure function of epoch and number."""

    source: ConversationSource
    prompts: ChatPrompts
    batches: int
    tokens: int = 2048
    """Most positions in a batch, padding included."""
    seed: int = 1

    def count(self, epoch: int) -> int:
        """Batches in an epoch."""
        del epoch
        return self.batches

    def load(self, epoch: int, number: int) -> LoadedBatch:
        """Returns one batch."""
        generator = np.random.default_rng([self.seed, epoch, number])
        rows: list[TokenRow] = []
        longest = 0
        while True:
            row = token_row(self.source.draw(generator), self.prompts)
            longest = max(longest, len(row.ids))
            if rows and longest * (len(rows) + 1) > self.tokens:
                return LoadedBatch(
                    padded_rows(rows), tuple(f"{number}/{i}" for i in range(len(rows)))
                )
            rows.append(row)


def padded_rows(rows: list[TokenRow]) -> TokenRows:
    """Returns token rows of one length."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for index, row in enumerate(rows):
        end = len(row.ids)
        ids[index, :end] = torch.tensor(row.ids)
        labels[index, :end] = torch.tensor(row.labels)
        mask[index, :end] = True
    return TokenRows(ids, labels, mask)
