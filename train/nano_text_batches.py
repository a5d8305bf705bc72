"""Conversations for nano's LLM, drawn from the domain as often as they are wanted."""

from collections.abc import Iterable, Sequence
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
from train.nano_mishearing import Mishearing
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
TALK_EXCHANGES, TALK_TOKENS = 4, 224
"""Of the longest conversations that are drawn often; the checkpoint tells, and what is older is
forgotten. With the fifth exchange of the rare longest ones answers are broken now and then."""
SAID_TOKENS = 64
"""In one turn at runtime: a few sentences. Those that are drawn have 28 at most; from about 150 on
answers were no sentences any more."""
EXCHANGES = {1: 0.25, 2: 0.2, 3: 0.3, 4: 0.25}
"""How often a conversation has so many exchanges."""
PLAIN_SHARE = 0.25
"""Of the conversations: without an emotion in the system line, answered neutrally."""
SPOKEN_SHARE = 0.75
"""Of the things said: written as a recogniser writes them."""
NAMED_SHARE = 0.75
"""Of the replies in the history: their topic stands before them."""
MISLED_SHARE = 0.15
"""Of the exchanges: the person speaks of something else than the topic that the reply names.
Without them replies go by single words ("my blood results") where the topic says otherwise."""
NAMING_SHARE, NAMED_TOGETHER = 0.5, 10
"""Of the rows: so many utterances of which only the topics are learnt. They are what is hardest,
and a topic takes 20 positions so, 60 in a conversation; of too few conversations the replies
suffer, which then leave their topic."""


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


@dataclass(frozen=True, slots=True)
class Openings:
    """What may be said first in one emotion, and its topics."""

    emotion: Emotion | None
    said: tuple[tuple[str, str], ...]


class TokenRows(NamedTuple):
    """Conversations as padded token rows."""

    ids: Tensor
    """(B, T)."""
    labels: Tensor
    """(B, T) the same ids where they are to be learnt, else `IGNORED`."""
    said: Tensor
    """(B, T) the other ids that can be told from those before them, else `IGNORED`."""
    attended: Tensor
    """(B, T, T) bool, the positions that each position sees."""
    positions: Tensor
    """(B, T) rotary positions."""


@dataclass(slots=True)
class TokenRow:
    """One row of `TokenRows`, before padding."""

    ids: list[int] = field(default_factory=list[int])
    labels: list[int] = field(default_factory=list[int])
    said: list[int] = field(default_factory=list[int])
    segments: list[int] = field(default_factory=list[int])
    """0 is seen by all that comes after it, any other number by its own positions only."""
    positions: list[int] = field(default_factory=list[int])

    def add(self, ids: Sequence[int], labels: Sequence[int], *, segment: int = 0) -> None:
        """Appends tokens; a new segment goes on where segment 0 ends."""
        if segment and segment not in self.segments:
            start = self.segments.count(0)
            self.said += [IGNORED, *ids[1:]]  # what stands before it in the row is not before it
        else:
            start = self.positions[-1] + 1 if self.positions else 0
            self.said += ids
        self.ids += ids
        self.labels += labels
        self.segments += [segment] * len(ids)
        self.positions += range(start, start + len(ids))


class Wordings:
    """Draws an intent by the square root of its number of wordings, then one of these.

    Some intents have ten times the wordings of others; in a talk they are not ten times as likely.
    """

    def __init__(self, wordings: Iterable[tuple[Intent, str]]) -> None:
        by_intent: dict[str, list[tuple[Intent, str]]] = {}
        for intent, text in wordings:
            by_intent.setdefault(intent.name, []).append((intent, text))
        self._groups = list(by_intent.values())
        chances = np.sqrt([len(group) for group in self._groups])
        self._upto = np.cumsum(chances) / chances.sum()

    def __len__(self) -> int:
        return sum(len(group) for group in self._groups)

    def draw(self, generator: np.random.Generator) -> tuple[Intent, str]:
        """Returns an intent and one of its wordings."""
        number = int(np.searchsorted(self._upto, generator.random(), side="right"))
        group = self._groups[min(number, len(self._groups) - 1)]
        return group[int(generator.integers(len(group)))]


@dataclass
class ConversationSource:
    """Draws conversations; `held_out` takes what is not trained on.

    Without `alikes` what is misheard becomes any other word of the domain.
    """

    domain: Domain
    unrelated: list[str]
    held_out: bool = False
    alikes: SoundAlikes | None = None
    _wordings: "Wordings" = field(init=False)
    _by_emotion: dict[Emotion, "Wordings"] = field(init=False)
    _dialogues: list[Dialogue] = field(init=False)
    _mishearing: Mishearing = field(init=False)

    def __post_init__(self) -> None:
        wordings = list(templates(self.domain, "wording" if self.held_out else "train"))
        self._wordings = Wordings(wordings)
        self._by_emotion = {
            emotion: Wordings([(i, t) for i, t in wordings if i.replies.get(emotion)])
            for emotion in Emotion
        }
        self._dialogues = [
            d for d in self.domain.dialogues if held_out_dialogue(d) == self.held_out
        ]
        self._mishearing = Mishearing(domain_words(wordings), self.alikes)

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

    def openings(self, generator: np.random.Generator) -> Openings:
        """Returns utterances of one emotion, each the first of a talk of its own."""
        emotion = Emotion(int(generator.integers(len(Emotion))))
        plain = bool(generator.random() < PLAIN_SHARE)
        wordings = self._by_emotion[Emotion.NEUTRAL if plain else emotion]
        said: list[tuple[str, str]] = []
        for _ in range(NAMED_TOGETHER):
            if generator.random() < UNRELATED_SHARE:
                text = self.unrelated[int(generator.integers(len(self.unrelated)))]
                said.append((self._worded(text, generator), NOT_UNDERSTOOD))
                continue
            intent, template = wordings.draw(generator)
            text = fill(template, draw_values(intent, template, generator))
            said.append((self._worded(text, generator), intent.name))
        return Openings(None if plain else emotion, tuple(said))

    def _turns(self, emotion: Emotion, generator: np.random.Generator) -> list[Turn]:
        """Returns an exchange, now and then with its follow-up."""
        if generator.random() < UNRELATED_SHARE:
            text = self.unrelated[int(generator.integers(len(self.unrelated)))]
            questions = self.domain.questions
            asked = questions[int(generator.integers(len(questions)))]
            return [self._turn(text, asked, NOT_UNDERSTOOD, generator)]
        intent, template = self._by_emotion[emotion].draw(generator)
        values = draw_values(intent, template, generator)
        choices = fitting(intent.replies[emotion], values)
        if not choices:
            return []
        reply = choices[int(generator.integers(len(choices)))]
        if generator.random() < MISLED_SHARE and not values:
            other, said = self._wordings.draw(generator)
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

    def _worded(self, text: str, generator: np.random.Generator) -> str:
        if generator.random() >= SPOKEN_SHARE:
            return text
        spoken = spoken_form(text)
        return spoken if self.held_out else self._misheard(spoken, generator)

    def _misheard(self, spoken: str, generator: np.random.Generator) -> str:
        return self._mishearing.heard(spoken, generator)


def domain_words(wordings: Iterable[tuple[Intent, str]]) -> list[str]:
    """Returns the words of `wordings`, once each."""
    return sorted({word for _, text in wordings for word in spoken_form(text).split()})


def token_row(
    conversation: Conversation, prompts: ChatPrompts, *, persona: str = DEFAULT_PERSONA
) -> TokenRow:
    """Returns ids and labels: replies, their topics and ends are learnt, cut replies are not."""
    row = TokenRow()
    _add_asked(row, prompts.opening(system_line(persona, conversation.emotion)))
    last = len(conversation.turns) - 1
    for number, turn in enumerate(conversation.turns):
        ending = prompts.reply_ending() if number == last else prompts.next_turn()
        asked = prompts.content(turn.said) + prompts.reply_header()
        named = prompts.topic(turn.topic) if turn.names_topic or number == last else []
        reply = prompts.content(turn.cut or turn.reply)
        _add_asked(row, asked)
        row.add(named, [IGNORED] * len(named) if turn.is_misled else named)
        if turn.cut or not named:
            _add_asked(row, reply + ending)
        else:
            learnt = len(ending) if number == last else 1
            row.add(reply + ending[:learnt], reply + ending[:learnt])
            _add_asked(row, ending[learnt:])
    return row


def naming_row(
    openings: Openings, prompts: ChatPrompts, *, persona: str = DEFAULT_PERSONA
) -> TokenRow:
    """Returns ids and labels of utterances that see the system line and not each other."""
    row = TokenRow()
    _add_asked(row, prompts.opening(system_line(persona, openings.emotion)))
    for number, (said, topic) in enumerate(openings.said, start=1):
        asked = prompts.content(said) + prompts.reply_header()
        named = prompts.topic(topic)
        row.add(asked + named, [IGNORED] * len(asked) + named, segment=number)
    return row


def _add_asked(row: TokenRow, ids: list[int]) -> None:
    row.add(ids, [IGNORED] * len(ids))


@dataclass
class ConversationBatches:
    """Batches of drawn conversations, a pure function of epoch and number."""

    source: ConversationSource
    prompts: ChatPrompts
    batches: int
    tokens: int = 2048
    """Most positions in a batch, padding included."""
    seed: int = 1
    naming_share: float = NAMING_SHARE

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
            if generator.random() < self.naming_share:
                row = naming_row(self.source.openings(generator), self.prompts)
            else:
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
    labels, said = torch.full_like(ids, IGNORED), torch.full_like(ids, IGNORED)
    segments, positions = torch.full_like(ids, -1), torch.zeros_like(ids)
    for index, row in enumerate(rows):
        end = len(row.ids)
        ids[index, :end] = torch.tensor(row.ids)
        labels[index, :end] = torch.tensor(row.labels)
        said[index, :end] = torch.tensor(row.said)
        segments[index, :end] = torch.tensor(row.segments)
        positions[index, :end] = torch.tensor(row.positions)
    said = said.masked_fill(labels != IGNORED, IGNORED)
    one, other = segments[:, :, None], segments[:, None, :]
    before = torch.ones(longest, longest, dtype=torch.bool).tril()
    attended = ((other == 0) | (one == other)) & before
    return TokenRows(ids, labels, said, attended, positions)
