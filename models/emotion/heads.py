"""Emotion logits from speech, and the calibrated probabilities that are made of them."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.adapters.embeddings import SpeechEmbeddings
from models.config import CalibrationConfig, EmotionHeadConfig, SpeechEncoderConfig
from models.emotion.spoken_part import as_loud, spoken_part
from models.emotion.voice_statistics import layer_statistics
from models.emotions import EMOTION_LABELS, Emotion
from models.features import SpeechFeatures
from models.masks import blank_outside, lengths_to_mask
from models.speech_encoder import SpeechStates


class MeanEmotionHead(nn.Module):
    """The published head: a linear layer on the mean speech embedding, without a bias."""

    needs_all_layers = False

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, len(EMOTION_LABELS), bias=False)

    def forward(self, speech: SpeechStates, embedded: SpeechEmbeddings) -> Tensor:
        """Returns logits (B, E)."""
        del speech
        total = blank_outside(embedded.embeddings, embedded.mask).sum(dim=1)
        return self.linear(total / embedded.lengths[:, None].to(total.dtype))


class AttentiveEmotionHead(nn.Module):
    """Attentive statistics pooling over a learnt mixture of all encoder layers, then an MLP.

    The mixture is that of SUPERB (arXiv 2105.01051), the pooling that of arXiv 1803.10963: the
    attention-weighted mean and deviation say both where and how much the voice moves.
    """

    needs_all_layers = True

    def __init__(self, config: EmotionHeadConfig, encoder: SpeechEncoderConfig) -> None:
        super().__init__()
        hidden = config.hidden or 128
        self.layer_weights = nn.Parameter(torch.zeros(encoder.layers + 1))
        self.norm = nn.LayerNorm(encoder.width)
        self.attention = nn.Sequential(
            nn.Linear(encoder.width, hidden), nn.Tanh(), nn.Linear(hidden, 1)
        )
        self.classifier = nn.Sequential(
            nn.Linear(2 * encoder.width, hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(hidden, len(EMOTION_LABELS)),
        )

    def forward(self, speech: SpeechStates, embedded: SpeechEmbeddings | None = None) -> Tensor:
        """Returns logits (B, E)."""
        del embedded
        mixture = torch.softmax(self.layer_weights, dim=0)
        mixed = sum(
            (weight * layer for weight, layer in zip(mixture, speech.layers, strict=True)),
            start=torch.zeros_like(speech.states),
        )
        states = self.norm(mixed)
        # The softmax is in 32 bits: over some hundred states 16 bits round the small weights away.
        scores = self.attention(states).squeeze(-1).masked_fill(~speech.mask, -torch.inf)
        weights = torch.softmax(scores.float(), dim=1).to(states.dtype)[..., None]
        mean = (weights * states).sum(dim=1)
        variance = (weights * (states - mean[:, None]).square()).sum(dim=1)
        return self.classifier(torch.cat([mean, (variance + 1e-5).sqrt()], dim=-1))


class SpectralEmotionHead(nn.Module):
    """Convolutions over the log-mel spectrogram, attentive statistics pooling, an MLP.

    Silence around an utterance is left out: how much there is of it would sway the estimate.

    Apart from the encoder, whose training on words wears emotion away where data are few.
    """

    needs_all_layers = False

    def __init__(self, config: EmotionHeadConfig, encoder: SpeechEncoderConfig) -> None:
        super().__init__()
        hidden, self.loudness = config.hidden or 128, config.loudness
        widths = (1, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in pairwise(widths)
        )
        bins = encoder.mel_bins
        for _ in config.channels:
            bins = (bins - 1) // 2 + 1
        self.project = nn.Linear(bins * config.channels[-1], hidden)
        self.attention = nn.Sequential(nn.Linear(hidden, hidden // 2), nn.Tanh())
        self.score = nn.Linear(hidden // 2, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Sequential(
            nn.Linear(2 * hidden, hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(hidden, len(EMOTION_LABELS)),
        )

    def forward(self, speech: SpeechStates, embedded: SpeechEmbeddings | None = None) -> Tensor:
        """Returns logits (B, E).

        Raises:
            ValueError: `speech` does not hold the features that it was made of.
        """
        del embedded
        if speech.features is None:
            raise ValueError("the spectral emotion head needs the features of the speech")
        spoken = spoken_part(speech.features)
        return self.of_features(spoken if self.loudness is None else as_loud(spoken, self.loudness))

    def of_features(self, features: SpeechFeatures) -> Tensor:
        """Returns logits (B, E) of log-mel features."""
        states, inside = self._states_of(features)
        states = self.dropout(states)
        scores = self.score(self.attention(states)).squeeze(-1).masked_fill(~inside, -torch.inf)
        weights = torch.softmax(scores.float(), dim=1).to(states.dtype)[..., None]
        mean = (weights * states).sum(dim=1)
        variance = (weights * (states - mean[:, None]).square()).sum(dim=1)
        return self.classifier(torch.cat([mean, (variance + 1e-5).sqrt()], dim=-1))

    def _states_of(self, features: SpeechFeatures) -> tuple[Tensor, Tensor]:
        """Returns states (B, S, H), one for each 16 frames, and whether each is speech (B, S)."""
        weight = self.project.weight
        image = features.log_mel.to(device=weight.device, dtype=weight.dtype)[:, None]
        lengths = features.lengths.to(weight.device)
        for convolution in self.convolutions:
            image = nn.functional.gelu(convolution(image))
            lengths = torch.div(lengths - 1, 2, rounding_mode="floor") + 1
            # A bias turns padding into something: blanked after each layer, an utterance gives the
            # same beside longer ones as alone.
            inside = lengths_to_mask(lengths, image.shape[-1])
            image = image.masked_fill(~inside[:, None, None, :], 0.0)
        states = nn.functional.gelu(self.project(image.flatten(1, 2).transpose(1, 2)))
        return states, lengths_to_mask(lengths, states.shape[1])


class LayersEmotionHead(nn.Module):
    """A linear layer on the means and deviations of all encoder layers over what is loud.

    What a large encoder learnt of words says much of the voice already, most of all below its last
    layer: a fit on some hundred recordings finds it, and loses nothing in noise that it heard in
    training. Statistics far from those it learnt from count as their limit.
    """

    needs_all_layers = True
    LIMIT = 4.0
    """Deviations from the average."""

    def __init__(self, encoder: SpeechEncoderConfig) -> None:
        super().__init__()
        inputs = 2 * (encoder.layers + 1) * encoder.width
        self.average = nn.Parameter(torch.zeros(inputs), requires_grad=False)
        self.deviation = nn.Parameter(torch.ones(inputs), requires_grad=False)
        self.linear = nn.Linear(inputs, len(EMOTION_LABELS))

    def forward(self, speech: SpeechStates, embedded: SpeechEmbeddings | None = None) -> Tensor:
        """Returns logits (B, E).

        Raises:
            ValueError: `speech` does not hold all layers and the features they were made of.
        """
        del embedded
        if speech.features is None or not speech.layers:
            raise ValueError("the emotion head needs all layers of the encoder, and its features")
        statistics = layer_statistics(speech.features, speech.layers)
        return self.linear(self.scaled(statistics.to(self.linear.weight)))

    def scaled(self, statistics: Tensor) -> Tensor:
        """Returns statistics (B, K) in deviations from the average."""
        scaled = (statistics - self.average) / self.deviation
        # By a microphone unlike all that was learnt from some statistics lie far outside, and a
        # linear layer would follow the furthest of them.
        return scaled.clamp(-self.LIMIT, self.LIMIT)


class EmotionHeadEnsemble(nn.Module):
    """Heads that learnt apart, whose probabilities are averaged.

    On a few hundred recordings one seed hears other things than the next; what they agree on holds
    for strangers more often (deep ensembles, arXiv 1612.01474).
    """

    needs_all_layers = False

    def __init__(self, config: EmotionHeadConfig, encoder: SpeechEncoderConfig) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            SpectralEmotionHead(config, encoder) for _ in range(config.members)
        )

    def forward(self, speech: SpeechStates, embedded: SpeechEmbeddings | None = None) -> Tensor:
        """Returns logits (B, E): the logarithms of the mean probabilities."""
        return mean_logits(torch.stack([member(speech, embedded) for member in self.members]))


def mean_logits(logits: Tensor) -> Tensor:
    """Returns the logarithms (…, E) of the mean over the first axis of probabilities (K, …, E)."""
    return torch.logsumexp(torch.log_softmax(logits.float(), dim=-1), dim=0) - math.log(len(logits))


EmotionHead = (
    MeanEmotionHead
    | AttentiveEmotionHead
    | SpectralEmotionHead
    | LayersEmotionHead
    | EmotionHeadEnsemble
)


def build_emotion_head(
    config: EmotionHeadConfig, encoder: SpeechEncoderConfig, llm_width: int
) -> EmotionHead:
    """Returns the head that `config.kind` names."""
    if config.kind == "spectral":
        kind = SpectralEmotionHead if config.members == 1 else EmotionHeadEnsemble
        return kind(config, encoder)
    if config.kind == "attentive":
        return AttentiveEmotionHead(config, encoder)
    if config.kind == "layers":
        return LayersEmotionHead(encoder)
    return MeanEmotionHead(llm_width)


def calibrated(logits: Tensor, calibration: CalibrationConfig) -> Tensor:
    """Returns probabilities (…, E) of logits (…, E), softened by the temperature."""
    # An ensemble is averaged before this: the temperature was fitted to the mean of its heads.
    return torch.softmax(logits.float() / calibration.temperature, dim=-1)


def abstains(probabilities: Sequence[float], calibration: CalibrationConfig) -> bool:
    """Whether the most probable emotion is too uncertain to be acted on."""
    return max(probabilities) < calibration.threshold


def is_told(probabilities: Sequence[float], calibration: CalibrationConfig) -> bool:
    """Whether a feeling was heard, and so surely that the LLM is told of it in words."""
    most = max(probabilities)
    return most >= calibration.told_from and most != probabilities[Emotion.NEUTRAL]


def fit_temperature(logits: Tensor, emotions: Tensor) -> float:
    """Returns the temperature with the least cross-entropy on held-out utterances.

    Temperature scaling (arXiv 1706.04599), by a search over 0.2 … 20 on a logarithmic grid.

    Args:
        logits: (N, E).
        emotions: (N,) indices.
    """
    # A search, because it cannot diverge: where all is right the least loss lies at zero, and the
    # end of the grid keeps the temperature finite.
    grid = torch.logspace(-0.7, 1.3, 200)
    losses = [nn.functional.cross_entropy(logits.float() / t, emotions).item() for t in grid]
    return float(grid[int(torch.tensor(losses).argmin())])
