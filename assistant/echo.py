"""Echo cancellation: the assistant's own voice is taken out of the microphone's signal.

Two cancellers listen to what was really played. WebRTC's AEC3 finds the delay and is safe within a
second, but it swallows the first words of a person who interrupts. A linear filter needs a few
seconds of playback to learn the room and then leaves a person's voice intact. The linear one is
used once it has proved itself, AEC3 before that and whenever the room changes.
"""

import importlib
import math
from typing import Any, Literal

import numpy as np

from assistant.audio import SPEECH_RATE_HZ, Framer, Waveform
from assistant.echo_filter import BLOCK_SAMPLES, EchoFilter
from assistant.engines.protocols import EchoCanceller
from assistant.errors import EngineUnavailable
from assistant.playout import SampleQueue

EchoMode = Literal["cancel", "headset", "push-to-talk"]
"""`cancel` for loudspeakers, `headset` where no echo reaches the microphone, or by key."""

AEC3_SAMPLES = 160
"""AEC3 works on 10 ms; its output is later than the input by as much."""
AUDIBLE_POWER = 1e-6
"""Power of the played signal (of full scale) from which there can be echo: -60 dB."""
TRUSTED_DB = 9.0
"""Echo reduction from which the linear filter is used."""
DISTRUSTED_DB = 5.0
"""Reduction below which, for a while, it is not used any more."""
LEARNT_DB, LEARNING_SHARE, LEARNING_MOST_DB = 18.0, 0.6, 6.0
"""Reduction from which the linear filter knows the room. Of what it lacks this share, and at most
so much, is taken from the margin: what such a filter leaves is echo rather than a person."""
ECHO_DECAY = 0.86
"""How fast the reverberation fades from one 32 ms frame to the next, as a power."""
NO_ECHO_DB = 100.0
"""Margin where nothing was played."""


class Aec3:
    """WebRTC's echo canceller for one conversation, at 16 kHz."""

    def __init__(self) -> None:
        """Loads the library.

        Raises:
            EngineUnavailable: `pywebrtc-audio` is missing; names the other echo modes.
        """
        try:
            library: Any = importlib.import_module("pywebrtc_audio")
        except ImportError as error:
            raise EngineUnavailable(
                "echo cancellation needs pywebrtc-audio: `pip install pywebrtc-audio`, or wear "
                "headphones and use --echo headset, or use --echo push-to-talk"
            ) from error
        self._canceller: Any = library.EchoCanceller(SPEECH_RATE_HZ)
        self._near, self._far = Framer(AEC3_SAMPLES), Framer(AEC3_SAMPLES)
        self._done = SampleQueue()
        self._done.push(np.zeros(AEC3_SAMPLES, dtype=np.float32))

    def cancel(self, frame: Waveform, played: Waveform) -> Waveform:
        """Returns as many samples as `frame` has, 10 ms later, without the echo of `played`."""
        near_blocks, far_blocks = self._near.push(frame), self._far.push(played)
        for near, far in zip(near_blocks, far_blocks, strict=True):
            self._done.push(self._canceller.process(near.samples, far.samples))
        return self._done.pop(len(frame))


class EchoRemover:
    """Both cancellers together; says too how likely what is left is echo still."""

    def __init__(self) -> None:
        """Starts without any knowledge of the room.

        Raises:
            EngineUnavailable: AEC3's library is missing.
        """
        self.margin_db = NO_ECHO_DB
        self._aec3 = Aec3()
        self._filter = EchoFilter()
        self._is_trusted = False
        self._reduction_db = 0.0
        self._echo_power = 0.0

    @property
    def reduction_db(self) -> float:
        """By how much the linear filter lowers the echo at present (echo return loss)."""
        return self._reduction_db

    def cancel(self, frame: Waveform, played: Waveform) -> Waveform:
        """Returns `frame` without the echo of `played`; both 16 kHz, whole blocks."""
        safe = self._aec3.cancel(frame, played)
        blocks = [
            self._filter.process(
                frame[start : start + BLOCK_SAMPLES], played[start : start + BLOCK_SAMPLES]
            )
            for start in range(0, len(frame), BLOCK_SAMPLES)
        ]
        linear = np.concatenate([left for left, _ in blocks])
        echo = np.concatenate([removed for _, removed in blocks])
        self._judge(frame, played, linear, echo)
        return linear if self._is_trusted else safe

    def _judge(self, frame: Waveform, played: Waveform, linear: Waveform, echo: Waveform) -> None:
        self._echo_power = max(_power(echo), ECHO_DECAY * self._echo_power)
        if _power(played) > AUDIBLE_POWER and _power(frame) > AUDIBLE_POWER:
            reduction_db = _decibels(_power(frame) / (_power(linear) + 1e-12))
            # quickly up, slowly down: in double talk nothing seems to be reduced
            rate = 0.1 if reduction_db > self._reduction_db else 0.01
            self._reduction_db += rate * (reduction_db - self._reduction_db)
            limit_db = DISTRUSTED_DB if self._is_trusted else TRUSTED_DB
            self._is_trusted = self._reduction_db >= limit_db
        self.margin_db = NO_ECHO_DB
        if self._echo_power > AUDIBLE_POWER:
            lacking_db = LEARNING_SHARE * max(0.0, LEARNT_DB - self._reduction_db)
            self.margin_db = _decibels(_power(linear) / self._echo_power)
            self.margin_db -= min(LEARNING_MOST_DB, lacking_db)


def open_canceller(mode: EchoMode) -> EchoCanceller | None:
    """Returns the canceller that `mode` needs, or None.

    Raises:
        EngineUnavailable: Its library is missing.
    """
    return EchoRemover() if mode == "cancel" else None


def _power(waveform: Waveform) -> float:
    return float(np.dot(waveform, waveform)) / max(1, len(waveform))


def _decibels(ratio: float) -> float:
    return 10.0 * math.log10(max(1e-12, ratio))
