"""A folder that describes one neural voice: `voice.toml` and its reference clips."""

import contextlib
import itertools
import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.audio.soundfiles import Recording
from assistant.audio.waveform import Waveform
from assistant.errors import InputError, OutputError, SettingsError
from models.emotions import Emotion, emotion_from_label

XTTS_V2 = "tts_models/multilingual/multi-dataset/xtts_v2"
"""Coqui's name of the model that `add_clips` gives a new voice; its licence is non-commercial."""
XTTS_FILES = ("config.json", "model.pth", "vocab.json")
"""What a folder of an XTTS model holds."""
XTTS_LANGUAGES = tuple("en es fr de it pt pl tr ru nl cs ar zh-cn hu ko ja hi".split())
CLIP_RATE_HZ = 24_000
SHORTEST_CLIP_S, LONGEST_CLIP_S = 1.0, 30.0
_FILE = "voice.toml"
_CLIP = re.compile(r"[a-z]+-\d+\.wav")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


EmotionLabel = Literal["neutral", "happy", "angry", "sad", "surprise"]


class VoiceFile(BaseModel):
    """What `voice.toml` says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["xtts", "vits"]
    """xtts copies a voice and its emotion from clips; vits has a voice of its own, fast on CPUs."""
    model: str = Field(min_length=1)
    """Folder of the model (absolute, or relative to the voice's folder), or Coqui's name of one."""
    language: str = "en"
    """Language code."""
    speaker: str | None = None
    """Speaker of a VITS model that has several."""
    clips: dict[EmotionLabel, list[str]] = {}
    """XTTS: reference clips for each emotion, relative to the folder; neutral is obligatory."""


class VoiceFolder:
    """A voice's folder, read and checked."""

    def __init__(self, path: Path) -> None:
        """Reads `path`.

        Raises:
            SettingsError: The folder or its `voice.toml` is missing or wrong; names the key.
        """
        self.path = path
        self.file = _read(path / _FILE)
        if self.file.kind == "xtts" and not self.file.clips.get("neutral"):
            raise SettingsError(
                f"{path / _FILE}: clips.neutral: an XTTS voice needs a neutral reference clip"
            )
        for label, names in self.file.clips.items():
            for name in names:
                if not (path / name).is_file():
                    raise SettingsError(f"{path / _FILE}: clips.{label}: there is no file {name}")

    @property
    def clips(self) -> dict[Emotion, list[Path]]:
        """The reference clips of each emotion that has some."""
        return {
            emotion_from_label(label): [self.path / name for name in names]
            for label, names in self.file.clips.items()
            if names
        }

    @property
    def model_folder(self) -> Path | None:
        """The model's folder, or None where `model` is one of Coqui's names."""
        folder = (self.path / self.file.model).expanduser()
        return folder if folder.exists() or not self.file.model.startswith("tts_models/") else None


def default_voices_folder() -> Path:
    """Returns the folder in which a person's voices are kept."""
    return Path.home() / ".attune" / "voices"


def find_voice_folder(voice: str, root: Path | None = None) -> VoiceFolder:
    """Returns the voice that is named by a path, or by its name among the person's voices.

    Raises:
        SettingsError: There is no such voice, or it is wrong.
    """
    path = Path(voice).expanduser()
    if voice and (path / _FILE).is_file():
        return VoiceFolder(path)
    root = root or default_voices_folder()
    if _NAME.fullmatch(voice) and (root / voice / _FILE).is_file():
        return VoiceFolder(root / voice)
    known = ", ".join(voice_names(root)) or "none yet"
    named = f" {voice!r}" if voice else ""
    raise SettingsError(
        f"there is no neural voice{named} in {root} (there: {known}): "
        "add one with `app.py voices add NAME --emotion neutral clip.wav`, or give its folder"
    )


def voice_names(root: Path) -> list[str]:
    """Returns the names of the voices in `root`."""
    return sorted(path.parent.name for path in root.glob(f"*/{_FILE}"))


def add_clips(
    name: str,
    emotion: Emotion,
    clips: Sequence[Path],
    *,
    root: Path | None = None,
    model: str | None = None,
    language: str | None = None,
) -> Path:
    """Adds reference clips of one emotion to a voice, which is made if it does not exist yet.

    The clips are copied as mono 24 kHz WAV. Returns the voice's folder.

    Args:
        name: Letters, digits, dashes and underscores.
        emotion: How the clips sound.
        clips: Recordings of one speaker, 1 to 30 s each; about six seconds serve best.
        root: Folder of the voices.
        model: See `VoiceFile.model`; None keeps what is set, or XTTS v2.
        language: See `VoiceFile.language`; None keeps what is set, or English.

    Raises:
        InputError: A clip cannot be used; nothing is added then.
        SettingsError: Name, model or language cannot be used, or an existing `voice.toml` is wrong.
        OutputError: The folder cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} cannot name a voice: use letters, digits, dashes")
    folder = (root or default_voices_folder()) / name
    old = _read(folder / _FILE) if (folder / _FILE).exists() else None
    if old is not None and old.kind != "xtts":
        raise SettingsError(f"{name} is a {old.kind} voice: reference clips are for XTTS voices")
    base = None if model is None else _checked_model(model)
    code = None if language is None else _checked_language(language)
    waveforms = [_read_clip(clip) for clip in clips]
    every_clip: dict[EmotionLabel, list[str]] = {}
    if old is not None:
        every_clip = {label: list(names) for label, names in old.clips.items()}
    of_emotion = every_clip.setdefault(cast(EmotionLabel, emotion.label), [])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for waveform in waveforms:
            target = _free_name(folder, emotion.label)
            _write_clip(folder / target, waveform)
            of_emotion.append(target)
        file = VoiceFile(
            kind="xtts",
            model=base or (old.model if old else XTTS_V2),
            language=code or (old.language if old else "en"),
            clips=every_clip,
        )
        _write(folder / _FILE, file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"the voice cannot be written to {folder}: {reason}") from error
    return folder


def remove_voice(name: str, root: Path | None = None) -> Path:
    """Deletes a voice that a person added, its reference clips too; returns the folder it was in.

    Files that are no part of the voice are left where they are.

    Raises:
        SettingsError: There is no such voice.
        OutputError: It cannot be deleted.
    """
    folder = (root or default_voices_folder()) / name
    if not _NAME.fullmatch(name) or not (folder / _FILE).is_file():
        raise SettingsError(
            f"there is no voice {name!r} that was added here: `app.py voices list` shows them"
        )
    try:
        for clip in folder.glob("*.wav"):
            if _CLIP.fullmatch(clip.name):
                clip.unlink()
        (folder / _FILE).unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"the voice in {folder} cannot be deleted: {reason}") from error
    return folder


def _checked_language(language: str) -> str:
    code = language.lower()
    if code not in XTTS_LANGUAGES:
        raise SettingsError(
            f"XTTS speaks no {language!r}: --language is one of {', '.join(XTTS_LANGUAGES)}"
        )
    return code


def _checked_model(model: str) -> str:
    """Returns the model as `voice.toml` names it."""
    if model.startswith("tts_models/"):
        if "/xtts" not in model:
            raise SettingsError(
                f"{model} is no XTTS model and copies no voice: leave --xtts out to take {XTTS_V2}"
            )
        return model
    folder = Path(model).expanduser()
    missing = [name for name in XTTS_FILES if not (folder / name).is_file()]
    if missing:
        raise SettingsError(
            f"--xtts {model} is no folder of an XTTS model, it lacks {', '.join(missing)}: name "
            f"one, or leave it out to take {XTTS_V2}"
        )
    return str(folder.resolve())


def _read_clip(path: Path) -> Waveform:
    recording = Recording(path, rate_hz=CLIP_RATE_HZ)
    with contextlib.closing(recording.blocks()) as blocks:
        # What is too long need not be read to its end.
        first = list(itertools.islice(blocks, round(LONGEST_CLIP_S) + 2))
    waveform = np.concatenate([np.zeros(0, dtype=np.float32), *first])
    seconds = max(len(waveform) / CLIP_RATE_HZ, recording.duration_s or 0.0)
    if not SHORTEST_CLIP_S <= seconds <= LONGEST_CLIP_S:
        raise InputError(
            f"{path} lasts {seconds:.1f} s: a reference clip needs {SHORTEST_CLIP_S:.0f} to "
            f"{LONGEST_CLIP_S:.0f} s, best about 6 s"
        )
    if recording.damage:
        raise InputError(recording.damage)
    if float(np.abs(waveform).max()) < 0.005:
        raise InputError(f"{path} is silent: a reference clip needs a voice")
    return waveform


def _write_clip(path: Path, waveform: Waveform) -> None:
    import soundfile

    try:
        soundfile.write(path, waveform, CLIP_RATE_HZ, subtype="PCM_16")
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _free_name(folder: Path, label: str) -> str:
    number = 1
    while (folder / f"{label}-{number}.wav").exists():
        number += 1
    return f"{label}-{number}.wav"


def _read(path: Path) -> VoiceFile:
    try:
        return VoiceFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {key}: {first['msg']}") from error


def _write(path: Path, file: VoiceFile) -> None:
    lines = [f"kind = {_quoted(file.kind)}", f"model = {_quoted(file.model)}"]
    lines.append(f"language = {_quoted(file.language)}")
    if file.speaker is not None:
        lines.append(f"speaker = {_quoted(file.speaker)}")
    lines += ["", "[clips]"]
    for label, names in file.clips.items():
        lines.append(f"{label} = [{', '.join(_quoted(name) for name in names)}]")
    temporary = path.with_suffix(".tmp")
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    temporary.replace(path)


def _quoted(text: str) -> str:
    """Returns a TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(text, ensure_ascii=False)
