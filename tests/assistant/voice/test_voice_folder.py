from pathlib import Path

import numpy as np
import pytest
import soundfile

from assistant.errors import InputError, OutputError, SettingsError
from assistant.voice.voice_folder import (
    XTTS_FILES,
    XTTS_V2,
    VoiceFolder,
    add_clips,
    find_voice_folder,
    voice_names,
)
from models.emotions import Emotion


def clip(path: Path, seconds: float = 2.0, level: float = 0.3, channels: int = 1) -> Path:
    samples = level * np.sin(np.arange(round(44_100 * seconds)) * 0.05)
    soundfile.write(path, np.repeat(samples[:, None], channels, axis=1), 44_100)
    return path


def test_clips_of_each_emotion_are_kept_and_found(tmp_path: Path) -> None:
    add_clips("anna", Emotion.NEUTRAL, [clip(tmp_path / "a.wav", channels=2)], root=tmp_path)
    add_clips(
        "anna", Emotion.SAD, [clip(tmp_path / "b.flac"), clip(tmp_path / "c.wav")], root=tmp_path
    )
    add_clips("anna", Emotion.SAD, [clip(tmp_path / "d.wav")], root=tmp_path)

    folder = find_voice_folder("anna", tmp_path)

    assert {emotion: len(clips) for emotion, clips in folder.clips.items()} == {
        Emotion.NEUTRAL: 1,
        Emotion.SAD: 3,
    }
    assert folder.file.model == XTTS_V2
    assert folder.model_folder is None
    assert voice_names(tmp_path) == ["anna"]
    information = soundfile.info(folder.clips[Emotion.NEUTRAL][0])
    assert (information.samplerate, information.channels) == (24_000, 1)
    assert information.duration == pytest.approx(2.0, abs=0.01)


def test_model_and_language_are_kept_unless_given_anew(tmp_path: Path) -> None:
    model = tmp_path / 'odd "model"'
    model.mkdir()
    for name in XTTS_FILES:
        (model / name).touch()
    sound = clip(tmp_path / "a.wav")
    add_clips("eva", Emotion.NEUTRAL, [sound], root=tmp_path, model=str(model), language="de")

    add_clips("eva", Emotion.HAPPY, [sound], root=tmp_path)

    folder = VoiceFolder(tmp_path / "eva")
    assert folder.model_folder == model
    assert folder.file.language == "de"


def test_voice_is_found_by_its_path_too(tmp_path: Path) -> None:
    (tmp_path / "voice.toml").write_text('kind = "vits"\nmodel = "here"\n')

    assert find_voice_folder(str(tmp_path), tmp_path / "nowhere").file.kind == "vits"


@pytest.mark.parametrize("voice", ["", "bob", "../bob", "/nowhere"])
def test_unknown_voice_is_refused_with_the_known_ones(tmp_path: Path, voice: str) -> None:
    add_clips("anna", Emotion.NEUTRAL, [clip(tmp_path / "a.wav")], root=tmp_path)

    with pytest.raises(SettingsError, match=r"there: anna.*voices add"):
        find_voice_folder(voice, tmp_path)


@pytest.mark.parametrize(
    ("seconds", "level", "message"),
    [(0.5, 0.3, "lasts 0.5 s"), (31.0, 0.3, "lasts 31.0 s"), (2.0, 0.0, "silent")],
)
def test_unfit_clip_is_refused_and_nothing_is_added(
    tmp_path: Path, seconds: float, level: float, message: str
) -> None:
    good, bad = clip(tmp_path / "good.wav"), clip(tmp_path / "bad.wav", seconds, level)

    with pytest.raises(InputError, match=message):
        add_clips("anna", Emotion.NEUTRAL, [good, bad], root=tmp_path / "voices")
    assert not (tmp_path / "voices").exists()


@pytest.mark.parametrize("content", [None, b"", b"not a sound"])
def test_clip_that_is_no_sound_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clip.wav"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InputError, match=r"clip\.wav"):
        add_clips("anna", Emotion.NEUTRAL, [path], root=tmp_path)


@pytest.mark.parametrize("name", ["", "a b", "../x", ".hidden", "x" * 65])
def test_name_that_is_no_folder_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot name a voice"):
        add_clips(name, Emotion.NEUTRAL, [clip(tmp_path / "a.wav")], root=tmp_path)


def test_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputError, match="cannot be written"):
        add_clips("anna", Emotion.NEUTRAL, [clip(tmp_path / "a.wav")], root=tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "xtts"\nmodel = "m"\n', r"clips\.neutral"),
        ('kind = "xtts"\nmodel = "m"\n[clips]\nneutral = ["no.wav"]', r"no file no\.wav"),
        ('kind = "vits"\nmodel = "m"\n[clips]\njoy = []', r"clips\.joy"),
        ('kind = "robot"\nmodel = "m"\n', r"kind"),
        ('kind = "vits"\n', r"model"),
        ('kind = "vits"\nmodel = ""\n', r"model"),
        ('kind = "vits"\nmodel = "m"\npitch = 2\n', r"pitch"),
        ("kind = ", "not valid TOML"),
    ],
)
def test_wrong_file_is_refused_with_the_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "voice.toml").write_text(text)

    with pytest.raises(SettingsError, match=message) as error:
        VoiceFolder(tmp_path)
    assert "voice.toml" in str(error.value)
