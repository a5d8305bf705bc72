"""Where in an utterance somebody speaks, by loudness alone: the rest is silence around it."""

import torch
from torch import Tensor

from models.features import SpeechFeatures

LOUDEST_FRAMES = 10
"""A click louder than all speech is shorter."""
LOUD_DECADES = 2.4
"""Below the quietest of the loudest frames, in log10 energy."""
AROUND_FRAMES = 10


def mel_levels(log_mel: Tensor) -> Tensor:
    """Returns log10 energies (…, M, F) of log-mel features as `speech_features` scales them."""
    return 4.0 * log_mel.float() - 4.0


def loud_frames(levels: Tensor) -> Tensor:
    """Returns which frames (F,) of the log10 energies (M, F) of one utterance are loud."""
    energy = (10.0**levels).sum(dim=0).log10()
    loudest = energy.topk(min(LOUDEST_FRAMES, len(energy))).values[-1]
    return energy > loudest - LOUD_DECADES


def as_loud(features: SpeechFeatures, loudness: float) -> SpeechFeatures:
    """Returns utterances whose loud frames have a mean energy of `loudness`, in log10.

    A factor on the sound is a shift of its log-mel features, floor included.
    """
    log_mel = features.log_mel.clone()
    for row, length in zip(log_mel, features.lengths.tolist(), strict=True):
        levels = mel_levels(row[:, :length])
        energy = (10.0**levels).sum(dim=0)[loud_frames(levels)].mean().log10()
        row[:, :length] += (loudness - energy) / 4.0
    return SpeechFeatures(log_mel, features.lengths)


def spoken_part(features: SpeechFeatures) -> SpeechFeatures:
    """Returns each utterance from its first loud frame to its last, a tenth of a second around.

    Acted recordings are cut so before an emotion head learns from them.
    """
    rows: list[Tensor] = []
    for log_mel, length in zip(features.log_mel, features.lengths.tolist(), strict=True):
        loud = loud_frames(mel_levels(log_mel[:, :length])).nonzero()[:, 0]
        start = max(0, int(loud[0]) - AROUND_FRAMES)
        rows.append(log_mel[:, start : min(length, int(loud[-1]) + AROUND_FRAMES + 1)])
    lengths = torch.tensor([row.shape[1] for row in rows])
    longest = int(lengths.max())
    padded = [torch.nn.functional.pad(row, (0, longest - row.shape[1])) for row in rows]
    return SpeechFeatures(torch.stack(padded), lengths)
