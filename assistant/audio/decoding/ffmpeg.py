"""Sound through the program `ffmpeg`: what libsndfile cannot open, and what is damaged.

A file may be hostile. The program gets no network, only containers that hold their sound
themselves (a playlist would name other files and addresses), and a limited time.
"""

import json
import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

from assistant.audio.decoding.source import BLOCK_S, NoSamples, Samples
from assistant.errors import InputError

STALLED_S = 30.0
"""The program is given up when it says nothing for so long: it reads a local file."""
SHORT = 0.98
"""Share of the declared length from which on a recording is whole: encoders pad and round."""

CONTAINERS = (
    "aa,aac,aax,ac3,act,adx,aea,aiff,amr,amrnb,amrwb,ape,asf,ast,au,avi,avr,caf,codec2,dsf,dss,dts,"
    "dtshd,dv,eac3,epaf,flac,flv,gsm,gxf,iff,ircam,live_flv,loas,lvf,matroska,mmf,mov,mp3,mp4,mpc,"
    "mpc8,mpeg,mpegts,mxf,nistsphere,nsv,nut,ogg,oma,pvf,qcp,rm,rso,sbc,sds,shn,sox,spdif,swf,tak,"
    "truehd,tta,ty,voc,vqf,w64,wav,webm,wsd,wtv,wv,xwma"
)
Span = tuple[int, int]
"""First byte of a part of a file, and the one behind it."""
_SAFELY = ("-protocol_whitelist", "file,pipe,subfile", "-format_whitelist", CONTAINERS)
_OGG_PAGE, _LAST_PAGE, _LONGEST_PAGE_BYTES = b"OggS", 0x04, 65_307


def is_installed() -> bool:
    """Whether the program is there."""
    return shutil.which("ffmpeg") is not None


class FfmpegSound:
    """The first sound track of a file, decoded by the program as it is read."""

    def __init__(self, path: Path, *, skip_frames: int = 0, span: Span | None = None) -> None:
        """Decodes the first moment, to know whether the file can be read.

        Args:
            path: The file.
            span: Of the file; None for all of it.
            skip_frames: Frames at the beginning that are wanted no more.

        Raises:
            InputError: The program is missing or finds no sound in the file.
            NoSamples: There is a sound track without sound.
        """
        self._path, self._address = path, _address(path, span)
        self._skip_frames = skip_frames
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints = b""
        self._frames = 0
        self.damage: str | None = None
        first = _run([*_command(self._address)[:-1], "-frames:a", "1", "pipe:1"])
        self._offset, self.rate_hz, self._channels = _layout(first.stdout)
        if len(first.stdout) <= self._offset:
            if not first.stderr.strip():
                raise NoSamples(f"{path} holds no samples")
            raise InputError(_no_sound(path, first.stderr))
        self.duration_s, self.tracks = _declared(self._address)

    def read(self) -> Samples:
        """Returns the next second or so, as (frames, channels); at the end, none."""
        if self._process is None:
            self._start()
        frame_bytes = 4 * self._channels
        data = self._take(max(1, int(BLOCK_S * self.rate_hz)) * frame_bytes)
        samples = np.frombuffer(data[: len(data) - len(data) % frame_bytes], dtype=">f4")
        samples = samples.reshape(-1, self._channels).astype(np.float32)
        self._frames += len(samples)
        if len(samples) == 0 and self.damage is None:
            self.damage = self._found_damage()
        return samples

    def close(self) -> None:
        """Ends the program."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            _command(self._address),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._take(self._offset)
        remaining = self._skip_frames
        while remaining and (frames := len(self._take(4 * self._channels * min(remaining, 4096)))):
            remaining -= frames // (4 * self._channels)
        self._frames = self._skip_frames - remaining

    def _take(self, count: int) -> bytes:
        """Returns the next `count` bytes of sound, fewer at the end."""
        assert self._process is not None and self._process.stdout and self._process.stderr
        out, complaints = self._process.stdout.fileno(), self._process.stderr.fileno()
        taken = bytearray()
        heard_s = time.monotonic()
        waiting = [out, complaints]
        while len(taken) < count and out in waiting:
            ready, _, _ = select.select(waiting, [], [], STALLED_S)
            for pipe in ready:
                data = os.read(pipe, count - len(taken) if pipe == out else 4096)
                if not data:
                    waiting.remove(pipe)
                elif pipe == out:
                    taken += data
                    heard_s = time.monotonic()
                else:
                    self._complaints = (self._complaints + data)[:4096]
            if time.monotonic() - heard_s > STALLED_S:
                self._process.kill()
                break
        return bytes(taken)

    def _found_damage(self) -> str | None:
        """Returns what was wrong with the file, now that it has been read."""
        assert self._process is not None and self._process.stderr
        read_s = self._frames / self.rate_hz
        failed = self._process.wait() != 0
        self._complaints = (self._complaints + (self._process.stderr.read() or b""))[:4096]
        is_less = self.duration_s is not None and read_s < SHORT * self.duration_s - 0.1
        is_short = is_less or _lacks_last_page(self._path)
        if is_short and not self._complaints.strip():
            return f"breaks off after {read_s:.1f} s"
        if failed or is_short or self._complaints.strip():
            return f"is damaged ({_reason(self._complaints)}), so that some of it is missing"
        return None


def _command(address: str) -> list[str]:
    """Returns the command that decodes a file into a stream of floats that says its format."""
    return [
        *("ffmpeg", "-nostdin", "-hide_banner", "-v", "error", *_SAFELY),
        # Without the check a damaged frame becomes a burst of noise.
        *("-err_detect", "crccheck", "-i", address),
        *("-map", "0:a:0", "-vn", "-sn", "-dn", "-c:a", "pcm_f32be", "-f", "au"),
        *("-flush_packets", "0", "pipe:1"),
    ]


def _address(path: Path, span: Span | None) -> str:
    """Returns the name such that no part of it is taken for a protocol or an option."""
    name = f"file:{path.absolute()}"
    return name if span is None else f"subfile,,start,{span[0]},end,{span[1]},,:{name}"


def _run(command: list[str]) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=STALLED_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, b"", b"it found no end")
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, b"", str(error).encode())


def _layout(au: bytes) -> tuple[int, int, int]:
    """Returns where the sound begins in an AU stream, its rate in Hz, and its channels."""
    offset, _, _, rate, channels = (int.from_bytes(au[n : n + 4], "big") for n in range(4, 24, 4))
    return offset, rate, channels


def _declared(address: str) -> tuple[float | None, int]:
    """Returns the length in seconds that the file itself declares, and its number of sound tracks.

    The length is None where nobody counted.
    """
    entries = "stream=duration,start_time:stream_tags=DURATION:format=duration,nb_streams"
    probed = _run(
        [
            *("ffprobe", "-v", "warning", *_SAFELY, "-select_streams", "a"),
            *("-show_entries", entries, "-of", "json", address),
        ]
    )
    if probed.returncode != 0:
        return None, 1
    found: dict[str, Any] = json.loads(probed.stdout or b"{}")
    streams: list[dict[str, Any]] = found.get("streams", [])
    is_estimated = b"Estimating duration" in probed.stderr
    return None if is_estimated else _declared_s(found, streams), max(1, len(streams))


def _declared_s(found: dict[str, Any], streams: list[dict[str, Any]]) -> float | None:
    stream = streams[0] if streams else dict[str, Any]()
    whole: dict[str, Any] = found.get("format", {})
    # With pictures beside it the whole may last longer than its sound.
    alone = whole.get("duration") if whole.get("nb_streams") == 1 else None
    if not stream.get("duration") and (until := stream.get("tags", {}).get("DURATION")):
        # Matroska counts from the beginning of the file, where the sound may begin later.
        until_s = _seconds(until)
        return until_s and until_s - (_seconds(str(stream.get("start_time", ""))) or 0.0)
    return _seconds(stream.get("duration") or alone or "")


def _lacks_last_page(path: Path) -> bool:
    """Whether a file of Ogg pages, which declare no length, ends without that marked as last."""
    with path.open("rb") as file:
        if file.read(4) != _OGG_PAGE:
            return False
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_PAGE_BYTES))
        tail = file.read()
    page = tail[tail.rfind(_OGG_PAGE) :]
    return len(page) < 6 or not page[5] & _LAST_PAGE


def _seconds(text: str) -> float | None:
    """Returns the seconds in `12.5` or `00:00:12.5`."""
    match = re.fullmatch(r"(?:(\d+):(\d+):)?(\d+(?:\.\d*)?)", text)
    if match is None:
        return None
    return 3600 * int(match[1] or 0) + 60 * int(match[2] or 0) + float(match[3])


def _no_sound(path: Path, complaints: bytes) -> str:
    if b"matches no streams" in complaints:
        return f"{path} holds no sound: name a recording of a voice"
    return (
        f"{path} is not a sound file that can be read, by ffmpeg neither ({_reason(complaints)}): "
        "record it again, or save it as WAV or FLAC"
    )


def _reason(complaints: bytes) -> str:
    """Returns the first thing that the program complained of, without addresses in memory."""
    if b"moov atom not found" in complaints:
        # An MP4 says only at its end where its sound is.
        return "it was cut off before its recorder had finished it"
    text = complaints.decode("utf-8", errors="replace").strip().splitlines() or ["no reason"]
    said = re.sub(r"^\[[^\]]*\]\s*|^file:.*?: ", "", text[0])
    return "unknown format" if "whitelist" in said else said.rstrip(".")[:100]
