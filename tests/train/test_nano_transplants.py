"""Acted prosody on synthetic voices: whose it is, and which emotions it carries."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.emotions import Emotion
from train.domain import read_domain
from train.nano_speech import Line, acted_prosodies
from train.nano_transplants import transplanted
from train.synthesis import Voice

NEUTRAL, HAPPY = "01", "03"


def clip(folder: Path, actor: int, code: str, hz: float) -> None:
    path = folder / "emotion" / "ravdess" / f"Actor_{actor:02d}"
    path.mkdir(parents=True, exist_ok=True)
    time = np.arange(24_000) / 16_000
    phase = 2 * np.pi * hz * (time + 0.002 * np.sin(2 * np.pi * 5 * time))  # no voice is steady
    tone = sum(np.sin(n * phase) / n for n in range(1, 8))
    soundfile.write(path / f"03-01-{code}-01-01-01-{actor:02d}.flac", 0.1 * tone, 16_000)


def actors(folder: Path) -> Path:
    for actor, raised in ((3, 1.2), (18, 1.8)):
        clip(folder, actor, NEUTRAL, 120.0)
        clip(folder, actor, HAPPY, 120.0 * raised)
    return folder


def test_prosodies_for_judging_are_of_other_actors_than_those_for_training(tmp_path: Path) -> None:
    data = actors(tmp_path)
    (trained,) = acted_prosodies(data)[Emotion.HAPPY]
    (judged,) = acted_prosodies(data, held_out=True)[Emotion.HAPPY]
    assert trained.pitch == pytest.approx(1.2, abs=0.05)
    assert judged.pitch == pytest.approx(1.8, abs=0.05)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_a_sentence_is_spoken_in_an_emotion_that_has_replies_and_a_prosody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = read_domain()
    intent = next(i for i in domain.intents if i.name == "exam_failed")
    intent = replace(intent, replies={Emotion.HAPPY: ("Well done.",), Emotion.ANGRY: ("I see.",)})
    domain = replace(domain, intents=(intent,))
    line = Line("I failed.", "domain", "wording", intent.name, "", "", (), (), "", 0, 0)
    monkeypatch.setattr(
        "train.nano_transplants.draw_voice", lambda _generator, held_out: Voice("espeak", "en-us")
    )
    unknown = replace(line, intent="nothing")
    spoken = list(transplanted(domain, [line, unknown, line], actors(tmp_path)))
    assert [emotion for _, emotion in spoken] == [Emotion.HAPPY] * 2
    assert all(waveform.size > 4_000 and np.abs(waveform).max() > 0.01 for waveform, _ in spoken)
