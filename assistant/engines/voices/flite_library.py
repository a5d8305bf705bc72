"""The few calls made on libflite (CMU, BSD-like licence), through ctypes."""

import ctypes
import ctypes.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.errors import EngineUnavailable

REMEDY = "install it with `apt install flite` (Debian, Ubuntu) or your system's package manager"

_STRETCH = b"duration_stretch"
_PITCH = b"int_f0_target_mean"
_PITCH_DEVIATION = b"int_f0_target_stddev"
_STREAMING = b"streaming_info"
_STOP, _CONTINUE = -1, 0
_BLOCK_SAMPLES = 256


class _Voice(ctypes.Structure):
    """The head of `cst_voice`."""

    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


class _Wave(ctypes.Structure):
    """`cst_wave`."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(_Wave), ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p
)


class _StreamingInfo(ctypes.Structure):
    """`cst_audio_streaming_info`."""

    _fields_ = (
        ("min_buffsize", ctypes.c_int),
        ("callback", _Callback),
        ("utterance", ctypes.c_void_p),
        ("item", ctypes.c_void_p),
        ("userdata", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True)
class Segment:
    """One phone of an utterance; `pau` is silence."""

    phone: str
    end_s: float
    """Seconds from the start of the utterance."""


TakeBlock = Callable[[NDArray[np.int16], "list[Segment]"], bool]
"""Receives 16-bit samples and, with the first block, the phones; False stops the synthesis."""


class FliteVoice:
    """One flite voice. Not reentrant: one `speak` at a time."""

    def __init__(self, name: str) -> None:
        """Loads the voice.

        Args:
            name: The part of the library's name after `libflite_cmu_us_`, such as `slt`.

        Raises:
            EngineUnavailable: The library or the voice is not installed.
        """
        self._library = _load("flite")
        _declare(self._library)
        self._library.flite_init()
        register = getattr(_load(f"flite_cmu_us_{name}"), f"register_cmu_us_{name}")
        register.restype, register.argtypes = ctypes.POINTER(_Voice), [ctypes.c_char_p]
        self._voice = register(None)
        self._features = self._voice.contents.features
        self._take: TakeBlock = lambda _samples, _segments: False
        self._failure: BaseException | None = None
        self._callback = _Callback(self._on_audio)
        self._streaming = self._library.new_audio_streaming_info()
        self._streaming.contents.min_buffsize = _BLOCK_SAMPLES
        self._streaming.contents.callback = self._callback
        value = self._library.audio_streaming_info_val(self._streaming)
        self._library.feat_set(self._features, _STREAMING, value)

    def set_manner(self, *, stretch: float, pitch_hz: float, pitch_deviation_hz: float) -> None:
        """Sets how the next text is spoken: duration factor, mean and deviation of the pitch."""
        # Flite keeps the pointers to these names: they must be constants that are never freed.
        self._library.feat_set_float(self._features, _STRETCH, stretch)
        self._library.feat_set_float(self._features, _PITCH, pitch_hz)
        self._library.feat_set_float(self._features, _PITCH_DEVIATION, pitch_deviation_hz)

    def speak(self, text: str, take: TakeBlock) -> None:
        """Synthesises ASCII `text`, handing blocks of 16-bit samples to `take` as they arise."""
        self._take, self._failure = take, None
        wave = self._library.flite_text_to_wave(text.encode("ascii"), self._voice)
        if wave:
            self._library.delete_wave(wave)
        if self._failure is not None:
            raise self._failure

    def _on_audio(self, wave: Any, start: int, size: int, *_: object) -> int:
        """Copies samples `start … start + size`; an exception here would be lost in C."""
        try:
            block = np.ctypeslib.as_array(wave.contents.samples, (start + size,))[start:].copy()
            segments = self._segments() if start == 0 else []
            return _CONTINUE if self._take(block, segments) else _STOP
        except BaseException as error:
            self._failure = error
            return _STOP

    def _segments(self) -> list[Segment]:
        library, found = self._library, list[Segment]()
        utterance = self._streaming.contents.utterance
        if not utterance or not library.utt_relation_present(utterance, b"Segment"):
            return found
        item = library.relation_head(library.utt_relation(utterance, b"Segment"))
        while item:
            phone = library.item_feat_string(item, b"name").decode("ascii", "replace")
            found.append(Segment(phone, library.item_feat_float(item, b"end")))
            item = library.item_next(item)
        return found


def _load(name: str) -> ctypes.CDLL:
    candidates = [f"lib{name}.so.1", f"lib{name}.so"]
    if sys.platform != "linux":
        found = ctypes.util.find_library(name)
        candidates = [found] if found else [f"lib{name}.dylib"]
    for candidate in candidates:
        try:
            return ctypes.CDLL(candidate)
        except OSError:
            continue
    raise EngineUnavailable(f"the flite voice needs the library lib{name}: {REMEDY}")


def _declare(library: ctypes.CDLL) -> None:
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    info = ctypes.POINTER(_StreamingInfo)
    signatures: dict[str, tuple[object, list[object]]] = {
        "flite_init": (ctypes.c_int, []),
        "new_audio_streaming_info": (info, []),
        "audio_streaming_info_val": (pointer, [info]),
        "feat_set": (None, [pointer, text, pointer]),
        "feat_set_float": (None, [pointer, text, ctypes.c_float]),
        "flite_text_to_wave": (ctypes.POINTER(_Wave), [text, ctypes.POINTER(_Voice)]),
        "delete_wave": (None, [ctypes.POINTER(_Wave)]),
        "utt_relation_present": (ctypes.c_int, [pointer, text]),
        "utt_relation": (pointer, [pointer, text]),
        "relation_head": (pointer, [pointer]),
        "item_next": (pointer, [pointer]),
        "item_feat_string": (text, [pointer, text]),
        "item_feat_float": (ctypes.c_float, [pointer, text]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
