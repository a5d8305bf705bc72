"""The process in which eSpeak NG lives: one JSON request a line in, one block of audio out.

It is run as a script with nothing but the standard library, so that only this process loads the GPL
library: `espeak_worker.py LIBRARY DATA_FOLDER VOICE` (an empty folder: the library's own).

Request: ``{"text": …, "rate": words a minute, "pitch": 0-100, "range": 0-100}``, answered by 16-bit
PCM, or ``{"phonemes": …}``, answered by the clause's phonemes (IPA, UTF-8). An answer is a 4-byte
little-endian count of bytes, then that many bytes. The first answer, before any request, holds the
sample rate in ASCII. A negative count announces an error message in UTF-8.
"""

import ctypes
import json
import os
import sys
from typing import Any, BinaryIO

_SYNCHRONOUS, _DONT_EXIT, _UTF8, _IPA = 2, 0x8000, 1, 2
_RATE, _PITCH, _RANGE = 1, 3, 4
_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Espeak:
    def __init__(self, library_path: str, data_folder: str, voice: str) -> None:
        self._library = ctypes.CDLL(library_path)
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        folder = data_folder.encode() or None
        self.sample_rate: int = self._library.espeak_Initialize(
            _SYNCHRONOUS, 60, folder, _DONT_EXIT
        )
        if self.sample_rate <= 0:
            raise RuntimeError(f"eSpeak NG found no data in {data_folder or 'its own folder'}")
        self._pcm = bytearray()
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"eSpeak NG has no voice {voice!r}: see `espeak-ng --voices`")

    def _take(self, samples: Any, count: int, _events: int) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, 2 * count)
        return 0

    def speak(self, text: str, rate: int, pitch: int, pitch_range: int) -> bytes:
        """Returns 16-bit PCM of `text`."""
        self._pcm.clear()
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode("utf-8") + b"\0"
        status = self._library.espeak_Synth(encoded, len(encoded), 0, 1, 0, _UTF8, None, None)
        if status != 0:
            raise RuntimeError(f"eSpeak NG returned error {status}")
        return bytes(self._pcm)

    def phonemes(self, text: str) -> bytes:
        """Returns the phonemes of `text`, IPA in UTF-8; what ends its clauses is left out."""
        rest = ctypes.c_char_p(text.encode("utf-8"))
        clauses: list[bytes] = []
        while rest.value:  # the library takes one clause and moves on
            clauses.append(self._library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA))
        return b" ".join(clauses)

    def serve(self, request: dict[str, Any]) -> bytes:
        """Returns the answer to a request."""
        if "phonemes" in request:
            return self.phonemes(request["phonemes"])
        return self.speak(request["text"], request["rate"], request["pitch"], request["range"])


def _answer(output: BinaryIO, content: bytes) -> None:
    output.write(len(content).to_bytes(4, "little", signed=True) + content)
    output.flush()


def _fail(output: BinaryIO, error: Exception) -> None:
    message = str(error).encode("utf-8")
    output.write((-len(message)).to_bytes(4, "little", signed=True) + message)
    output.flush()


def main(arguments: list[str]) -> int:
    """Serves requests until standard input ends; returns the exit status."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints must not get between the answers
    try:
        espeak = _Espeak(*arguments)
    except (OSError, RuntimeError, TypeError) as error:
        _fail(output, error)
        return 1
    _answer(output, str(espeak.sample_rate).encode())
    for line in sys.stdin.buffer:
        try:
            content = espeak.serve(json.loads(line))
        except (RuntimeError, ValueError, KeyError) as error:
            _fail(output, error)
        else:
            _answer(output, content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
