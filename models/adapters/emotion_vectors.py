"""How the LLM is told in what voice words are said: vectors of the emotions, mixed as probable."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.adapters.embeddings import SpeechEmbeddings
from models.emotions import EMOTION_LABELS
from models.masks import blank_outside


class EmotionVectors(nn.Embedding):
    """Vectors on the embeddings of what is said, and in positions of their own behind it.

    Positions can begin as the embeddings of words, such as " (in a sad mood)": then the LLM reads
    what a transcript with a label would tell it, mixed as probable, and training can go on from
    there. They stand behind, so that what cuts the beginning of a long turn leaves them whole.

    Args:
        width: Of the LLM.
        positions: Of the emotion alone; 0: it is on the embeddings and nowhere else.
    """

    def __init__(self, width: int, positions: int = 0) -> None:
        super().__init__(len(EMOTION_LABELS), (1 + positions) * width)
        self.width, self.positions = width, positions
        # At zero the vectors change nothing, so that a model which is given them begins as the one
        # without, and only what the replies gain by moves them.
        nn.init.zeros_(self.weight)

    @property
    def told(self) -> Tensor:
        """(E, 1 + P, D) what each emotion adds to each embedding, then what stands behind them."""
        return self.weight.unflatten(1, (1 + self.positions, -1))

    def tell(self, embedded: SpeechEmbeddings, emotions: Tensor) -> SpeechEmbeddings:
        """Returns `embedded` as it sounds by `emotions` (B, E).

        What has no sound, all probabilities zero, stays as it is, and so does an utterance of
        nothing: no words, no voice.
        """
        embedded = self.on_words(embedded, emotions)
        return self.behind(embedded, emotions) if self.positions else embedded

    def behind(self, embedded: SpeechEmbeddings, emotions: Tensor) -> SpeechEmbeddings:
        """Returns `embedded` with the positions that tell `emotions` (B, E) behind it."""
        moved = embedded.embeddings
        told = torch.einsum("be,epd->bpd", emotions.to(self.weight), self.told[:, 1:])
        heard = (emotions.sum(dim=1) > 0) & (embedded.lengths > 0)
        behind = torch.arange(self.positions, device=moved.device) + embedded.lengths[:, None]
        given = (told * heard[:, None, None]).to(moved)
        places = behind[..., None].expand_as(given)
        joined = F.pad(moved, (0, 0, 0, self.positions)).scatter(1, places, given)
        lengths = embedded.lengths + self.positions * heard
        return replace(embedded, embeddings=joined, lengths=lengths)

    def on_words(self, embedded: SpeechEmbeddings, emotions: Tensor) -> SpeechEmbeddings:
        """Returns `embedded` with what `emotions` (B, E) add to it, and nothing behind it."""
        added = emotions.to(self.weight) @ self.told[:, 0]
        moved = blank_outside(embedded.embeddings + added[:, None], embedded.mask)
        return replace(embedded, embeddings=moved)

    def at(self, emotions: Tensor, slots: Tensor) -> Tensor:
        """Returns (B, T, D): what is told at each position of whole rows.

        Args:
            emotions: (B, T, E) of the words at a position; all zero where nothing is told.
            slots: (B, T) 0 on what is said, k at the k-th position behind it.
        """
        return torch.einsum("bte,ebtd->btd", emotions.to(self.weight), self.told[:, slots])
