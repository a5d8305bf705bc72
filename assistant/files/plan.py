"""What `reply` is to do: which inputs are a conversation, and into which files its answers go.

All of it is found out, and refused where it cannot be, before a model is loaded, which may take
long.
"""

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assistant.audio.soundfiles import Recording
from assistant.errors import InputError, OutputError, SettingsError
from assistant.files.inputs import ReplyInputs
from assistant.files.own_output import refuse_foreign
from assistant.output_file import write_trouble

DEFAULT_FOLDER = Path("answers")

Input = Path | str
"""A sound file, or a typed question."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A conversation."""

    index: int
    inputs: list[Input]
    """In their order."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A file of answers, and the conversations that go into it."""

    path: Path
    conversations: list[Numbered]


def planned(
    asked: ReplyInputs, out: Path | None = None, *, joined: bool = False, force: bool = False
) -> list[Planned]:
    """Returns what is to be answered, and where to.

    Args:
        asked: What is asked.
        out: A file for all answers, or a folder; None for `DEFAULT_FOLDER`.
        joined: Whether all of it is one conversation.
        force: Whether files of other programs may be written over.

    Raises:
        SettingsError: There is nothing to answer, or an output would overwrite an input or what
            another program wrote.
        InputError: None of the inputs can be used.
        OutputError: No file can have the name that was given.
    """
    inputs = _inputs(asked)
    conversations = [inputs] if joined else [[item] for item in inputs]
    numbered = [Numbered(index, items) for index, items in enumerate(conversations)]
    outputs = list(_outputs(out, numbered))
    for output in outputs:
        _refuse_inputs(output.path, asked.recordings)
        if not force:
            refuse_foreign(output.path)
        _refuse_unwritable(output.path)
    _check_inputs(asked.recordings, has_text=asked.text is not None)
    return outputs


def _inputs(asked: ReplyInputs) -> list[Input]:
    inputs: list[Input] = [*asked.recordings]
    if asked.text is not None:
        text = os.fsencode(asked.text).decode("utf-8", errors="replace")
        if not text.strip():
            raise SettingsError("--text is empty: write a question in it")
        inputs.append(text)
    if not inputs:
        raise SettingsError('nothing to answer: name a sound file, or give --text "…"')
    return inputs


def _outputs(out: Path | None, conversations: list[Numbered]) -> Iterator[Planned]:
    if out is not None and _is_file(out):
        yield Planned(out, conversations)
        return
    taken: set[str] = set()
    for conversation in conversations:
        first = conversation.inputs[0]
        stem = "text" if isinstance(first, str) else first.stem
        names = (stem if n == 1 else f"{stem}-{n}" for n in itertools.count(1))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        yield Planned((out or DEFAULT_FOLDER) / f"{name}.wav", [conversation])


def _is_file(out: Path) -> bool:
    try:
        if out.is_dir() or not out.suffix:
            return False
    except OSError as error:  # such as a name that is too long
        raise OutputError(write_trouble(out, error)) from error
    if out.suffix.lower() != ".wav":
        raise SettingsError(f"--out {out}: name a .wav file, or a folder")
    return True


def _refuse_inputs(output: Path, recordings: Iterable[Path]) -> None:
    for recording in recordings:
        if _is_same_file(recording, output):
            raise SettingsError(f"{output} is an input too: choose another place by --out")


def _refuse_unwritable(output: Path) -> None:
    """Refuses a place where no file can be made, by making one: flags of a folder do not tell."""
    folder = output.parent
    try:
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(write_trouble(output, error)) from error


def _check_inputs(recordings: Iterable[Path], *, has_text: bool) -> None:
    first: InputError | None = None
    for path in recordings:
        try:
            Recording(path).close()
            return
        except InputError as error:
            first = first or error
    if first is not None and not has_text:
        raise first


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there, or cannot be
        return False
