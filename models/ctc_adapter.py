"""The `ctc` adapter: speech spelled in the LLM's own token embeddings."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import AdapterConfig, SpeechEncoderConfig
from models.speech_embeddings import SpeechEmbeddings
from models.subsampler import Subsampler


class CtcAdapter(Subsampler):
    """A subsampler that spells what it hears in the LLM's tokens.

    Connectionist temporal classification teaches it what to write where: its outputs are compared
    with what each token sounds like. The LLM is given, for each token that the speech holds, the
    mean of its token embeddings under the posterior, and nothing for blanks and repetitions: what
    it is given looks like text from the first day, which a small LLM with little training needs.
    Compression after arXiv 2102.01578, embeddings after arXiv 2505.11352.
    """

    def __init__(self, config: AdapterConfig, encoder: SpeechEncoderConfig, out_width: int) -> None:
        super().__init__(config, encoder, out_width)
        self.sounds = nn.Embedding(config.vocabulary + 1, out_width)
        self.sharpness = nn.Parameter(torch.tensor(12.0))

    def token_logits(self, embedded: SpeechEmbeddings) -> Tensor:
        """Returns (B, S, V + 1): nearness of each output of `forward` to each token; last blank."""
        sounds = F.normalize(self.sounds.weight, dim=-1)
        return self.sharpness * F.normalize(embedded.embeddings, dim=-1) @ sounds.T

    def spelled(self, embedded: SpeechEmbeddings, table: Tensor) -> SpeechEmbeddings:
        """Returns what the LLM is given for the outputs of `forward`.

        Of an utterance without any token the frame that is least blank is kept.

        Args:
            embedded: Of `forward`.
            table: (W, D) the LLM's token embeddings; those beyond the V that can be spelled, such
                as topics, are left alone.
        """
        logits = self.token_logits(embedded)
        shares = torch.softmax(logits[..., :-1].float(), dim=-1).to(table.dtype)
        words = shares @ table[: shares.shape[-1]]
        kept = kept_frames(logits, embedded.mask)
        return replace(embedded, embeddings=words, kept=kept, token_logits=logits)


def kept_frames(logits: Tensor, inside: Tensor) -> Tensor:
    """Returns (B, S) bool: frames that begin a token in the most probable spelling.

    Args:
        logits: (B, S, V + 1), the blank last.
        inside: (B, S) bool, false beyond the end of an utterance.
    """
    blank = logits.shape[-1] - 1
    best = logits.argmax(dim=-1)
    before = F.pad(best, (1, 0), value=blank)[:, :-1]
    kept = (best != blank) & (best != before) & inside
    silent = ~kept.any(dim=1)
    share = logits.float().softmax(dim=-1)[..., blank].masked_fill(~inside, torch.inf)
    least = F.one_hot(share.argmin(dim=1), logits.shape[1]).bool()
    return kept | (least & silent[:, None])
