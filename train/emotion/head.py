"""The command `emotion-head`: a linear head on the statistics of a frozen encoder's layers."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from models.checkpoints.checkpoint import read_config
from models.checkpoints.hub import checkpoint_folder
from models.config import CalibrationConfig, EmotionHeadConfig, SpeechEncoderConfig
from models.emotion.heads import LayersEmotionHead, calibrated
from models.emotion.voice_statistics import layer_statistics
from models.emotions import EMOTION_LABELS, Emotion, emotion_from_label
from models.features import SPEECH_RATE_HZ, Waveform
from models.listening.encoder import EncoderAlone
from train.data.audio_files import read_audio
from train.data.manifest import Utterance, read_manifest
from train.emotion.transfer import write_with_head
from train.emotion.views import varied
from train.evaluation.calibrate import fitted_calibration
from train.metrics import Floats, Integers
from train.settings import Frozen
from train.synthetic.speech_cuts import find_recordings
from train.synthetic.surroundings import Surroundings

logger = logging.getLogger(__name__)

FOLDS = 4
TURN_S = (1.5, 6.0)
"""Stretches of long readings: as long as what people say in a turn, and as the actors say."""
STRENGTHS = (0.3, 1.0, 3.0, 10.0)
"""Of the fit against its penalty on large weights, where the recordings weigh 1 together."""
TOLD_SHARE = 0.02
"""Of readers who may be taken for moved to the LLM: as with mini's head."""
LEAST_TOLD, MOST_TOLD = 0.5, 0.95


class EmotionHeadSettings(Frozen):
    """Writes a checkpoint with an emotion head (`layers`) fitted to its encoder, and calibrated.

    Each recording is heard as it is and in other surroundings: soft, in noise, through a telephone,
    cut. Strength, temperature and threshold are chosen on speakers that a fit has not heard.
    """

    model: str = ""
    """Checkpoint that is given the head; it stays as it is."""
    train: tuple[Path, ...] = ()
    """Manifests with emotions and speakers; their test split is left out."""
    readers: tuple[Path, ...] = ()
    """Manifests or folders of sound files of people who read or talk as people do; all of it counts
    as neutral. Actors alone do not teach what an ordinary voice is: many a reader sounds angry next
    to them."""
    of_readers: int = Field(default=300, ge=1)
    """Most recordings of each of these, spread evenly over it."""
    left_out: tuple[str, ...] = ()
    """Beginnings of the names of readers who are not heard, because figures are to be of them."""
    out: Path = Path()
    """Folder of the new checkpoint; must not exist."""
    noises: Path | None = None
    """Folder with `esc10`, `noise` (every fifth file is left out) and `rirs`; without it noise is
    white or pink."""
    views: int = Field(default=4, ge=0)
    """Times that each recording is heard in other surroundings."""
    answered: float = Field(default=0.9, gt=0, le=1)
    """Share of utterances that the model acts on; it abstains from the least confident rest."""
    seed: int = 1
    """Of the surroundings."""
    device: str = "auto"
    """cpu, cuda, or auto."""


class HeardVoices(NamedTuple):
    """Statistics of recordings, each as it is and in other surroundings."""

    statistics: NDArray[np.float32]
    """(N, K), of `layer_statistics`."""
    emotions: Integers
    """(N,)."""
    speakers: NDArray[np.str_]
    """(N,)."""
    is_varied: NDArray[np.bool_]
    """(N,)."""
    is_read: NDArray[np.bool_]
    """(N,) of people who did not act."""

    def of(self, rows: NDArray[np.bool_]) -> "HeardVoices":
        """Returns some rows."""
        return HeardVoices(
            self.statistics[rows],
            self.emotions[rows],
            self.speakers[rows],
            self.is_varied[rows],
            self.is_read[rows],
        )


def teach_emotion_head(settings: EmotionHeadSettings) -> None:
    """Writes the new checkpoint and says how the head does on speakers that it was not fitted to.

    Raises:
        ValueError: The settings name no checkpoint or too few speakers, or the place is taken.
        CheckpointError: The checkpoint cannot be used.
    """
    if not (settings.model and settings.train):
        raise ValueError("name a checkpoint and recordings: --model, and --train MANIFEST.jsonl")
    if settings.out.exists():
        raise ValueError(f"{settings.out} exists: choose another --out")
    folder = checkpoint_folder(settings.model)
    config, published = read_config(folder)
    if published:
        raise ValueError(f"{folder} is of the published layout: save it in ours first")
    sources = [
        *(
            TrainingRecording(path.parent, spoken)
            for path in settings.train
            for spoken in _acted(path)
        ),
        *(spoken for path in settings.readers for spoken in _read(path, settings)),
    ]
    folds = speaker_folds(
        [source.utterance.speaker for source in sources if not source.is_read],
        [source.utterance.speaker for source in sources if source.is_read],
    )
    encoder = EncoderAlone.from_pretrained(folder, device=settings.device)
    heard = heard_voices(encoder, sources, settings)
    strength, logits = cross_fitted(heard, folds, config.speech_encoder)
    calibration = fitted_calibration(logits, heard.emotions, answered=settings.answered)
    if heard.is_read.any():
        told_from = sure_enough(logits[heard.is_read], calibration)
        calibration = replace(calibration, told_from=told_from)
    head = fitted_head(heard, strength, config.speech_encoder)
    changed = replace(
        config, emotion_head=EmotionHeadConfig(kind="layers"), calibration=calibration
    )
    write_with_head(settings.out, folder, changed, dict(head.named_parameters()))
    right = logits.argmax(axis=1)
    for name, rows in (("as recorded", ~heard.is_varied), ("varied", heard.is_varied)):
        for acted, of_them in (("acted", rows & ~heard.is_read), ("read", rows & heard.is_read)):
            if of_them.any():
                recall = 100 * mean_recall(heard.emotions[of_them], right[of_them])
                print(
                    f"{acted}, {name}: unweighted accuracy {recall:.1f} % on {of_them.sum()} of "
                    "other speakers"
                )
    print(
        f"{settings.out}: strength {strength:g}, temperature {calibration.temperature:.2f}, "
        f"threshold {calibration.threshold:.2f}, told from {calibration.told_from:.2f}"
    )


@dataclass(frozen=True, slots=True)
class TrainingRecording:
    """A recording that the head learns from."""

    root: Path
    """That its path starts from."""
    utterance: Utterance
    is_read: bool = False
    """Whether somebody reads or talks and does not act: neutral."""

    @property
    def emotion(self) -> Emotion:
        """What is heard in it."""
        named = self.utterance.emotion
        return Emotion.NEUTRAL if self.is_read or named is None else emotion_from_label(named)


def _acted(path: Path) -> list[Utterance]:
    utterances = read_manifest(path, check_audio=False).utterances
    return [u for u in utterances if u.emotion is not None and u.split != "test"]


def _read(source: Path, settings: EmotionHeadSettings) -> list[TrainingRecording]:
    """Returns recordings of a folder or a manifest; in a folder each counts as another person."""
    if source.is_dir():
        names = [found.reference for found in find_recordings(source)]
        read = [Utterance(id=name, audio=name, speaker=Path(name).stem) for name in names]
        root = Path()
    else:
        utterances = read_manifest(source, check_audio=False).utterances
        read, root = [u for u in utterances if u.split != "test"], source.parent
    read = [u for u in read if not u.speaker.startswith(settings.left_out)]
    every = max(1, -(-len(read) // settings.of_readers))
    return [TrainingRecording(root, u, is_read=True) for u in read[::every]]


def _heard(source: TrainingRecording, generator: np.random.Generator) -> Waveform:
    """Returns a recording; of one that is longer than a turn a stretch as long as one."""
    whole = read_audio(source.utterance.audio, source.root)
    longest = round(generator.uniform(*TURN_S) * SPEECH_RATE_HZ)
    if not source.is_read or len(whole) <= longest:
        return whole
    start = int(generator.integers(len(whole) - longest))
    return whole[start : start + longest]


def speaker_folds(acting: list[str], reading: list[str] | None = None) -> list[set[str]]:
    """Returns the speakers in `FOLDS` groups, those who act and those who read spread over all.

    Raises:
        ValueError: Fewer act, or some have no name.
    """
    names, readers = sorted(set(acting)), sorted(set(reading or ()))
    if "" in names or len(names) < FOLDS:
        raise ValueError(
            f"{len(names)} speakers are too few to tell how strangers are heard: give --train with "
            f"recordings of {FOLDS} or more, each named in the manifest"
        )
    # Mixed: corpora number men and women in turn or in blocks, and a group is to hold both.
    order = np.random.default_rng(FOLDS)
    parts = (np.array_split(order.permutation(np.array(some)), FOLDS) for some in (names, readers))
    return [{*acts.tolist(), *reads.tolist()} for acts, reads in zip(*parts, strict=True)]


@torch.inference_mode()
def heard_voices(
    encoder: EncoderAlone, sources: list[TrainingRecording], settings: EmotionHeadSettings
) -> HeardVoices:
    """Returns what an encoder makes of recordings and their variations."""
    around = Surroundings.read(settings.noises) if settings.noises else Surroundings([], [])
    rows: list[NDArray[np.float32]] = []
    for index, source in enumerate(sources):
        generator = np.random.default_rng([settings.seed, index])
        whole = _heard(source, generator)
        views = [whole, *(varied(whole, around, generator) for _ in range(settings.views))]
        rows += [_statistics(encoder, view) for view in views]
        if index % 50 == 0:
            logger.info("%d of %d recordings are heard", index, len(sources))
    times = 1 + settings.views
    return HeardVoices(
        np.stack(rows),
        np.repeat([int(source.emotion) for source in sources], times),
        np.repeat([source.utterance.speaker for source in sources], times),
        np.arange(len(rows)) % times > 0,
        np.repeat([source.is_read for source in sources], times),
    )


def _statistics(encoder: EncoderAlone, waveform: Waveform) -> NDArray[np.float32]:
    speech = encoder.states(waveform)
    assert speech.features is not None
    return layer_statistics(speech.features, speech.layers)[0].cpu().numpy()


def cross_fitted(
    heard: HeardVoices, folds: list[set[str]], encoder: SpeechEncoderConfig
) -> tuple[float, Floats]:
    """Returns the best strength, and the logits (N, E) of fits that heard other speakers.

    As recorded and varied count the same, though there are more varied ones.
    """
    found: dict[float, Floats] = {}
    for strength in STRENGTHS:
        found[strength] = np.zeros((len(heard.emotions), len(EMOTION_LABELS)))
    for fold in folds:
        held = np.isin(heard.speakers, sorted(fold))
        for strength in STRENGTHS:
            head = fitted_head(heard.of(~held), strength, encoder)
            found[strength][held] = head_logits(head, heard.statistics[held])

    def score(strength: float) -> float:
        kinds = [rows for rows in (heard.is_varied, ~heard.is_varied) if rows.any()]
        chosen = found[strength].argmax(axis=1)
        return sum(mean_recall(heard.emotions[rows], chosen[rows]) for rows in kinds)

    best = max(STRENGTHS, key=score)
    return best, found[best]


def fitted_head(
    heard: HeardVoices, strength: float, encoder: SpeechEncoderConfig
) -> LayersEmotionHead:
    """Returns the head of a logistic regression, in which all emotions weigh the same.

    Among the neutral ones those who act and those who do not weigh the same too.

    Raises:
        ValueError: An emotion is not among the recordings.
    """
    from sklearn.linear_model import LogisticRegression

    counts = np.bincount(heard.emotions, minlength=len(EMOTION_LABELS))
    if not counts.all():
        lacking = EMOTION_LABELS[int(counts.argmin())]
        raise ValueError(f"no recording to learn from is {lacking}: give --train with all emotions")
    head = LayersEmotionHead(encoder)
    statistics = torch.from_numpy(heard.statistics)
    head.average.copy_(statistics.mean(dim=0))
    head.deviation.copy_(statistics.std(dim=0) + 1e-6)
    weights = 1.0 / counts[heard.emotions]
    for group in (heard.is_read, ~heard.is_read & (heard.emotions == Emotion.NEUTRAL)):
        if group.any() and heard.is_read.any():
            weights[group] = 0.5 / group.sum()
    fit = LogisticRegression(C=strength, max_iter=200)
    fit.fit(head.scaled(statistics).numpy(), heard.emotions, sample_weight=weights / weights.sum())
    with torch.no_grad():
        head.linear.weight.copy_(torch.from_numpy(fit.coef_))
        head.linear.bias.copy_(torch.from_numpy(fit.intercept_))
    return head


def sure_enough(logits: Floats, calibration: CalibrationConfig) -> float:
    """Returns from which probability the LLM is told, so that hardly a reader seems moved to it.

    Args:
        logits: (N, E) of people who read, by a head that has not learnt from them.
        calibration: Of the head.
    """
    probabilities = calibrated(torch.from_numpy(logits), calibration).numpy()
    moved = probabilities.argmax(axis=1) != Emotion.NEUTRAL
    sure = np.where(moved, probabilities.max(axis=1), 0.0)
    return float(np.clip(np.quantile(sure, 1.0 - TOLD_SHARE), LEAST_TOLD, MOST_TOLD))


@torch.no_grad()
def head_logits(head: LayersEmotionHead, statistics: NDArray[np.float32]) -> Floats:
    """Returns logits (N, E) of statistics (N, K)."""
    return head.linear(head.scaled(torch.from_numpy(statistics))).numpy()


def mean_recall(emotions: Integers, chosen: Integers) -> float:
    """Returns the unweighted accuracy: the mean over emotions of the share that is found."""
    return float(np.mean([(chosen[emotions == one] == one).mean() for one in np.unique(emotions)]))
