"""Waveforms → the log-mel features that Whisper was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.masks import HOP_SAMPLES, frames_of_samples
from models.torchaudio_guard import guard_torchaudio

SPEECH_RATE_HZ = 16_000
WINDOW_SAMPLES = 400
FLOOR = 1e-10

Waveform = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SpeechFeatures:
    """A batch of utterances as log-mel spectrograms."""

    log_mel: Tensor
    """(B, M, F) float32."""
    lengths: Tensor
    """(B,) frames that hold signal; the rest is padding. On the CPU, where shapes are made."""


def speech_features(
    waveforms: Sequence[Waveform | Tensor],
    *,
    mel_bins: int = 80,
    pad_frames: int | None = None,
    trailing_frames: int = 0,
    device: torch.device | str = "cpu",
) -> SpeechFeatures:
    """Returns the log-mel features of 16 kHz mono `waveforms`.

    The front end of Whisper (arXiv 2212.04356, section 2.2): 25 ms windows every 10 ms, Slaney
    mel filters, log10, a floor 8 below the loudest bin of the utterance, scaled by 1/4 after
    adding 4. An utterance gives the same values alone and in a batch.

    Args:
        waveforms: Samples in [-1, 1], at least one each.
        mel_bins: M.
        pad_frames: F. Shorter utterances are followed by silence, as pretrained Whisper expects.
            None pads to the longest utterance of the batch with zeros that say nothing.
        trailing_frames: Without `pad_frames`, frames of silence that follow each utterance; they
            are not counted in its length.
        device: Where they are computed and stay. Samples are a hundredth of what the encoder makes
            of them: on a GPU nothing larger is carried there.

    Raises:
        ValueError: An utterance is empty, longer than `pad_frames`, or not finite.
    """
    signals = [torch.as_tensor(w, dtype=torch.float32).flatten() for w in waveforms]
    lengths = [frames_of_samples(s.numel()) for s in signals]
    _check(signals, lengths, pad_frames)
    frames = pad_frames or max(lengths) + trailing_frames
    padded = torch.zeros(len(signals), frames * HOP_SAMPLES + WINDOW_SAMPLES, dtype=torch.float64)
    for row, signal in zip(padded, signals, strict=True):
        row[: signal.numel()] = signal
    counts = torch.tensor(lengths)
    log_mel = _log_mel(padded.to(device), frames, mel_bins)
    ends = (counts + trailing_frames).to(device)
    inside = torch.arange(frames, device=device)[None, None, :] < ends[:, None, None]
    considered = log_mel if pad_frames else log_mel.masked_fill(~inside, -torch.inf)
    loudest = considered.amax(dim=(1, 2), keepdim=True)
    log_mel = (torch.maximum(log_mel, loudest - 8.0) + 4.0) / 4.0
    if pad_frames is None:
        log_mel = log_mel.masked_fill(~inside, 0.0)
    return SpeechFeatures(log_mel, counts)


def _check(signals: list[Tensor], lengths: list[int], pad_frames: int | None) -> None:
    for index, (signal, frames) in enumerate(zip(signals, lengths, strict=True)):
        if frames == 0:
            raise ValueError(f"utterance {index} is empty")
        if pad_frames is not None and frames > pad_frames:
            raise ValueError(
                f"utterance {index} has {frames} frames and the encoder takes {pad_frames}: "
                "cut it into pieces"
            )
        if not bool(torch.isfinite(signal).all()):
            raise ValueError(f"utterance {index} holds samples that are not finite")


def _log_mel(padded: Tensor, frames: int, mel_bins: int) -> Tensor:
    """Returns log10 mel energies (B, M, F) of (B, F · hop + window) samples."""
    spectrum = torch.stft(
        padded,
        n_fft=WINDOW_SAMPLES,
        hop_length=HOP_SAMPLES,
        window=torch.hann_window(WINDOW_SAMPLES, dtype=torch.float64, device=padded.device),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )[..., :frames]
    filters = _mel_filters(mel_bins, padded.device)
    return torch.clamp(filters @ spectrum.abs().square(), min=FLOOR).log10().float()


@lru_cache(maxsize=4)
def _mel_filters(mel_bins: int, device: torch.device) -> Tensor:
    """Returns the (M, 201) Slaney filter bank up to 8 kHz."""
    guard_torchaudio()
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(
        num_frequency_bins=1 + WINDOW_SAMPLES // 2,
        num_mel_filters=mel_bins,
        min_frequency=0.0,
        max_frequency=8000.0,
        sampling_rate=SPEECH_RATE_HZ,
        norm="slaney",
        mel_scale="slaney",
    )
    return torch.from_numpy(np.ascontiguousarray(filters.T)).double().to(device)


LEAST_OFFSET = 2e-3
"""Of full scale: less is the chance of a few periods of speech, and stays as it is."""


def without_offset(waveform: Waveform) -> Waveform:
    """Returns a waveform around zero.

    Cheap sound cards shift the zero line, which drowns what is soft in the lowest bands.
    """
    offset = np.mean(waveform, dtype=np.float32) if len(waveform) else np.float32(0)
    return waveform - offset if abs(offset) > LEAST_OFFSET else waveform


def quietest_cuts(waveform: Waveform, *, longest_samples: int) -> list[tuple[int, int]]:
    """Returns (start, end) of pieces of at most `longest_samples`, cut where it is quietest.

    Each cut lies in the last third of its piece, in the middle of the quietest 200 ms.
    """
    pieces: list[tuple[int, int]] = []
    start = 0
    while len(waveform) - start > longest_samples:
        earliest = start + 2 * longest_samples // 3
        end = _quietest(waveform, earliest, start + longest_samples)
        pieces.append((start, end))
        start = end
    pieces.append((start, len(waveform)))
    return pieces


def _quietest(waveform: Waveform, start: int, end: int) -> int:
    """Returns the centre of the quietest 200 ms window between `start` and `end`."""
    window, step = SPEECH_RATE_HZ // 5, HOP_SAMPLES
    if end - start <= window:
        return end
    energy = np.concatenate(([0.0], np.cumsum(np.square(waveform[start:end], dtype=np.float64))))
    starts = np.arange(0, end - start - window + 1, step)
    sums = energy[starts + window] - energy[starts]
    return start + int(starts[int(np.argmin(sums))]) + window // 2
