"""The command `turn-ear`: hearing by melody and rhythm whether a person who pauses is done.

Recordings of whole sentences give both answers: their end, and their gaps between words, where
nobody is done. Few people pause for long in read speech, so that a short gap is made a pause by
noise as loud as what is in it. Speakers are either trained on or judged on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.turn_ear.network import (
    AFTER_SAMPLES,
    BEFORE_SAMPLES,
    RATE_HZ,
    TurnEar,
    features,
    save_turn_ear,
)
from train.data.audio_files import read_audio
from train.metrics import Floats
from train.turn_ends.settings import TurnEarSettings
from train.turn_ends.words import area_under_roc

FRAME = 512
QUIET_DB, NOISE_DB = 26.0, 6.0
"""A frame is speech that lies less than this below the loud ones, and so far above the noise."""
SHORTEST_GAP, OWN_PAUSE = 3, 8
"""Frames from one of speech to the next, from which a gap is taken, and from which it is a pause
of its own."""
MOST_GAPS = 5
LEAST_SPEECH = 6
"""Frames of speech before a gap."""
JUDGED_SHARE = 6
"""One of so many speakers is judged on."""
BATCH, HIGHEST_RATE, DECAY, JITTER = 64, 4e-3, 0.05, 0.1


@dataclass(frozen=True, slots=True)
class Stop:
    """The sound up to a place where a person stopped."""

    waveform: Floats
    is_end: bool


def turn_ear(settings: TurnEarSettings) -> TurnEar:
    """Trains the network, prints how well it hears speakers it was not trained on, writes it.

    Raises:
        ValueError: No folder is named, there are fewer than two speakers, or nobody pauses.
    """
    if not settings.recordings:
        raise ValueError("name the folders of recordings: --recordings FOLDER …")
    speakers = _speakers(settings)
    order = np.random.default_rng(settings.seed).permutation(sorted(speakers)).tolist()
    judged = set(order[: max(1, len(order) // JUDGED_SHARE)])
    if len(order) < 2:
        raise ValueError("recordings of two speakers at least are needed: give more folders")
    sets = {True: _examples(speakers, judged), False: _examples(speakers, set(order) - judged)}
    ear = trained(*sets[False], epochs=settings.epochs, seed=settings.seed)
    inputs, is_end = sets[True]
    with torch.inference_mode():
        score = ear(inputs).numpy().astype(np.float64)
    area = area_under_roc(score, is_end.numpy().astype(np.int64))
    print(f"AUC {area:.3f} on {len(is_end)} stops of {len(judged)} speakers not trained on")
    save_turn_ear(ear, settings.out)
    return ear


def stops(waveform: Floats) -> Iterator[Stop]:
    """Yields the end of a recorded sentence (16 kHz), and its longest gaps made pauses."""
    generator = np.random.default_rng(len(waveform))
    wave = np.concatenate([waveform, np.zeros(RATE_HZ)])
    wave = wave + 3e-4 * generator.standard_normal(len(wave))
    voiced = _voiced(wave, len(waveform))
    if len(voiced) <= LEAST_SPEECH:
        return
    yield Stop(_until(wave, (int(voiced[-1]) + 1) * FRAME), is_end=True)
    gaps = np.diff(voiced)
    longest = np.argsort(-gaps, kind="stable")[:MOST_GAPS]
    for place in longest[(gaps[longest] >= SHORTEST_GAP) & (voiced[longest] >= LEAST_SPEECH)]:
        spoken, gap = (int(voiced[place]) + 1) * FRAME, int(gaps[place])
        middle = (int(voiced[place]) + gap // 2) * FRAME
        level = np.sqrt(np.mean(np.square(wave[middle - FRAME // 2 : middle + FRAME // 2])))
        noise = level * generator.standard_normal(AFTER_SAMPLES)
        paused = wave if gap >= OWN_PAUSE else np.concatenate([wave[:middle], noise])
        yield Stop(_until(paused, spoken), is_end=False)


def trained(inputs: torch.Tensor, is_end: torch.Tensor, *, epochs: int, seed: int) -> TurnEar:
    """Returns a network trained from scratch.

    Args:
        inputs: (N, INPUTS, T) features.
        is_end: (N,) 1 where the person was done, else 0; each as often as the other in effect.
        epochs: Rounds over all of them.
        seed: Of weights, order and noise.

    Raises:
        ValueError: All are ends, or none is.
    """
    if not 0 < int(is_end.sum()) < len(is_end):
        raise ValueError("nobody pauses within a sentence in these recordings, or nobody ends one")
    torch.manual_seed(seed)
    ear = TurnEar()
    ear.mean.copy_(inputs.mean((0, 2))[:, None])
    ear.scale.copy_(inputs.std((0, 2))[:, None] + 1e-3)
    batches = max(1, len(inputs) // BATCH)
    optimiser = torch.optim.AdamW(ear.parameters(), weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, HIGHEST_RATE, total_steps=epochs * batches + 1
    )
    balance = (is_end == 0).sum() / (is_end == 1).sum()
    for _ in range(epochs):
        for chosen in torch.randperm(len(inputs)).tensor_split(batches):
            jitter = JITTER * ear.scale * torch.randn_like(inputs[chosen])
            loss = nn.functional.binary_cross_entropy_with_logits(
                ear(inputs[chosen] + jitter), is_end[chosen], pos_weight=balance
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return ear.eval()


def _speakers(settings: TurnEarSettings) -> dict[str, list[Path]]:
    """Returns the recordings by speaker: by the folder that each lies in."""
    lines = settings.held_out.read_text(encoding="utf-8") if settings.held_out else ""
    held_out = {line.split()[0] for line in lines.splitlines() if line.strip()}
    found: dict[str, list[Path]] = {}
    for folder in settings.recordings:
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".opus", ".flac", ".wav"} and path.stem not in held_out:
                found.setdefault(f"{folder}/{path.parent.name}", []).append(path)
    return found


def _examples(
    speakers: dict[str, list[Path]], chosen: set[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    found = [
        stop
        for name in sorted(chosen)
        for path in speakers[name]
        for stop in stops(np.asarray(read_audio(str(path)), dtype=np.float64))
    ]
    if not found:
        raise ValueError("there is no speech in the recordings of some speakers: give more folders")
    inputs = np.stack([features(stop.waveform.astype(np.float32)) for stop in found])
    return torch.from_numpy(inputs), torch.tensor([float(stop.is_end) for stop in found])


def _voiced(wave: Floats, length: int) -> np.ndarray:
    """Returns the indices of the frames with speech, by their level."""
    count = len(wave) // FRAME
    power = np.mean(np.square(wave[: count * FRAME].reshape(count, FRAME)), axis=1)
    level_db = 10.0 * np.log10(power + 1e-12)
    said = level_db[: max(1, length // FRAME)]
    loud, noise = np.percentile(said, [95, 5])
    return np.flatnonzero(level_db >= max(loud - QUIET_DB, noise + NOISE_DB))


def _until(wave: Floats, spoken: int) -> Floats:
    return wave[max(0, spoken - BEFORE_SAMPLES) : spoken + AFTER_SAMPLES]
