"""What a replay leaves behind: both sides as Markdown and JSON, and the new answers as sound."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from assistant.audio.waveform import AudioClip
from assistant.errors import OutputError
from assistant.records.exports.markdown import plain
from assistant.records.private_files import write_new
from assistant.records.reading import Record
from assistant.records.removal.ledger import note

MARKDOWN, JSON = "comparison.md", "comparison.jsonl"
FORM = "replay"
NOTHING = "–"


class ComparisonFolder:
    """A new folder; each file is noted in the record, so that deleting that reaches it."""

    def __init__(self, folder: Path, record: Record) -> None:
        """Makes sure that nothing is there yet.

        Raises:
            OutputError: Something is.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(
                f"{folder} is there already and is not written over: choose another by --out"
            )
        self.folder = folder
        self._record = record

    def add_answer(self, number: int, clips: Sequence[AudioClip]) -> None:
        """Writes the spoken answer to a turn, as `turn-01.wav`; nothing where nothing was said.

        Raises:
            OutputError: It cannot be written.
        """
        if not clips:
            return
        packed = io.BytesIO()
        samples = np.concatenate([clip.samples for clip in clips])
        soundfile.write(packed, samples, clips[0].sample_rate, format="WAV", subtype="PCM_16")
        self._write(f"turn-{number:02d}.wav", packed.getvalue())

    def finish(self, head: dict[str, Any], turns: Sequence[dict[str, Any]]) -> None:
        """Writes both sides, to be read by people and by programs.

        Raises:
            OutputError: They cannot be written.
        """
        lines = [json.dumps(line, ensure_ascii=False) for line in (head, *turns)]
        self._write(JSON, ("\n".join(lines) + "\n").encode(errors="replace"))
        self._write(MARKDOWN, as_markdown(head, turns).encode(errors="replace"))

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        note(self._record.folder, FORM, path, data)
        write_new(path, data)


def as_markdown(head: dict[str, Any], turns: Sequence[dict[str, Any]]) -> str:
    """Returns a table with both sides of every turn."""
    recorded, replayed = head["recorded"], head["replayed"]
    lines = [
        f"# {plain(head['record'])}, replayed",
        "",
        f"| turn | | {_named(recorded)} (recorded) | {_named(replayed)} (replayed) |",
        "|---|---|---|---|",
    ]
    for turn in turns:
        then, now = turn["recorded"], turn["replayed"]
        for part, left, right in sides(then, now):
            lines.append(f"| {turn['turn'] + 1} | {part} | {plain(left)} | {plain(right)} |")
    return "\n".join(lines) + "\n"


def sides(then: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns each part of a turn as it was and as it is now, in words."""
    parts = [
        ("words", then["words"], now["words"]),
        ("emotion", _emotion(then), _emotion(now)),
        ("reply", then["reply"], now["reply"]),
        ("style", _style(then), _style(now)),
        ("failure", then["failure"], now["failure"]),
    ]
    return [
        (name, left or NOTHING, right or NOTHING) for name, left, right in parts if left or right
    ]


def _named(settings: dict[str, Any]) -> str:
    return plain(", ".join(str(settings[name]) for name in ("model", "voice", "policy")))


def _emotion(side: dict[str, Any]) -> str:
    return "" if side["emotion"] is None else f"{side['emotion']} {100 * side['confidence']:.0f} %"


def _style(side: dict[str, Any]) -> str:
    if side["style_emotion"] is None:
        return ""
    return f"{side['style_emotion']} {side['style_intensity']:.2f}"
