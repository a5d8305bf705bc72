"""Encoder time with and without the 30 s padding, on the same weights in the same run.

    python -m benchmarks.encoder [--model NAME] [--runs 20] [--threads 1 2]

Beside the named model, encoders of Whisper's sizes with random weights (time does not depend on
them) show what the padding costs a larger one.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
import torch

from benchmarks.results import p50_p95, table, write_section
from models.checkpoints.embedded import EMBEDDED
from models.config import SpeechEncoderConfig
from models.features import speech_features
from models.speech_encoder import SpeechEncoder

SIZES = {
    "Whisper tiny": SpeechEncoderConfig(width=384, layers=4, heads=6, ffn=1536),
    "Whisper base": SpeechEncoderConfig(width=512, layers=6, heads=8, ffn=2048),
}
SECONDS = (1, 4, 10)


def milliseconds(encoder: SpeechEncoder, seconds: int, runs: int) -> list[float]:
    """Returns the times of features and encoder together."""
    waveform = 0.1 * np.random.default_rng(0).standard_normal(16_000 * seconds)
    mel_bins = encoder.config.mel_bins
    times: list[float] = []
    for index in range(runs + 2):
        start = time.perf_counter()
        features = speech_features(
            [waveform.astype(np.float32)], mel_bins=mel_bins, pad_frames=encoder.pad_frames
        )
        encoder(features)
        if index >= 2:
            times.append(1_000 * (time.perf_counter() - start))
    return times


def pair(config: SpeechEncoderConfig) -> tuple[SpeechEncoder, SpeechEncoder]:
    """Returns one encoder that pads to 30 s and one that does not, with the same weights."""
    padded = SpeechEncoder(replace(config, trained_on_short_inputs=False)).eval()
    short = SpeechEncoder(replace(config, trained_on_short_inputs=True)).eval()
    short.load_state_dict(padded.state_dict())
    return padded, short


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    from assistant.engines.blsp_emo import load_checkpoint
    from assistant.engines.settings import ModelSettings

    model = load_checkpoint(options.model, ModelSettings(device="cpu", dtype="float32"))
    shapes = {options.model: model.config.speech_encoder, **SIZES}
    rows: list[list[object]] = []
    for name, config in shapes.items():
        padded, short = pair(config)
        for threads in options.threads:
            torch.set_num_threads(threads)
            for seconds in SECONDS:
                slow = milliseconds(padded, seconds, options.runs)
                fast = milliseconds(short, seconds, options.runs)
                ratio = f"{np.median(slow) / np.median(fast):.1f}"
                rows.append([name, threads, seconds, p50_p95(slow), p50_p95(fast, 1), ratio])
    head = ["encoder", "threads", "speech s", "padded to 30 s, ms", "as long as it is, ms", "ratio"]
    body = f"float32, log-mel included; p50 / p95 of {options.runs} runs.\n\n" + table(head, rows)
    write_section("Encoder and padding", "python -m benchmarks.encoder", body)


if __name__ == "__main__":
    main()
