"""A random BLSP-Emo model with a byte tokenizer, and short synthetic utterances for it."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from models.blsp_emo import BlspEmo
from models.tokenizer import JsonTokenizer
from train.data.manifest import Utterance

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
EMOTIONS = ("neutral", "happy", "angry", "sad", "surprise")


def byte_tokenizer(folder: Path) -> JsonTokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={s: n for n, s in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(list(SPECIAL))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tokenizer.json"
    backend.save(str(path))
    return JsonTokenizer(path)


def tiny_model(folder: Path, **options: Any) -> BlspEmo:
    """The random encoder's convolutions are louder, so that it hears more than the length."""
    model = BlspEmo.tiny(**options)
    with torch.no_grad():
        for convolution in (model.speech_encoder.whisper.conv1, model.speech_encoder.whisper.conv2):
            convolution.weight.mul_(20.0)
    model.tokenizer = byte_tokenizer(folder)
    return model


def voice(number: int, seconds: float) -> np.ndarray:
    """A buzzing tone whose pitch depends on `number`: something to tell apart."""
    times = np.arange(int(seconds * 16_000)) / 16_000
    noise = np.random.default_rng(number).normal(size=len(times))
    pitch = 120 + 60 * (number % 5)
    return (0.2 * np.sign(np.sin(2 * np.pi * pitch * times)) + 0.01 * noise).astype(np.float32)


def utterances(folder: Path, count: int = 10) -> list[Utterance]:
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Utterance] = []
    for number in range(count):
        path = folder / f"{number}.wav"
        seconds = 0.4 + 0.1 * (number % 4)
        soundfile.write(path, voice(number, seconds), 16_000)
        made.append(
            Utterance(
                id=f"u{number}",
                audio=str(path),
                text=f"words {number}",
                speaker=f"s{number % 4}",
                emotion=EMOTIONS[number % 5],
                duration_s=seconds,
                continuation=f"reply {number % 5}",
            )
        )
    return made
