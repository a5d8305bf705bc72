"""How the next token of a reply is chosen."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen."""

    max_new_tokens: int = 160
    """Longest reply."""
    temperature: float = 0.0
    """0 takes the most probable token; otherwise logits are divided by it."""
    top_p: float = 1.0
    """Nucleus: the most probable tokens that together reach it."""
    repetition_penalty: float = 1.0
    """Above 1, tokens of this reply become less probable (CTRL, arXiv 1909.05858)."""
    no_repeat_ngram: int = 0
    """No n-gram of this reply occurs twice; 0 is off."""
    seed: int | None = None
    """Makes sampling repeatable."""
    examples: int | None = None
    """Most written answers that a talk shows the LLM before it replies; None: as the checkpoint
    asks for."""

    def __post_init__(self) -> None:
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.repetition_penalty <= 0:
            raise ValueError(
                f"temperature {self.temperature}, top_p {self.top_p} and repetition_penalty "
                f"{self.repetition_penalty}: they must be at least 0, in (0, 1] and above 0"
            )


class TokenSampler:
    """Chooses tokens for one reply."""

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self.chosen: list[int] = []
        # One of its own: conversations share the process, and their draws would mix in the global.
        self._generator = torch.Generator()
        if sampling.seed is None:
            self._generator.seed()  # a new one begins with the same seed always
        else:
            self._generator.manual_seed(sampling.seed)

    def choose(self, logits: Tensor, best: Tensor | None = None) -> int:
        """Returns the next token for `logits` (V,).

        Args:
            logits: On any device; a greedy choice among `best` does not look at them.
            best: (2, K) the largest of them in order and whose they are, where that was copied
                back already.
        """
        token = None if best is None else self._among(best)
        if token is None:
            # A copy, because what is penalised must not reach logits that others may read.
            token = self._pick(self._penalised(logits.detach().float().clone()))
        self.chosen.append(token)
        return token

    def _among(self, best: Tensor) -> int | None:
        """Returns the greedy choice among the most probable; None where it may lie beyond them."""
        if self.sampling.temperature != 0:
            return None
        values, ids = best[0].clone(), best[1].long().tolist()
        places = {token: place for place, token in enumerate(ids)}
        least = float(values[-1])
        self._penalise(values, [places[token] for token in set(self.chosen) if token in places])
        for token in self._repeating():
            if token in places:
                values[places[token]] = -torch.inf
        place = int(values.argmax())
        # Penalties only lower, so that nothing beyond the last of them is above it.
        return ids[place] if float(values[place]) > least else None

    def _pick(self, logits: Tensor) -> int:
        if self.sampling.temperature == 0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits / self.sampling.temperature, dim=-1)
        order = None
        if self.sampling.top_p < 1:
            probabilities, order = probabilities.sort(descending=True)
            # The sum before each token: the one that crosses the border still belongs.
            outside = probabilities.cumsum(dim=-1) - probabilities >= self.sampling.top_p
            probabilities[outside] = 0.0
        # One number is drawn here, where seeded draws are the same whatever the device, and its
        # place is looked up there: tens of thousands of probabilities need not come back.
        sums = probabilities.double().cumsum(dim=-1)
        drawn = sums[-1] * float(torch.rand((), generator=self._generator, dtype=torch.float64))
        # Those that are zero have the sum of the one before them, and are passed over.
        place = torch.searchsorted(sums, drawn, right=True).clamp(max=len(sums) - 1)
        return int(place if order is None else order[place])

    def _penalised(self, logits: Tensor) -> Tensor:
        self._penalise(logits, sorted(set(self.chosen)))
        for token in self._repeating():
            logits[token] = -torch.inf
        return logits

    def _penalise(self, logits: Tensor, places: list[int]) -> None:
        penalty = self.sampling.repetition_penalty
        if penalty != 1.0 and places:
            seen = torch.tensor(places, device=logits.device)
            values = logits[seen]
            # Dividing a negative logit would make its token more probable.
            logits[seen] = torch.where(values > 0, values / penalty, values * penalty)

    def _repeating(self) -> list[int]:
        """Returns the tokens that would complete an n-gram of this reply again."""
        n, chosen = self.sampling.no_repeat_ngram, self.chosen
        if n == 0 or len(chosen) < n:
            return []
        tail = chosen[len(chosen) - n + 1 :]
        starts = range(len(chosen) - n + 1)
        return [chosen[i + n - 1] for i in starts if chosen[i : i + n - 1] == tail]
