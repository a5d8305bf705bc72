"""The command `take-emotion-head`: a checkpoint hears emotion with the head of another."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from models.checkpoints.checkpoint import (
    EMOTION_HEAD,
    exchange,
    read_config,
    write_apart,
)
from models.checkpoints.hub import checkpoint_folder
from models.config import BlspEmoConfig, EmotionHeadConfig
from models.weights import SAFETENSORS_INDEX, WeightFiles, write_json
from train.settings import Frozen


class TakeEmotionHeadSettings(Frozen):
    """Writes a checkpoint that hears emotion with the head of another, calibration included.

    A head that reads the sound itself (spectral) fits every checkpoint with as many mel bins. What
    reads the states of an encoder fits checkpoints with the same encoder only.
    """

    model: str = ""
    """Checkpoint that is given the head; it stays as it is."""
    head: str = ""
    """Checkpoint that has the head."""
    out: Path = Path()
    """Folder of the new checkpoint; must not exist."""


def take_emotion_head(settings: TakeEmotionHeadSettings) -> None:
    """Writes the new checkpoint.

    Raises:
        ValueError: The settings name no checkpoints, the place is taken, or the head does not fit.
        CheckpointError: A checkpoint cannot be used.
    """
    if not (settings.model and settings.head):
        raise ValueError("name both checkpoints: --model, and --head that has the head")
    if settings.out.exists():
        raise ValueError(f"{settings.out} exists: choose another --out")
    taker, giver = checkpoint_folder(settings.model), checkpoint_folder(settings.head)
    (ours, published), (theirs, _) = read_config(taker), read_config(giver)
    if published:
        raise ValueError(f"{taker} is of the published layout: save it in ours first")
    files = WeightFiles(giver)
    ears = [config.parts.speech if config.parts else "" for config in (ours, theirs)]
    is_same = ears[0] == ears[1] and _same_encoder(WeightFiles(taker), files)
    check_fits(theirs.emotion_head, same_encoder=is_same)
    if ours.speech_encoder.mel_bins != theirs.speech_encoder.mel_bins:
        raise ValueError(f"{giver} hears {theirs.speech_encoder.mel_bins} mel bins: no head fits")
    head = {
        name.removeprefix(EMOTION_HEAD): files.read(name)
        for name in files.names()
        if name.startswith(EMOTION_HEAD)
    }
    config = replace(ours, emotion_head=theirs.emotion_head, calibration=theirs.calibration)
    write_with_head(settings.out, taker, config, head)
    print(f"{settings.out}: {sum(w.numel() for w in head.values()) / 1e6:.2f} M parameters taken")


def check_fits(config: EmotionHeadConfig, *, same_encoder: bool = False) -> None:
    """Makes sure that a head fits another checkpoint, one with the same encoder or another one.

    Raises:
        ValueError: It does not.
    """
    if config.kind == "mean" or not (same_encoder or config.kind == "spectral"):
        raise ValueError(
            f"the emotion head {config.kind!r} reads the states of its encoder: only a spectral "
            "head fits a checkpoint with another one"
        )


def _same_encoder(own: WeightFiles, files: WeightFiles) -> bool:
    names, theirs = (
        {name for name in one.names() if name.startswith("speech_encoder.")} for one in (own, files)
    )
    return names == theirs and all(torch.equal(own.read(n), files.read(n)) for n in names)


def write_with_head(
    out: Path, source: Path, config: BlspEmoConfig, head: Mapping[str, Tensor]
) -> None:
    """Writes the checkpoint in `source` to the new folder `out`, with another emotion head.

    Args:
        out: Is created.
        source: A checkpoint in our layout, whole or slim.
        config: Of the new checkpoint.
        head: Its weights, by their names in the head.
    """
    named = {f"{EMOTION_HEAD}{name}": weight.detach().cpu() for name, weight in head.items()}
    # What lies apart already is copied as it is, so that who has it need not fetch it again.
    is_apart = (source / SAFETENSORS_INDEX).exists()
    out.mkdir(parents=True)
    for path in source.iterdir():
        is_copied = is_apart or ".safetensors" not in path.name
        if path.is_file() and is_copied and path.name != "config.json":
            shutil.copy(path, out)
    if is_apart:
        exchange(named, out, instead_of=EMOTION_HEAD)
    else:
        own = WeightFiles(source)
        kept = {name: own.read(name) for name in own.names() if not name.startswith(EMOTION_HEAD)}
        write_apart(kept | named, out)
    write_json(out / "config.json", config.to_mapping())
