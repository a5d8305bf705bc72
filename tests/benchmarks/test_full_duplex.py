"""Full-Duplex-Bench: layout, measures by hand, rebuilt sets, a conversation with an input."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from assistant.audio.waveform import AudioClip
from assistant.clock import replay
from assistant.turns.settings import TalkSettings
from benchmarks.endpointing.pauses import AnalysedRecording
from benchmarks.full_duplex.__main__ import report, stages, taken
from benchmarks.full_duplex.layout import Sample, answered, kind_of, samples
from benchmarks.full_duplex.measures import (
    Word,
    backchannels,
    latency_s,
    response_latency_s,
    stop_latency_s,
    takes_turn,
    words,
)
from benchmarks.full_duplex.playing import ends_of, play, spread
from benchmarks.full_duplex.rebuilt import rebuild
from tests.fakes import ScriptedModel, scripted, speech_like


def said(*starts: float, length_s: float = 0.2) -> list[Word]:
    return [Word("word", start, start + length_s) for start in starts]


def sample(
    folder: Path, name: str, content: object, chunks: list[list[float]], seconds: float = 4.0
) -> None:
    folder.mkdir(parents=True)
    for sound in ("input.wav", "output.wav"):
        sf.write(folder / sound, np.zeros(round(seconds * 16_000)), 16_000)
    (folder / name).write_text(json.dumps(content))
    told = [{"text": "x", "timestamp": chunk} for chunk in chunks]
    (folder / "output.json").write_text(json.dumps({"text": "", "chunks": told}))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("candor_pause_handling", "pause"),
        ("synthetic_pause_handling", "pause"),
        ("candor_turn_taking", "turn"),
        ("smooth_turn_taking_example", "turn"),
        ("icc_backchannel", "backchannel"),
        ("synthetic_user_interruption", "interruption"),
        ("user_interruption", "overlap"),
        ("background_speech", "overlap"),
        ("evaluation", None),
    ],
)
def test_tasks_by_their_folders(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("starts", "is_turn"),
    [
        ((), False),
        ((1.0, 1.2, 1.4), False),
        ((1.0, 1.1, 1.2, 1.3), True),  # four words
        ((1.0, 1.8), True),  # a second long
        ((1.0, 1.79), False),
    ],
)
def test_a_turn_lasts_a_second_or_has_four_words(starts: tuple[float, ...], is_turn: bool) -> None:
    assert takes_turn(said(*starts)) is is_turn


def test_latency_counts_from_the_end_and_never_below_nothing() -> None:
    # The benchmark's own example of a smooth turn: over at 2.01 s, "Yes," at 3.36 s.
    assert latency_s(said(3.36), 2.01) == pytest.approx(1.35)
    assert latency_s(said(1.0), 2.01) == 0.0


def test_only_what_is_heard_after_an_interruption_answers_it(tmp_path: Path) -> None:
    event = [{"context": "a", "interrupt": "b", "timestamp": [1.0, 2.0]}]
    folder = tmp_path / "synthetic_user_interruption"
    sample(folder / "1", "interrupt.json", event, [[0.2, 0.9], [2.5, 4.0]])
    sample(folder / "2", "interrupt.json", event, [[0.2, 1.9]])
    drops: Counter[str] = Counter()
    rate, latencies = taken(samples(tmp_path, drops), from_end=True)
    assert rate.startswith("0.500 [")
    assert latencies == [pytest.approx(0.5)]
    assert not drops
    assert [w.start_s for w in words(folder / "1" / "output.json", from_s=2.0)] == [2.5]


def test_words_without_an_end_are_kept(tmp_path: Path) -> None:
    (tmp_path / "output.json").write_text(
        '{"text": "a b", "chunks": [{"text": "a", "timestamp": [1.0, null]},'
        ' {"text": "b", "timestamp": [null, null]}]}'
    )
    assert words(tmp_path / "output.json") == [Word("a", 1.0, 1.0)]


def test_samples_that_are_not_whole_are_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "v1_0" / "candor_turn_taking"
    event = [{"text": "[TURN-TAKING]", "timestamp": [1.0, 1.4]}]
    sample(root / "1", "turn_taking.json", event, [[2.0, 3.5]])
    sample(root / "2", "turn_taking.json", event, [[2.0, 3.5]])
    sf.write(root / "2" / "output.wav", np.zeros(16_000), 16_000)
    sample(root / "3", "turn_taking.json", [], [])
    sample(root / "4", "turn_taking.json", event, [])
    (root / "4" / "output.wav").unlink()
    (root / "5").mkdir()
    drops: Counter[str] = Counter()
    kept = answered(samples(tmp_path, drops), drops)
    assert [one.folder.name for one in kept] == ["1"]
    assert {reason.split(": ")[1]: count for reason, count in drops.items()} == {
        "output.wav is shorter than input.wav": 1,
        "what is known of it is missing or broken": 1,
        "output.wav is missing": 1,
        "input.wav is missing": 1,
    }
    text = report(tmp_path, "Ours")
    assert "**Ours** | – | – | candor 1.000 [0.21, 1.00] (n 1), 1.000 |" in text
    assert "1 candor_turn_taking: output.wav is shorter than input.wav" in text
    with pytest.raises(ValueError, match="holds no task"):
        samples(tmp_path / "v1_0" / "candor_turn_taking" / "1", Counter())


def test_a_word_in_a_pause_is_no_turn_and_is_told_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "v1_0" / "candor_pause_handling" / "1"
    sample(folder, "pause.json", [{"text": "[PAUSE]", "timestamp": [1.0, 2.0]}], [[1.8, 2.1]])
    text = report(tmp_path, "Ours")
    assert "candor 0.000 [0.00, 0.79] (n 1)" in text
    assert "Began to speak at all in 1 of 1 inputs with pauses." in text


def test_backchannels_are_brief() -> None:
    figures = backchannels([(1.0, 1.5), (4.0, 4.6)], said(1.1, 4.1), 10.0)
    assert (figures.takes_turn, figures.per_s) == (False, 0.2)
    assert backchannels([(1.0, 2.2)], said(1.1), 10.0).takes_turn
    assert backchannels([(1.0, 1.5)], said(1.0, 1.1, 1.2), 10.0).takes_turn
    assert backchannels([(1.0, 4.5)], [], 10.0).takes_turn
    people = [0.0, 1.0, 0.0, 0.0]
    assert backchannels([], [], 10.0, people).divergence == 1.0
    near = backchannels([(3.0, 3.6)], [], 10.0, people).divergence
    far = backchannels([(9.0, 9.6)], [], 10.0, people).divergence
    assert near is not None
    assert far is not None
    assert near < far


def test_stop_and_response_latency() -> None:
    person, assistant = [(0.0, 2.0), (5.0, 6.5)], [(3.0, 5.4), (7.1, 9.0)]
    overlap = (5.0, 6.5)
    assert stop_latency_s(person, assistant, overlap) == pytest.approx(0.4)
    assert response_latency_s(person, assistant, overlap) == pytest.approx(0.6)
    assert stop_latency_s(person, [(7.1, 9.0)], overlap) is None
    assert response_latency_s(person, [(3.0, 5.4)], overlap) is None


def test_words_lie_in_the_pieces_that_sound() -> None:
    found = spread(["a", "b", "c", "d"], [(1.0, 2.0), (4.0, 7.0)])
    assert [word.text for word in found] == ["a", "b", "c", "d"]
    assert [word.start_s for word in found] == [1.0, 4.0, 5.0, 6.0]
    assert [word.text for word in spread([], [(1.0, 2.0)])] == ["…"]
    assert spread(["a"], []) == []


def test_the_output_has_the_length_and_the_clock_of_the_input() -> None:
    waveform = speech_like((0.5, 2.0), length_s=7.0)
    played = play(scripted(ScriptedModel(["That is good to hear."])), TalkSettings(), waveform)
    assert len(played.output) == len(waveform)
    sounds = np.flatnonzero(np.abs(played.output) > 0.01) / 16_000
    assert 2.0 < sounds[0] < 4.5  # after the person, who is over at 2 s
    assert played.heard == ["That is good to hear."]
    assert played.interrupted == 0


@pytest.mark.skipif(
    not (shutil.which("flite") and shutil.which("espeak-ng")), reason="needs flite and espeak-ng"
)
def test_rebuilt_sets_say_where_their_events_lie(tmp_path: Path) -> None:
    frames = "".join(("x" * 20, " " * 20, "x" * 20, " " * 30))
    probabilities = [0.9 if letter == "x" else 0.1 for letter in frames]
    wave = 0.1 * np.repeat([letter == "x" for letter in frames], 512).astype(np.float32)
    learner = AnalysedRecording("a", wave, probabilities, "words")
    rebuild(tmp_path, [learner], 1)
    drops: Counter[str] = Counter()
    found = {one.task: one for one in samples(tmp_path, drops)}
    assert not drops
    assert set(found) == {
        "synthetic_pause_handling",
        "learners_pause_handling",
        "learners_turn_taking",
        "synthetic_user_interruption",
        "user_interruption",
        "user_backchannel",
        "talking_to_other",
        "background_speech",
    }
    for one in found.values():
        sound, rate = sf.read(one.input)
        if one.kind in ("pause", "overlap", "interruption"):
            amid = sound[round(one.start_s * rate) : round(one.end_s * rate)]
            is_silent = one.kind == "pause"
            assert (float(np.sqrt(np.mean(amid**2))) < 0.002) is is_silent, one.task
    learners = found["learners_pause_handling"]
    assert learners.end_s - learners.start_s == pytest.approx(20 * 0.032, abs=0.002)
    turn = found["learners_turn_taking"]
    assert turn.start_s == pytest.approx(0.5 + 60 * 0.032)
    clean, _ = sf.read(found["user_backchannel"].folder / "clean_input.wav")
    disturbed, _ = sf.read(found["user_backchannel"].input)
    assert len(clean) == len(disturbed)


def test_what_is_played_comes_back_as_loud_as_it_should() -> None:
    sink: list[np.ndarray] = []
    ends = ends_of(np.zeros(32_000, np.float32), sink.append, 16_000, -20.0)

    async def heard() -> np.ndarray:
        await ends.speaker.play(AudioClip(np.full(16_000, 0.3, np.float32) * tone(), 16_000))
        return np.concatenate([frame.samples async for frame in ends.microphone.frames()])

    echo = replay(heard(), workers=())
    level = float(np.sqrt(np.mean(np.square(echo[4_000:12_000]))))
    assert level == pytest.approx(0.3 * 0.1 * 0.707, rel=0.15)


def tone() -> np.ndarray:
    return np.sin(2 * np.pi * 800 * np.arange(16_000) / 16_000).astype(np.float32)


def test_what_is_ready_before_the_turn_is_over_costs_no_time(tmp_path: Path) -> None:
    early = {"endpoint": 900.0, "first_sentence": 700.0, "first_audio": 800.0, "played": 960.0}
    late = {"endpoint": 400.0, "first_sentence": 700.0, "first_audio": 900.0, "played": 900.0}
    of_turn, of_model, of_voice = "the end of the turn", "the model", "the voice"
    assert stages(early) == {of_turn: 900.0, of_model: 0.0, of_voice: 60.0}
    assert stages(late) == {of_turn: 400.0, of_model: 300.0, of_voice: 200.0}
    folder = tmp_path / "v1_0" / "candor_turn_taking" / "1"
    event = [{"text": "[TURN-TAKING]", "timestamp": [1.0, 1.4]}]
    sample(folder, "turn_taking.json", event, [[2.0, 3.5]])
    assert "Where the latency" not in report(tmp_path, "Theirs")
    (folder / "talk.json").write_text(json.dumps({"timed": [late, early], "interrupted": 0}))
    text = report(tmp_path, "Ours")
    assert "the end of the turn 0.90 s, the model 0.00 s, the voice 0.06 s" in text


def test_outputs_of_others_need_no_words(tmp_path: Path) -> None:
    folder = tmp_path / "v1_0" / "candor_turn_taking" / "1"
    event = [{"text": "[TURN-TAKING]", "timestamp": [1.0, 1.4]}]
    sample(folder, "turn_taking.json", event, [])
    (folder / "output.json").unlink()
    sf.write(folder / "output.wav", speech_like((2.0, 3.6), length_s=4.0), 16_000)
    text = report(tmp_path, "Theirs")
    assert json.loads((folder / "output.json").read_text())["chunks"] is not None
    assert "**Theirs** | – | – | candor" in text


def test_a_sample_knows_its_files(tmp_path: Path) -> None:
    assert Sample("t", "turn", tmp_path).output == tmp_path / "output.wav"
