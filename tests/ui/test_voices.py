import importlib.machinery
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import app
from assistant.voice import voice_folder
from tests.assistant.engines.voices.voice_checks import voice_or_skip


def test_list_names_the_voices(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["voices", "list", "--json"]) == 0

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"flite:slt", "espeak:en-us"} <= {row["voice"] for row in rows}


def test_voices_are_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["voices", "list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    built_in = [row for row in rows if not row["voice"].startswith("coqui:")]
    assert {row["sex"] for row in built_in} == {"male", "female"}
    emma = next(row for row in built_in if row["voice"] == "kokoro:bf_emma")
    assert (emma["sex"], emma["accent"]) == ("female", "British")


def test_a_sample_says_who_speaks(tmp_path: Path) -> None:
    voice_or_skip("flite")
    out = tmp_path / "sample.wav"
    assert app.main(["voices", "sample", "flite:awb", "--out", str(out)]) == 0
    assert soundfile.info(out).duration > 3.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--language", "klingon"], "--language is one of en, es"),
        (["--xtts", "tts_models/en/ljspeech/vits"], "is no XTTS model"),
        (["--xtts", "."], "it lacks config.json, model.pth, vocab.json"),
    ],
)
def test_a_voice_that_could_never_speak_is_not_added(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(voice_folder.Path, "home", lambda: tmp_path)
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, 0.3 * np.sin(np.arange(48_000) * 0.05), 24_000)
    assert app.main(["voices", "add", "anna", str(clip), *arguments]) == app.EXIT_USAGE
    assert message in capsys.readouterr().err
    assert not (tmp_path / ".attune").exists()


def test_list_is_the_default_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["voices"]) == 0
    assert "flite:slt" in capsys.readouterr().out


def test_say_writes_a_file_in_the_style_that_answers_the_emotion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voice_or_skip("flite")
    durations: list[float] = []
    for emotion in ("neutral", "sad"):
        out = tmp_path / f"{emotion}.wav"
        arguments = ["voices", "say", "I am here.", "--emotion", emotion, "--out", str(out)]
        assert app.main([*arguments, "--voice", "flite"]) == 0
        durations.append(soundfile.info(out).duration)

    assert durations[1] > 1.1 * durations[0]
    assert "sad.wav" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("😀😀", ["nothing to say in this text"]),
        ("...", ["nothing to say in this text"]),
        ("```\nx = 1\n```", ["nothing to say in this text"]),
        ("日本語", ["nothing to say in this text", "flite", "Chinese", "--voice espeak:cmn"]),
        ("ありがとう", ["flite", "Japanese", "--voice espeak:ja"]),
        ("Привет!", ["flite", "Cyrillic", "--voice espeak:ru"]),
    ],
)
def test_say_tells_when_there_is_nothing_to_say(
    text: str, messages: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voice_or_skip("flite")
    out, kept = tmp_path / "e.wav", tmp_path / "kept.wav"
    kept.write_bytes(b"kept")

    assert app.main(["voices", "say", text, "--voice", "flite", "--out", str(out)]) == 1
    assert app.main(["voices", "say", text, "--voice", "flite", "--out", str(kept)]) == 1

    error = capsys.readouterr().err
    assert all(message in error for message in messages)
    assert not out.exists()
    assert kept.read_bytes() == b"kept"


def test_check_passes_flite(capsys: pytest.CaptureFixture[str]) -> None:
    voice_or_skip("flite")

    assert app.main(["voices", "check", "flite:slt", "--json"]) == 0

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["person"] for row in rows] == ["neutral", "happy", "angry", "sad", "surprise"]
    assert all(row["problems"] == [] for row in rows)


@pytest.mark.parametrize("has_coqui", [True, False])
def test_add_makes_a_voice_that_is_listed(
    has_coqui: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(voice_folder.Path, "home", lambda: tmp_path)
    spec = importlib.machinery.ModuleSpec("TTS", None) if has_coqui else None
    monkeypatch.setattr("assistant.checks.voices.find_spec", {"TTS": spec}.get)
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, 0.3 * np.sin(np.arange(48_000) * 0.05), 24_000)

    assert app.main(["voices", "add", "anna", "--emotion", "sad", str(clip)]) == 0
    assert "cannot speak yet" in capsys.readouterr().out
    assert app.main(["voices", "add", "--emotion=neutral", "anna", str(clip)]) == 0
    told = "use it with --voice coqui:anna" if has_coqui else "yet: coqui is not installed"
    assert told in capsys.readouterr().out
    assert app.main(["voices", "--json", "list"]) == 0

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (anna,) = [row for row in rows if row["voice"] == "coqui:anna"]
    assert anna["usable"] is has_coqui
    assert anna["is"] == ("xtts, sad, neutral" if has_coqui else anna["is"])
    assert ("-e '.[coqui]'" in anna["is"]) is not has_coqui

    (tmp_path / ".attune" / "voices" / "anna" / "notes.txt").touch()
    assert app.main(["voices", "remove", "coqui:anna"]) == 0
    left = [path.name for path in (tmp_path / ".attune" / "voices" / "anna").iterdir()]
    assert left == ["notes.txt"], "only what belongs to the voice goes"
    assert app.main(["voices", "remove", "anna"]) == app.EXIT_USAGE
    assert "no voice 'anna'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["say"], "give the text"),
        (["add", "anna"], "at least one clip"),
        (["add", "anna", "missing.wav"], "missing.wav"),
        (["say", "hi", "--voice", "parrot"], "there is no voice 'parrot'"),
        (["say", "hi", "--voice", "coqui:nobody-there"], "voices add"),
        (["say", "hi", "--policy", "rude"], "no reply policy 'rude'"),
    ],
)
def test_mistakes_get_one_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = app.EXIT_FAILED if message == "missing.wav" else app.EXIT_USAGE
    assert app.main(["voices", *arguments]) == status

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("list kokoro", "voices list takes no names"),
        ("list --out a.wav", "voices list writes no sound"),
        ("say hello --voice flite --out a.mp3", "name a .wav file"),
        ("say hello --voice flite:nobody", "flite has no voice 'nobody'"),
    ],
)
def test_what_would_be_passed_over_is_refused(
    arguments: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["voices", *arguments.split()]) == 2
    assert says in capsys.readouterr().err
