"""Makes `conversation.flac`: a synthetic person speaks four turns to Attune, for `make run`.

    python examples/make.py [--voice rms]

The voice is flite's; no recording of a real person is part of it. Manner of speaking (rate, pitch,
loudness) changes from turn to turn, as a person's would; the pauses leave room for an answer.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import soundfile

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from assistant.audio.waveform import Waveform, to_int16  # noqa: E402
from assistant.engines.protocols import Cancel, SpeakingStyle  # noqa: E402
from assistant.engines.voices.flite import Flite  # noqa: E402

RATE_HZ = 16_000
PAUSE_S = 1.6
ROOM_NOISE = 0.0008
TURNS: tuple[tuple[str, SpeakingStyle], ...] = (
    ("Hello, how are you today?", SpeakingStyle()),
    (
        "I failed my driving test.",
        SpeakingStyle(rate=0.88, pitch=-1.5, pitch_range=0.7, energy=-4.0),
    ),
    (
        "We won the match today!",
        SpeakingStyle(rate=1.08, pitch=2.5, pitch_range=1.6, energy=2.0),
    ),
    ("Thank you for listening.", SpeakingStyle()),
)


def speak(voice: Flite, text: str, style: SpeakingStyle) -> Waveform:
    """Returns one utterance."""
    return np.concatenate([clip.samples for clip in voice.synthesize(text, style, Cancel())])


def main() -> None:
    """Writes the conversation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", default="rms", help="a flite voice")
    voice = Flite(parser.parse_args().voice)
    pause = np.zeros(round(PAUSE_S * RATE_HZ), dtype=np.float32)
    parts: list[Waveform] = [pause[: RATE_HZ // 2]]
    for text, style in TURNS:
        parts += [speak(voice, text, style), pause]
    waveform = np.concatenate(parts)
    waveform = 0.6 * waveform / np.abs(waveform).max()
    waveform += ROOM_NOISE * np.random.default_rng(0).standard_normal(len(waveform))
    path = FOLDER / "conversation.flac"
    soundfile.write(path, to_int16(waveform.astype(np.float32)), RATE_HZ)
    print(f"{path}: {len(waveform) / RATE_HZ:.1f} s, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
