"""eSpeak NG in a process of its own (it is GPL; nothing of it is linked here)."""

import contextlib
import ctypes.util
import importlib.util
import json
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from assistant.errors import EngineFailed, EngineUnavailable

REMEDY = (
    "install it with `pip install -e '.[voices]'` in Attune's folder or `apt install espeak-ng`"
)

_WORKER = Path(__file__).with_name("espeak_worker.py")
_ANSWER_WITHIN_S = 20.0


class EspeakProcess:
    """Answers one request after the other; a process that died is started anew for the next."""

    def __init__(self, voice: str) -> None:
        """Starts the process with a voice, such as `en-us`.

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

    def ask(self, request: dict[str, object]) -> bytes:
        """Returns the answer to a request; `espeak_worker.py` says which there are.

        Raises:
            EngineFailed: The process died or does not answer, or refused the request.
        """
        if self._process is None:
            self._start()
        return self._exchange(json.dumps(request).encode() + b"\n")

    def close(self) -> None:
        """Ends the process and waits for it."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        self._reader.shutdown(wait=True)

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
