import random

import numpy as np
import pytest

import app
from assistant.errors import EngineUnavailable
from assistant.records.reading import read_record, resolve
from assistant.study.run.scripted import REPLIES, ScriptedModel
from assistant.study.simulated import person
from assistant.study.simulated.improvised import FALLBACK, Improviser, sentence
from assistant.study.simulated.person import NATURAL, QUICK, Sayings
from tests.assistant.study.small_study import make_study
from tests.fakes import ToneVoice


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("That is kind. I feel better. Thanks", "That is kind."),
        ("It was\nlong ago", "It was long ago"),
        ("word " * 60, " ".join(["word"] * 25)),
        ("…", FALLBACK),
        ("", FALLBACK),
    ],
)
def test_of_what_a_model_writes_one_sentence_is_said(written, said):
    assert sentence(written) == said


def test_what_is_said_comes_from_the_model_that_read_the_answer():
    said = []

    def speak(text):
        said.append(text)
        return np.zeros(16, dtype=np.float32)

    improviser = Improviser(ScriptedModel(), "Talk about your day.", speak)
    assert len(improviser.answer("How are you?")) == 16
    improviser.answer("Go on.")
    assert said == [REPLIES[1], REPLIES[2]]


def test_natural_voices_take_turns_and_quick_ones_stand_in_for_them(monkeypatch):
    opened = []

    def opens(name):
        opened.append(name)
        if name.startswith("kokoro") and not has_kokoro:
            raise EngineUnavailable("no Kokoro here")
        return ToneVoice()

    monkeypatch.setattr(person, "open_voice", opens)
    has_kokoro = True
    sayings = Sayings(natural=True)
    voices = [sayings.voice_of(number) for number in range(7)]
    assert voices == [*NATURAL, NATURAL[0]]
    one = sayings.some(random.Random(1), voices[1])
    assert one[0] is sayings.some(random.Random(1), voices[1])[0], "spoken once"
    assert opened.count(voices[1]) == 1
    has_kokoro = False
    assert Sayings(natural=True).voice_of(3) in QUICK


@pytest.mark.timeout(300)
def test_people_of_a_simulation_may_say_what_a_model_makes_up(tmp_path):
    study = make_study(tmp_path / "study")
    toml = study.path / "study.toml"
    toml.write_text(toml.read_text().replace("turns = 1", "turns = 2"))
    command = ["study", "simulate", str(study.path), "--improvise", "--participants", "1"]
    assert app.main(command) == 0
    talks = tmp_path / "study-simulated" / "participants" / "sim-001" / "talks"
    record = read_record(resolve(talks, "block1-talk"))
    assert record.audio is not None and record.duration_s > 3
