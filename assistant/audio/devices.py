"""Which sound devices there are, by their names, and what they accept."""

import importlib
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.configuration import Settings
from assistant.errors import DeviceError

RATES_HZ = (16_000, 48_000, 44_100, 32_000, 24_000, 22_050)
"""Tried in this order after the rate that the device prefers."""

NO_DEVICE = (
    "no {kind} was found: connect one or start the sound server (PulseAudio or PipeWire), then try "
    "`app.py doctor`; without hardware use --input question.wav --output answer.wav"
)


class DeviceSettings(Settings):
    """The sound card."""

    microphone: str | None = None
    """Name of the microphone, or a part of it; the system's default if not given."""
    speaker: str | None = None
    """Name of the loudspeaker, or a part of it; the system's default if not given."""
    ahead_s: float = Field(default=1.5, ge=0.2, le=30.0)
    """Speech that is made ahead of playback, in seconds."""
    give_up_s: float = Field(default=600.0, ge=0.0)
    """How long to wait for a lost device to come back, in seconds."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device as PortAudio lists it."""

    index: int | None
    """None stands for the system's default."""
    name: str
    rate_hz: int
    channels: int = 1
    """That are listened to: two where it has them, for one of them may be dead or inverted."""


def sound_library() -> Any:
    """Returns the `sounddevice` module.

    Raises:
        DeviceError: PortAudio is not installed.
    """
    try:
        return importlib.import_module("sounddevice")
    except (ImportError, OSError) as error:
        raise DeviceError(
            "the sound library PortAudio is missing: `apt install libportaudio2` and "
            "`pip install sounddevice`"
        ) from error


def find_device(library: Any, name: str | None, *, is_input: bool) -> Device:
    """Returns the device called `name`, or the default one, and a rate that it accepts.

    Raises:
        DeviceError: There is none, none of that name, or several; the message lists them.
    """
    kind = "microphone" if is_input else "loudspeaker"
    channels = "max_input_channels" if is_input else "max_output_channels"
    listed = [
        (index, dict(device))
        for index, device in enumerate(library.query_devices())
        if device[channels] > 0
    ]
    if not listed:
        raise DeviceError(NO_DEVICE.format(kind=kind))
    if name is None:
        try:
            default = dict(library.query_devices(kind="input" if is_input else "output"))
        except (library.PortAudioError, ValueError) as error:
            raise DeviceError(NO_DEVICE.format(kind=kind)) from error
        rate_hz = _rate(library, None, default, is_input)
        channels = _listened_to(library, None, default, rate_hz)
        return Device(None, str(default["name"]), rate_hz, channels)
    wanted = name.casefold()
    found = [item for item in listed if item[1]["name"].casefold() == wanted]
    found = found or [item for item in listed if wanted in item[1]["name"].casefold()]
    if len(found) != 1:
        names = ", ".join(repr(device["name"]) for _, device in (found or listed))
        what = f"several {kind}s match" if found else f"there is no {kind}"
        raise DeviceError(f"{what} {name!r}: choose one of {names}")
    index, device = found[0]
    rate_hz = _rate(library, index, device, is_input)
    return Device(
        index, str(device["name"]), rate_hz, _listened_to(library, index, device, rate_hz)
    )


def check_devices(settings: DeviceSettings) -> None:
    """Returns if there are a microphone and a loudspeaker; quick, and opens nothing.

    Raises:
        DeviceError: One is missing; the message names the remedy.
    """
    library = sound_library()
    find_device(library, settings.microphone, is_input=True)
    find_device(library, settings.speaker, is_input=False)


def _listened_to(library: Any, index: int | None, device: dict[str, Any], rate_hz: int) -> int:
    if device["max_input_channels"] < 2:
        return 1
    try:
        library.check_input_settings(device=index, channels=2, dtype="float32", samplerate=rate_hz)
    except (library.PortAudioError, ValueError):
        return 1
    return 2


def _rate(library: Any, index: int | None, device: dict[str, Any], is_input: bool) -> int:
    check = library.check_input_settings if is_input else library.check_output_settings
    for rate in (SPEECH_RATE_HZ, round(device["default_samplerate"]), *RATES_HZ):
        try:
            check(device=index, channels=1, dtype="float32", samplerate=rate)
        except (library.PortAudioError, ValueError):
            continue
        return rate
    raise DeviceError(f"{device['name']!r} accepts none of the usual sample rates: choose another")
