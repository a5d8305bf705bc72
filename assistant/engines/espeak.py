"""The eSpeak NG voice, in a process of its own (it is GPL; nothing of it is linked here)."""

import contextlib
import ctypes.util
import importlib.util
import json
import math
import subprocess
import sys
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from assistant.audio import AudioClip, to_float32
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.errors import EngineFailed, EngineUnavailable
from assistant.prosody import SilenceEditor, apply_gain, closing_pause, find_silences, trim_silence
from assistant.sentences import split_sentences
from assistant.speakable import speakable

DEFAULT_VOICE = "en-us"
REMEDY = (
    "install it with `pip install -e '.[voices]'` in Attune's folder or `apt install espeak-ng`"
)

_WORKER = Path(__file__).with_name("espeak_worker.py")
_ANSWER_WITHIN_S = 20.0
_WORDS_A_MINUTE = 165
_SLOWEST, _FASTEST = 80, 450
_MIDDLE = 50
_RANGE_EXPONENT, _RANGE_LIFT = 1.5, 0.15
_CLIP_SAMPLES = 4096


class Espeak:
    """An eSpeak NG voice, such as `en-us`, `en-us+f3` (female) or `de`.

    A sentence takes a few milliseconds, so it is fetched whole; this keeps requests and answers
    in step also when a reply is broken off.
    """

    def __init__(self, voice: str = DEFAULT_VOICE) -> None:
        """Starts the process.

        Raises:
            EngineUnavailable: eSpeak NG is not installed, or has no such voice.
        """
        self._voice = voice
        self._library, self._data = _find_library()
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.sample_rate = self._start()
        except EngineFailed as error:
            raise EngineUnavailable(str(error)) from error

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Speaks `text`, however long, sentence by sentence.

        Raises:
            EngineFailed: The process died or does not answer; the next call starts a new one.
        """
        for sentence in split_sentences([text], first_clause_words=0):
            words = speakable(sentence, language=self._voice)
            if cancel.is_set():
                return
            if not words:
                continue
            samples = trim_silence(to_float32(self._speak(words, style)), self.sample_rate)
            silences = find_silences(samples, self.sample_rate, style.pause)
            samples = apply_gain(SilenceEditor(silences).edit(samples), style.energy)
            for start in range(0, len(samples), _CLIP_SAMPLES):
                if cancel.is_set():
                    return
                yield AudioClip(samples[start : start + _CLIP_SAMPLES], self.sample_rate)
            if cancel.is_set():
                return
            yield closing_pause(words, style.pause, self.sample_rate)

    def close(self) -> None:
        """Ends the process and waits for it."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        self._reader.shutdown(wait=True)

    def _speak(
        self, words: str, style: SpeakingStyle
    ) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        if self._process is None:
            self._start()
        rate = round(_WORDS_A_MINUTE * style.rate)
        # eSpeak lifts the pitch from a floor by its range, in Hz: a wider range raises the mean,
        # and a higher pitch narrows the range in semitones. Measured on the voice en-us.
        widening = style.pitch_range**_RANGE_EXPONENT
        pitch = style.pitch - 12.0 * math.log2(1.0 + _RANGE_LIFT * (widening - 1.0))
        pitch_range = _MIDDLE * widening * 2.0 ** (style.pitch / 12.0)
        request = {
            "text": words,
            "rate": min(_FASTEST, max(_SLOWEST, rate)),
            "pitch": min(100, max(0, round(_MIDDLE * (1.0 + pitch / 12.0)))),
            "range": min(100, max(0, round(pitch_range))),
        }
        return np.frombuffer(self._exchange(json.dumps(request).encode() + b"\n"), np.int16)

    def _start(self) -> int:
        """Starts the process and returns its sample rate."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WORKER), self._library, self._data, self._voice],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, _end, self._process)
        return int(self._exchange(b""))

    def _exchange(self, request: bytes) -> bytes:
        """Sends `request` (may be empty) and returns the answer."""
        process = self._process
        assert process is not None
        try:
            answer = self._reader.submit(_ask, process, request)
            failed, content = answer.result(timeout=_ANSWER_WITHIN_S)
        except (OSError, EOFError, TimeoutError) as error:
            self._process = None
            _end(process)
            raise EngineFailed(
                f"the eSpeak NG process ended or did not answer (status {process.returncode}); "
                "it is started again for the next sentence"
            ) from error
        if failed:
            raise EngineFailed(content.decode("utf-8", "replace"))
        return content


def _ask(process: "subprocess.Popen[bytes]", request: bytes) -> tuple[bool, bytes]:
    assert process.stdin is not None and process.stdout is not None
    if request:
        process.stdin.write(request)
        process.stdin.flush()
    head = process.stdout.read(4)
    if len(head) < 4:
        raise EOFError("the process closed its output")
    count = int.from_bytes(head, "little", signed=True)
    content = process.stdout.read(abs(count))
    if len(content) < abs(count):
        raise EOFError("the process closed its output")
    return count < 0, content


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends `process` and reaps it, so that no zombie is left."""
    if process.poll() is None:
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _find_library() -> tuple[str, str]:
    """Returns the library and its data folder (empty: the library's own), the wheel's first."""
    spec = importlib.util.find_spec("espeakng_loader")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        libraries = sorted(folder.glob("*espeak-ng*.so")) + sorted(folder.glob("*espeak-ng*.d*l*"))
        if libraries:
            return str(libraries[0]), str(folder / "espeak-ng-data")
    for name in ("espeak-ng", "libespeak-ng"):
        found = ctypes.util.find_library(name)
        if found:
            return found, ""
    raise EngineUnavailable(f"the eSpeak NG voice is not installed: {REMEDY}")
