import importlib.machinery
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant.audio.waveform import AudioClip, Waveform
from assistant.checks.voices import check_voice, list_voices, measure
from assistant.empathy import load_policy
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeakingStyle,
    SpeechModel,
    TextDelta,
    Transcript,
)
from models.emotions import Emotion

RATE = 16_000


class Buzzer:
    """A voice that hums each sentence and follows what it is told to follow."""

    sample_rate = RATE

    def __init__(self, *, follows: bool) -> None:
        self._follows = follows

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        style = style if self._follows else SpeakingStyle()
        seconds = 0.25 * len(text.split()) / style.rate
        glide = 2 ** (style.pitch / 12) * 1.2 ** (style.pitch_range * np.linspace(-1, 1, 99))
        f0_hz = np.interp(np.linspace(0, 98, round(seconds * RATE)), np.arange(99), 120 * glide)
        phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
        hum = 0.1 * 10 ** (style.energy / 20) * sum(np.sin(k * phase) / k for k in range(1, 8))
        yield AudioClip(np.asarray(hum, np.float32), RATE)


class Judge(SpeechModel, Dialogue):
    """Hears joy in whatever is loud."""

    name = "judge"

    def open(self, persona: Persona) -> "Judge":
        return self

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        joy = min(1.0, float(np.abs(utterance).max()))
        yield EmotionEstimate((1.0 - joy, joy, 0.0, 0.0, 0.0))
        yield Transcript("never looked at")

    def read(self, text: str) -> None:
        raise AssertionError("a judge only hears")

    def withdraw(self) -> None:
        raise AssertionError("a judge hears whole utterances")

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        raise AssertionError("a judge does not answer")

    def replace_reply(self, text: str) -> None:
        raise AssertionError("a judge does not answer")

    def truncate(self, heard: str) -> None:
        raise AssertionError("a judge does not answer")


def test_delivery_is_measured() -> None:
    text = "one two three four"
    (clip,) = Buzzer(follows=True).synthesize(text, SpeakingStyle(), Cancel())
    pause = np.zeros(RATE // 2, np.float32)
    waveform = np.concatenate([clip.samples, pause, clip.samples])

    delivery = measure([waveform], RATE, [f"{text} {text}"])

    assert delivery.pitch_hz == pytest.approx(120, rel=0.05)
    assert delivery.words_a_minute == pytest.approx(8 * 60 / 2.5, rel=0.01)
    assert delivery.longest_pause_s == pytest.approx(0.5, abs=0.01)


def test_silence_is_measured_without_trouble() -> None:
    delivery = measure([np.zeros(RATE, np.float32)], RATE, ["one"])

    assert delivery.pitch_hz == 0.0
    assert delivery.level_db <= -90.0


def test_voice_that_follows_passes() -> None:
    checks = list(check_voice(Buzzer(follows=True), load_policy()))

    assert [check.person for check in checks] == list(Emotion)
    assert [check.problems for check in checks] == [()] * len(Emotion)
    assert all(check.heard is None for check in checks)


def test_voice_that_ignores_the_style_is_found_out() -> None:
    checks = {check.person: check for check in check_voice(Buzzer(follows=False), load_policy())}

    assert checks[Emotion.NEUTRAL].problems == ()
    assert {problem.split(" hardly")[0] for problem in checks[Emotion.SAD].problems} == {
        "pitch",
        "rate",
        "energy",
        "pitch range",
    }


def test_judge_hears_each_answer() -> None:
    checks = {
        check.person: check.heard
        for check in check_voice(Buzzer(follows=True), load_policy(), judge=Judge())
    }

    happy, sad = checks[Emotion.HAPPY], checks[Emotion.SAD]
    assert happy is not None and sad is not None
    assert happy.probabilities[Emotion.HAPPY] > sad.probabilities[Emotion.HAPPY]
    assert sum(happy.probabilities) == pytest.approx(1.0)


def test_list_shows_the_person_s_voices_and_what_is_wrong_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.machinery.ModuleSpec("TTS", None)
    monkeypatch.setattr("assistant.checks.voices.find_spec", {"TTS": spec}.get)
    for name, text in (("good", 'kind = "vits"\nmodel = "m"\n'), ("bad", "kind = 3\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "voice.toml").write_text(text)

    entries = {entry.voice: entry for entry in list_voices(tmp_path)}

    assert entries["coqui:good"].is_usable
    assert not entries["coqui:bad"].is_usable
    assert "voice.toml" in entries["coqui:bad"].detail
    assert {"flite:slt", "espeak:en-us"} <= entries.keys()
