"""What all adapters share: the embeddings that they give, and Whisper's blocks to build with."""

from dataclasses import dataclass

from torch import Tensor, nn

from models.config import SpeechEncoderConfig
from models.masks import lengths_to_mask
from models.speech_encoder import whisper_config
from models.torchaudio_guard import guard_torchaudio


@dataclass(frozen=True, slots=True)
class SpeechEmbeddings:
    """What the LLM is given in place of words."""

    embeddings: Tensor
    """(B, S, D)."""
    lengths: Tensor
    """(B,) embeddings of each utterance."""
    weights: Tensor | None = None
    """`cformer`: (B, states) integrate-and-fire weights after scaling."""
    predicted_counts: Tensor | None = None
    """`cformer`: (B,) sums of the weights before scaling."""

    @property
    def mask(self) -> Tensor:
        """(B, S) bool, true where an embedding stands for speech."""
        return lengths_to_mask(self.lengths, self.embeddings.shape[1])

    @property
    def flat(self) -> Tensor:
        """(N, D), the embeddings of all utterances in reading order, as the LLM takes them."""
        return self.embeddings[self.mask]

    def of(self, row: int) -> Tensor:
        """Returns (N, D), the embeddings of one utterance."""
        return self.embeddings[row][self.mask[row]]


def encoder_layers(
    count: int, encoder: SpeechEncoderConfig, *, heads: int, width: int
) -> nn.ModuleList:
    """Returns `count` Whisper encoder blocks with the given heads and width."""
    guard_torchaudio()
    from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

    shape = whisper_config(
        encoder, d_model=width, encoder_attention_heads=heads, attn_implementation="eager"
    )
    return nn.ModuleList(WhisperEncoderLayer(shape) for _ in range(count))
