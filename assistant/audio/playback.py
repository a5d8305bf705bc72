"""Plays finished clips on the default loudspeaker, one after the other."""

import importlib
from types import TracebackType
from typing import Any, Self

from assistant.audio.waveform import AudioClip
from assistant.errors import DeviceError

_NO_LOUDSPEAKER = (
    "no loudspeaker was found: connect one, start the sound server, or leave --play out"
)


class Loudspeaker:
    """The default output device; opened at the rate of the first clip.

    Raises:
        DeviceError: There is no loudspeaker, or it was lost.
    """

    def __init__(self) -> None:
        try:
            sounddevice: Any = importlib.import_module("sounddevice")
        except OSError as error:
            raise DeviceError(
                "the sound library PortAudio is missing: `apt install libportaudio2`"
            ) from error
        self._sounddevice: Any = sounddevice
        try:
            sounddevice.check_output_settings()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise DeviceError(_NO_LOUDSPEAKER) from error
        self._stream: Any = None
        self._rate_hz = 0

    def play(self, clip: AudioClip) -> None:
        """Queues `clip`; returns when the device has taken it."""
        if self._stream is not None and clip.sample_rate != self._rate_hz:
            self._stream.stop()
            self._stream.close()
            self._stream = None
        try:
            if self._stream is None:
                self._rate_hz = clip.sample_rate
                self._stream = self._sounddevice.OutputStream(
                    samplerate=self._rate_hz, channels=1, dtype="float32"
                )
                self._stream.start()
            self._stream.write(clip.samples.reshape(-1, 1))
        except self._sounddevice.PortAudioError as error:
            raise DeviceError(f"the loudspeaker was lost: {error}") from error

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Waits until what was queued has been heard, and closes the device."""
        if self._stream is not None:
            self._stream.stop()
            self._stream.close()
