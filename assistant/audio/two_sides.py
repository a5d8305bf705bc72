"""Plays a sound whose two sides differ, for checks that a mono loudspeaker cannot pass."""

import numpy as np

from assistant.audio.devices import DeviceSettings, find_device, sound_library
from assistant.audio.waveform import Waveform, resample
from assistant.errors import DeviceError


def play_two_sides(left: Waveform, right: Waveform, rate_hz: int, settings: DeviceSettings) -> None:
    """Plays both sides at once, and returns when they have been heard.

    Raises:
        DeviceError: There is no loudspeaker, or it has one side only.
    """
    library = sound_library()
    device = find_device(library, settings.speaker, is_input=False)
    sides = [resample(side, from_hz=rate_hz, to_hz=device.rate_hz) for side in (left, right)]
    try:
        with library.OutputStream(
            samplerate=device.rate_hz, device=device.index, channels=2, dtype="float32"
        ) as stream:
            stream.write(np.ascontiguousarray(np.stack(sides, axis=1), dtype=np.float32))
    except (library.PortAudioError, ValueError) as error:
        raise DeviceError(
            f"{device.name} cannot play two sides ({error}): connect headphones, and try again"
        ) from error
