"""Nano's linear emotion head: statistics of voices, fitted by logistic regression."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from models.config import EmotionHeadConfig
from models.emotion_head import StatisticsEmotionHead
from models.emotions import EMOTION_LABELS
from models.features import speech_features
from models.speech_encoder import SpeechEncoder
from models.voice_statistics import voice_statistics
from train.nano_emotion import EmotionItems, loud_span
from train.nano_recordings import Recording
from train.surroundings import read_mono

VARIED = 5
"""Times that an acted recording is heard in other surroundings, at other speeds."""
STRENGTH = 20.0
"""Of the fit against its penalty on large weights, where the recordings weigh 1 together."""


class HeardVoices(NamedTuple):
    """Statistics of recordings, each as it is and as it was cut and varied."""

    statistics: NDArray[np.float32]
    """(N, K), of `voice_statistics`."""
    recordings: NDArray[np.int64]
    """(N,), of which recording."""
    is_varied: NDArray[np.bool_]
    """(N,)."""
    emotions: NDArray[np.int64]
    """(N,)."""
    weights: NDArray[np.float64]
    """(N,), so that all acted emotions weigh the same."""


def heard_voices(
    recordings: Sequence[Recording],
    items: EmotionItems,
    encoder: SpeechEncoder,
    layer: int,
    *,
    seed: int,
) -> HeardVoices:
    """Returns the statistics of `items`, with those of a layer of `encoder`.

    What an encoder makes of speech depends on the silence around it. Acted recordings are heard
    whole, trimmed, and with as much silence as a voice detector might leave.

    Args:
        recordings: The first of the items, which is all that are no synthetic voices.
        items: Trimmed, in the surroundings of training.
        encoder: A finished one.
        layer: Of the encoder.
        seed: Of the variations.
    """
    encoder.eval()
    found: list[Tensor] = []
    owners: list[int] = []
    for index, trimmed in enumerate(items.waveforms):
        versions = [trimmed]
        if index < len(recordings):
            whole = read_mono(recordings[index].path)
            generator = np.random.default_rng([seed, index])
            versions = [whole, trimmed, *(_varied(whole, items, generator) for _ in range(VARIED))]
        for version in versions:
            features = speech_features([version])
            with torch.no_grad():
                states = encoder(features, all_layers=True).layers[layer]
            found.append(voice_statistics(features, states)[0])
            owners.append(index)
    rows = np.array(owners)
    chances = np.array(items.chances()) / np.bincount(rows)
    return HeardVoices(
        torch.stack(found).numpy(),
        rows,
        np.diff(rows, prepend=-1) == 0,
        np.array(items.emotions)[rows],
        chances[rows],
    )


def _varied(
    whole: NDArray[np.float32], items: EmotionItems, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Returns a recording with some of the silence around it, varied as in other training."""
    start, end = loud_span(whole)
    first = int(generator.integers(0, start + 1))
    cut = whole[first : int(generator.integers(end, whole.size + 1))]
    one = replace(items, waveforms=[cut], emotions=[0], voices=0)
    return one.load(0, generator).waveform


def fitted_head(
    heard: HeardVoices, chosen: NDArray[np.bool_], config: EmotionHeadConfig, encoder: SpeechEncoder
) -> StatisticsEmotionHead:
    """Returns the head that the rows `chosen` (N,) teach.

    Raises:
        ValueError: An emotion is not among them.
    """
    taught = np.bincount(heard.emotions[chosen], minlength=len(EMOTION_LABELS))
    if not taught.all():
        lacking = EMOTION_LABELS[int(taught.argmin())]
        raise ValueError(f"no recording of RAVDESS to learn from is {lacking}: is it complete?")
    head = StatisticsEmotionHead(config, encoder.config)
    statistics = heard.statistics[chosen]
    head.average.copy_(torch.from_numpy(np.nanmean(statistics, axis=0)))
    head.deviation.copy_(torch.from_numpy(np.nanstd(statistics, axis=0) + 1e-6))
    weights = heard.weights[chosen]
    fit = LogisticRegression(C=STRENGTH, max_iter=1000)
    fit.fit(
        head.scaled(torch.from_numpy(statistics)).numpy(),
        heard.emotions[chosen],
        sample_weight=weights / weights.sum(),
    )
    with torch.no_grad():
        head.linear.weight.copy_(torch.from_numpy(fit.coef_))
        head.linear.bias.copy_(torch.from_numpy(fit.intercept_))
    return head


@torch.no_grad()
def statistics_logits(
    head: StatisticsEmotionHead, heard: HeardVoices, rows: NDArray[np.bool_]
) -> Tensor:
    """Returns logits (R, E) of some rows."""
    return head.linear(head.scaled(torch.from_numpy(heard.statistics[rows])))
