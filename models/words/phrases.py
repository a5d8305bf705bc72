"""How well phrases fit something brief, by the decoder: "stop" against "okay".

What was said in half a second is often written down as nothing, or as something near it. Which of
a few phrases it can have been is told far more surely, since each is scored whether or not it is
the most probable text.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from models.config import TranscriptionConfig
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechStates
from models.tokenizer import Tokenizer

MARKS = (".", "!", "?", ",", "...")
"""What may stand behind a phrase: the decoder writes marks as it likes."""
WITHIN = 9.0
"""A phrase that has become so much less probable (natural logarithm) than the best one has no part
in their sum, and is not read on."""


@dataclass(slots=True)
class _Node:
    """A token of the phrases, shared by all that begin alike."""

    parent: int
    """Which node stands before it; negative at the beginning of a phrase."""
    token: int
    log_chance: float
    """Of everything up to it, this token included."""
    phrases: list[int] = field(default_factory=list[int])
    """That end here."""


@torch.inference_mode()
def phrase_scores(
    decoder: SpeechDecoder,
    config: TranscriptionConfig,
    states: SpeechStates,
    phrases: Sequence[str],
    tokenizer: Tokenizer,
) -> list[float]:
    """Returns the log-probability of each of `phrases` being all that was said.

    Written small or large, with any mark behind it. -inf where it surely was not.

    Args:
        decoder: Whisper's.
        config: How it is prompted and stopped.
        states: Of one utterance.
        phrases: In small letters, not empty.
        tokenizer: Of the decoder.
    """
    reading = _Reading(decoder, config, states, _tree(phrases, tokenizer))
    endings = sorted({config.stop_ids[0], *(tokenizer.encode(mark)[0] for mark in MARKS)})
    scores = [-math.inf] * len(phrases)
    best, read = -math.inf, reading.begun()
    while read:
        nodes, chances = read
        for row, number in enumerate(nodes):
            node = reading.nodes[number]
            # With the end: "stop" is also how "stop it" begins.
            whole = node.log_chance + float(chances[row, endings].logsumexp(0))
            for phrase in node.phrases:
                # Small and large letters are one phrase: their probabilities add up.
                scores[phrase] = float(np.logaddexp(scores[phrase], whole))
                best = max(best, scores[phrase])
        read = reading.next(nodes, chances, best - WITHIN)
    return scores


class _Reading:
    """The tree of phrases, read level by level: all first tokens, then what follows them."""

    def __init__(
        self,
        decoder: SpeechDecoder,
        config: TranscriptionConfig,
        states: SpeechStates,
        nodes: list[_Node],
    ) -> None:
        self.nodes = nodes
        self._decoder, self._states = decoder, states
        self._prompt = list(config.prompt_ids)
        self._read: list[int] = []
        """Nodes behind the prompt whose states are computed."""
        self._after: dict[int, list[int]] = {}
        for number, node in enumerate(nodes):
            self._after.setdefault(node.parent, []).append(number)

    def begun(self) -> tuple[list[int], Tensor] | None:
        """Returns the nodes that phrases begin with, and the chances (N, V) of what follows."""
        prompt = torch.tensor([self._prompt], device=self._states.states.device)
        first = torch.log_softmax(self._decoder(prompt, self._states)[0, -1].float(), dim=-1)
        return self._level([-1], first[None], -math.inf)

    def next(
        self, before: Sequence[int], chances: Tensor, least: float
    ) -> tuple[list[int], Tensor] | None:
        """Returns the nodes after those `before`, and the chances (N, V) of what follows them.

        Args:
            before: Nodes of one level.
            chances: (N, V) in the logarithm, after each of them.
            least: Nodes below it are not read: what begins with them becomes no likelier.
        """
        return self._level(before, chances, least)

    def _level(
        self, before: Sequence[int], chances: Tensor, least: float
    ) -> tuple[list[int], Tensor] | None:
        level: list[int] = []
        for row, parent in enumerate(before):
            said = 0.0 if parent < 0 else self.nodes[parent].log_chance
            for number in self._after.get(parent, ()):
                node = self.nodes[number]
                node.log_chance = said + float(chances[row, node.token])
                level.append(number)
        likeliest = max((self.nodes[number].log_chance for number in level), default=-math.inf)
        # Until a whole phrase is scored, the likeliest beginning stands for one.
        least = max(least, likeliest - WITHIN) if before[0] < 0 else least
        level = [number for number in level if self.nodes[number].log_chance >= least]
        return (level, self._chances(level)) if level else None

    def _chances(self, level: Sequence[int]) -> Tensor:
        """Returns (N, V) in the logarithm: what follows each node of `level`."""
        self._read += level
        begin = len(self._prompt)
        place = {number: begin + row for row, number in enumerate(self._read)}
        sees = torch.zeros(len(place) + begin, len(place) + begin, dtype=torch.bool)
        sees[:begin, :begin] = torch.ones(begin, begin).tril().bool()
        depths, ids = list(range(begin)), list(self._prompt)
        # In the order of reading, in which every node stands behind its parent.
        for number, row in place.items():
            node = self.nodes[number]
            parent = place.get(node.parent, begin - 1)
            sees[row] = sees[parent]
            sees[row, row] = True
            depths.append(depths[parent] + 1)
            ids.append(node.token)
        device = self._states.states.device
        read = self._decoder.tree_states(
            torch.tensor(ids, device=device),
            self._states,
            depths=torch.tensor(depths, device=device),
            sees=sees.to(device),
        )
        # Of the new nodes alone: the output layer is the dearest.
        logits = self._decoder.logits(read[0, -len(level) :])
        return torch.log_softmax(logits.float(), dim=-1).cpu()


def _tree(phrases: Sequence[str], tokenizer: Tokenizer) -> list[_Node]:
    """Returns the tokens of `phrases`, each written small and large."""
    nodes: list[_Node] = []
    known: dict[tuple[int, int], int] = {}
    for number, phrase in enumerate(phrases):
        for text in (phrase, phrase[0].upper() + phrase[1:]):
            at = -1
            for token in tokenizer.encode(f" {text}"):
                if (at, token) not in known:
                    known[at, token] = len(nodes)
                    nodes.append(_Node(at, token, -math.inf))
                at = known[at, token]
            nodes[at].phrases.append(number)
    return nodes
