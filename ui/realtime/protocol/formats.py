"""Sound as clients send and get it: 16-bit PCM, or the 8-bit G.711 of telephones."""

import base64
import binascii
from typing import Literal

import numpy as np

from assistant.audio.waveform import Waveform, to_float32, to_int16
from ui.realtime.protocol.messages import ProtocolError

Encoding = Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
G711_RATE_HZ = 8_000
_OF_ADDRESSES = str.maketrans("-_", "+/")


def _mu_law() -> np.ndarray:
    """Returns the 16-bit value of each byte (ITU-T G.711, table 2)."""
    code = ~np.arange(256) & 0xFF
    size = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _a_law() -> np.ndarray:
    """Returns the 16-bit value of each byte (ITU-T G.711, table 1)."""
    code = np.arange(256) ^ 0x55
    exponent = (code >> 4) & 7
    size = ((code & 0x0F) << 4) + 8
    size = np.where(exponent, (size + 0x100) << np.maximum(exponent - 1, 0), size)
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _nearest(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns borders between the values in their order, and the byte that stands for each."""
    # The last of the equal ones: mu-law has two zeros, and silence is the byte 255.
    codes = np.arange(255, -1, -1)
    _, first = np.unique(values[codes], return_index=True)
    codes = codes[first]
    ordered = values[codes].astype(np.float64)
    return (ordered[1:] + ordered[:-1]) / 2.0, codes.astype(np.uint8)


_VALUES = {"audio/pcmu": _mu_law(), "audio/pcma": _a_law()}
_CODES = {name: _nearest(values) for name, values in _VALUES.items()}


class SoundReader:
    """The sound of one client, whose bytes may be cut anywhere into messages."""

    def __init__(self) -> None:
        self._half = b""

    def clear(self) -> None:
        """Forgets the byte whose other half has not come."""
        self._half = b""

    def read(self, data: bytes, encoding: Encoding) -> Waveform:
        """Returns the samples that are whole; half of one waits for the next bytes."""
        if encoding != "audio/pcm":
            self._half = b""
            return to_float32(_VALUES[encoding][np.frombuffer(data, dtype=np.uint8)])
        data = self._half + data
        whole = len(data) - len(data) % 2
        self._half = data[whole:]
        return to_float32(np.frombuffer(data[:whole], dtype="<i2").astype(np.int16))


def encoded(samples: Waveform, encoding: Encoding) -> str:
    """Returns samples in base64 as a client gets them."""
    values = to_int16(samples)
    if encoding == "audio/pcm":
        return base64.b64encode(values.astype("<i2").tobytes()).decode()
    borders, codes = _CODES[encoding]
    return base64.b64encode(codes[np.searchsorted(borders, values)].tobytes()).decode()


def sound_bytes(value: object, *, param: str) -> bytes:
    """Returns the bytes of base64.

    Raises:
        ProtocolError: It is none.
    """
    if not isinstance(value, str):
        raise ProtocolError("audio must be a base64 string", param=param)
    if value.startswith("data:"):
        value = value.partition(",")[2]
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    # Lines of 60 or 76 characters, the alphabet for addresses, and no padding are base64 too.
    value = "".join(value.split()).translate(_OF_ADDRESSES).rstrip("=")
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("the audio is not valid base64", param=param) from None
