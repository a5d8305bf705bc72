"""The sound of a record for a page: both sides mixed, small enough to lie within a document."""

import base64
import io
from pathlib import Path

import soundfile

from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.errors import InputError

BLOCK_SAMPLES = 16 * SPEECH_RATE_HZ
TYPE = "audio/mpeg"
"""MP3: of what is small, the one that every browser plays."""


def data_uri(path: Path) -> str:
    """Returns a stereo WAV as the address of a mono MP3 within the page itself.

    Raises:
        InputError: It is no sound that can be read.
    """
    packed = io.BytesIO()
    try:
        with (
            soundfile.SoundFile(path) as sound,
            soundfile.SoundFile(
                packed, "w", sound.samplerate, 1, format="MP3", subtype="MPEG_LAYER_III"
            ) as mono,
        ):
            for block in sound.blocks(BLOCK_SAMPLES, dtype="float32", always_2d=True):
                mono.write(block.mean(axis=1))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(f"{path} cannot be read as sound: {error}") from error
    return f"data:{TYPE};base64,{base64.b64encode(packed.getvalue()).decode()}"
