import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.voices import coqui_models
from assistant.engines.voices.coqui import Coqui
from assistant.errors import EngineFailed, EngineUnavailable, SettingsError
from assistant.voice.psola import track_pitch
from assistant.voice.voice_folder import add_clips
from models.emotions import Emotion
from tests.assistant.engines.voices.tiny_coqui import require_coqui, save_clip, save_vits, save_xtts
from tests.assistant.engines.voices.voice_checks import level_db, spoken

pytestmark = [
    pytest.mark.slow,
    # The library and what it imports warn about themselves in many ways; none is ours to mend.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def vits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_coqui()
    folder = tmp_path_factory.mktemp("voices") / "quick"
    save_vits(folder / "model")
    (folder / "voice.toml").write_text('kind = "vits"\nmodel = "model"\n')
    return folder


@pytest.fixture(scope="module")
def vits(vits_folder: Path) -> Coqui:
    return Coqui(str(vits_folder))


@pytest.fixture(scope="module")
def xtts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_coqui()
    root = tmp_path_factory.mktemp("voices")
    save_xtts(root / "model")
    for emotion, f0_hz in ((Emotion.NEUTRAL, 120.0), (Emotion.SAD, 90.0), (Emotion.HAPPY, 210.0)):
        clip = save_clip(root / f"{emotion.label}.wav", f0_hz)
        add_clips("mine", emotion, [clip], root=root, model=str(root / "model"))
    return root / "mine"


@pytest.fixture(scope="module")
def xtts(xtts_folder: Path) -> Iterator[Coqui]:
    with pytest.MonkeyPatch.context() as patch:
        # The small model ends after 20 tokens, the length of one piece of the real one.
        patch.setattr(coqui_models, "_STREAM_CHUNK_TOKENS", 6)
        yield Coqui(str(xtts_folder))


@pytest.fixture
def given_to_model(xtts: Coqui, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What reaches the model's own streaming inference, call by call; it runs nevertheless."""
    calls: list[dict[str, Any]] = []
    model = xtts._voice._model  # type: ignore[attr-defined]
    inference = model.inference_stream

    def recording(words: str, language: str, conditioning: Any, speaker: Any, **rest: Any) -> Any:
        calls.append({"words": words, "conditioning": conditioning, "speaker": speaker, **rest})
        return inference(words, language, conditioning, speaker, **rest)

    monkeypatch.setattr(model, "inference_stream", recording)
    yield calls


def latents(voice: Coqui, emotion: Emotion) -> tuple[Any, Any]:
    return voice._voice._latents[emotion]  # type: ignore[attr-defined]


def test_vits_speaks_through_the_real_loading_code(vits: Coqui) -> None:
    waveform = spoken(vits, "I am so sorry to hear that.")

    assert vits.sample_rate == 22_050
    assert len(waveform) > 0.2 * vits.sample_rate
    assert np.isfinite(waveform).all() and float(np.abs(waveform).max()) <= 1.0


def test_vits_rate_and_energy_follow_the_style(vits: Coqui) -> None:
    slow, fast = (len(spoken(vits, "Take your time.", SpeakingStyle(rate=r))) for r in (0.7, 1.4))
    soft = spoken(vits, "Take your time.", SpeakingStyle(energy=-10.0))
    own = spoken(vits, "Take your time.")

    assert slow > 1.3 * fast
    assert level_db(own) - level_db(soft) > 3.0


def test_vits_rate_does_not_stick(vits: Coqui) -> None:
    spoken(vits, "Hello.", SpeakingStyle(rate=0.5))
    again = vits._voice._model.length_scale  # type: ignore[attr-defined]
    spoken(vits, "Hello.")

    assert again == pytest.approx(2.0)
    assert vits._voice._model.length_scale == pytest.approx(1.0)  # type: ignore[attr-defined]


def test_pitch_is_bent_on_the_output_of_a_model_that_has_none(
    vits: Coqui, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = np.arange(22_050) / 22_050
    buzz = sum(0.05 * np.sin(2 * np.pi * 120 * k * t) for k in range(1, 10))

    def fixed(*_: object) -> Iterator[np.ndarray]:
        yield np.asarray(buzz, np.float32)

    monkeypatch.setattr(vits._voice, "speak", fixed)
    higher = spoken(vits, "Yes.", SpeakingStyle(pitch=3.0))

    f0_hz = track_pitch(higher, vits.sample_rate).f0_hz
    assert np.median(f0_hz[f0_hz > 0]) == pytest.approx(120 * 2 ** (3 / 12), rel=0.04)


def test_failure_within_the_model_fails_the_turn_only(
    vits: Coqui, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory\nmore")

    with monkeypatch.context() as patch:
        patch.setattr(vits._voice._model, "synthesize", broken)  # type: ignore[attr-defined]
        with pytest.raises(EngineFailed, match=r"out of memory\)"):
            spoken(vits, "Hello.")
    assert len(spoken(vits, "Hello.")) > 0


def test_checkpoint_with_code_in_it_is_refused_and_not_run(
    vits_folder: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"

    class Malicious:
        def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
            return Path.touch, (ran,)  # type: ignore[return-value]

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text((vits_folder / "model" / "config.json").read_text())
    (folder / "model.pth").write_bytes(pickle.dumps({"model": Malicious()}))
    (tmp_path / "voice.toml").write_text('kind = "vits"\nmodel = "model"\n')

    with pytest.raises(EngineUnavailable, match="cannot be loaded"):
        Coqui(str(tmp_path))
    assert not ran.exists()


@pytest.mark.parametrize("missing", ["config.json", "model.pth"])
def test_incomplete_model_is_refused(vits_folder: Path, tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in {"config.json", "model.pth"} - {missing}:
        (folder / name).write_bytes((vits_folder / "model" / name).read_bytes())
    (tmp_path / "voice.toml").write_text('kind = "vits"\nmodel = "model"\n')

    with pytest.raises(EngineUnavailable, match=r"config\.json|\*\.pth"):
        Coqui(str(tmp_path))


def test_unknown_voice_names_the_way_to_add_one() -> None:
    with pytest.raises(SettingsError, match="voices add"):
        Coqui("nobody-there")


def test_xtts_streams_a_sentence_in_pieces(xtts: Coqui) -> None:
    text = "I am so sorry to hear that and I would like to know more about it"

    clips = list(xtts.synthesize(text, SpeakingStyle(), Cancel()))

    assert xtts.sample_rate == 24_000
    assert len(clips) >= 3
    assert all(np.isfinite(clip.samples).all() for clip in clips)


def test_emotion_reaches_the_model_as_the_latents_of_its_clip(
    xtts: Coqui, given_to_model: list[dict[str, Any]]
) -> None:
    for emotion in (Emotion.NEUTRAL, Emotion.SAD, Emotion.HAPPY):
        spoken(xtts, "Hello.", SpeakingStyle(emotion=emotion, intensity=1.0))

    for call, emotion in zip(
        given_to_model, (Emotion.NEUTRAL, Emotion.SAD, Emotion.HAPPY), strict=True
    ):
        conditioning, speaker = latents(xtts, emotion)
        assert bool((call["conditioning"] - conditioning).abs().max() < 1e-5)
        assert bool((call["speaker"] - speaker).abs().max() < 1e-5)
    neutral, sad = latents(xtts, Emotion.NEUTRAL)[0], latents(xtts, Emotion.SAD)[0]
    assert not bool((neutral - sad).abs().max() < 1e-3)


def test_clips_are_conditioned_as_the_library_does_itself(xtts: Coqui, xtts_folder: Path) -> None:
    pytest.importorskip("torchcodec", reason="torchcodec is not installed")
    model = xtts._voice._model  # type: ignore[attr-defined]
    conditioning, speaker = model.get_conditioning_latents(str(xtts_folder / "sad-1.wav"))

    own_conditioning, own_speaker = latents(xtts, Emotion.SAD)
    assert bool((conditioning - own_conditioning).abs().max() < 0.02 * conditioning.abs().max())
    assert bool((speaker - own_speaker).abs().max() < 0.02 * speaker.abs().max())


def test_weaker_intensity_lies_between(xtts: Coqui, given_to_model: list[dict[str, Any]]) -> None:
    spoken(xtts, "Hello.", SpeakingStyle(emotion=Emotion.SAD, intensity=0.5))

    neutral, sad = latents(xtts, Emotion.NEUTRAL)[0], latents(xtts, Emotion.SAD)[0]
    middle = (neutral + sad) / 2
    assert bool((given_to_model[0]["conditioning"] - middle).abs().max() < 1e-4)


def test_rate_reaches_the_model_and_calm_is_the_neutral_clip(
    xtts: Coqui, given_to_model: list[dict[str, Any]]
) -> None:
    spoken(
        xtts, "Hello.", SpeakingStyle(emotion=Emotion.NEUTRAL, intensity=1.0, rate=0.8, pitch=-2)
    )

    assert given_to_model[0]["speed"] == pytest.approx(0.8)
    assert given_to_model[0]["conditioning"] is latents(xtts, Emotion.NEUTRAL)[0]


def test_emotion_without_a_clip_falls_back_to_the_neutral_one(
    xtts: Coqui, given_to_model: list[dict[str, Any]]
) -> None:
    spoken(xtts, "Hello.", SpeakingStyle(emotion=Emotion.SURPRISE, intensity=1.0))

    assert given_to_model[0]["conditioning"] is latents(xtts, Emotion.NEUTRAL)[0]


def test_cancelled_stream_stops_within_a_sentence(xtts: Coqui) -> None:
    cancel = Cancel()
    text = "I am so sorry to hear that and I would like to know more about it"
    clips = xtts.synthesize(text, SpeakingStyle(), cancel)
    next(clips)
    cancel.set()

    assert list(clips) == []
