"""The Gradio page for demos, over HTTP: as `gradio_client` and browsers use it."""

import base64
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile

from app import main
from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Cancel, Dialogue, Persona, SpeechModel
from assistant.engines.settings import GenerationSettings, ModelSettings
from assistant.engines.table import ENGINES, engine_factory
from assistant.safety import HelpFinder
from models.emotions import EMOTION_LABELS
from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint
from tests.fakes import LevelDetector, ToneVoice, speech_like
from tests.ui.serving import serving
from ui.realtime.hosting.admission import AdmissionSettings
from ui.realtime.hosting.engines import Resident

pytest.importorskip("gradio")
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

PASSWORD = "anna:correct horse"
DANGER = "I am going to kill myself tonight."

ELSEWHERE = {"path": "http://127.0.0.1:9/a.wav", "meta": {"_type": "gradio.FileData"}}


class Watched:
    """Notes on which threads a dialogue works."""

    name = "tiny"

    def __init__(self, model: Any) -> None:
        self._model = model
        self.threads: set[str] = set()
        self.opened = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def open(self, persona: Persona) -> Dialogue:
        self.opened += 1
        dialogue = self._model.open(persona)
        hear, reply = dialogue.hear, dialogue.reply

        def watched_hear(utterance: Waveform, cancel: Cancel) -> Iterator[Any]:
            for item in hear(utterance, cancel):
                self.threads.add(threading.current_thread().name)
                yield item

        def watched_reply(cancel: Cancel) -> Iterator[Any]:
            for item in reply(cancel):
                self.threads.add(threading.current_thread().name)
                yield item

        dialogue.hear, dialogue.reply = watched_hear, watched_reply
        return dialogue


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    opened = engine_factory("speech_model", next(iter(ENGINES["speech_model"])))
    run = ModelSettings(device="cpu", dtype="float32", threads=1)
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))
    return Watched(opened(str(folder), run, GenerationSettings(longest_tokens=12)))


@pytest.fixture
def engines(model: Watched) -> Resident:
    return Resident(
        models={"tiny": cast(SpeechModel, model)},  # it hands on what it does not watch
        voices={"tone": ToneVoice(), "other": ToneVoice()},
        open_detector=LevelDetector,
        policies=("empathetic", "flat"),
        help_finder=HelpFinder(),
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "question.wav"
    soundfile.write(path, speech_like((0.2, 1.4), length_s=2.5), 16_000)
    return path


def client(address: str, **options: Any) -> Client:
    return Client(f"http://{address}/gradio/", verbose=False, analytics_enabled=False, **options)


def test_a_spoken_and_a_typed_turn_in_one_talk(
    engines: Resident, model: Watched, recording: Path, tmp_path: Path
) -> None:
    opened = model.opened
    with serving(engines, with_gradio=True) as (address, site):
        visitor = client(address, download_files=str(tmp_path / "got"))
        _heard, emotion, reply, spoken, help_ = visitor.predict(
            handle_file(recording), "", "tone", "empathetic", api_name="/answer"
        )
        chances = {entry["label"]: entry["confidence"] for entry in emotion["confidences"]}
        assert set(chances) == set(EMOTION_LABELS)
        assert sum(chances.values()) == pytest.approx(1.0, abs=1e-3)
        sound, rate_hz = soundfile.read(spoken)
        assert rate_hz == ToneVoice.sample_rate
        assert np.abs(sound).max() > 0.01
        assert help_ == ""
        heard, emotion, reply, spoken, help_ = visitor.predict(
            None, DANGER, "other", "flat", api_name="/answer"
        )
        assert heard == DANGER
        assert not emotion["confidences"] if emotion else True
        assert "I take it seriously" in reply
        assert "112" in help_
        assert Path(spoken).stat().st_size > 1_000
        *_, reply, _, help_ = visitor.predict(
            None, "What now?", "other", "flat", api_name="/answer"
        )
        assert help_, "the talk goes on, and the danger with it"
        assert model.opened == opened + 1
        assert site.conversations.gate.active == 0
    assert model.threads == {"speech model"}


def test_who_starts_anew_or_comes_new_has_a_talk_of_their_own(engines: Resident) -> None:
    with serving(engines, with_gradio=True) as (address, _):
        visitor = client(address)
        assert visitor.predict(None, DANGER, "tone", "flat", api_name="/answer")[4]
        other = client(address)
        assert not other.predict(None, "What now?", "tone", "flat", api_name="/answer")[4]
        visitor.predict(api_name="/start_anew")
        assert not visitor.predict(None, "What now?", "tone", "flat", api_name="/answer")[4]


def test_what_cannot_be_answered_is_told(engines: Resident, tmp_path: Path) -> None:
    quiet, long = tmp_path / "quiet.wav", tmp_path / "long.wav"
    soundfile.write(quiet, np.zeros(16_000, np.float32), 16_000)
    soundfile.write(long, speech_like((0.2, 69.0), length_s=70.0), 16_000)
    none = "no speech was found"
    with serving(engines, with_gradio=True) as (address, _):
        visitor = client(address)
        for file, text, told in (
            (None, " ", "nothing to answer"),
            (None, "a" * 5_000, "too long"),
            (handle_file(quiet), "", none),
            (handle_file(long), "", "at most 60 s"),
            (
                {"path": "https://example.org/a.wav", "meta": {"_type": "gradio.FileData"}},
                "",
                "add",
            ),
        ):
            with pytest.raises(AppError, match=told):
                visitor.predict(file, text, "tone", "flat", api_name="/answer")
        with pytest.raises(AppError):
            visitor.predict(None, "Hello.", "no such voice", "flat", api_name="/answer")


def test_nobody_is_answered_where_all_places_are_taken(engines: Resident) -> None:
    with serving(engines, admission=AdmissionSettings(most=1), with_gradio=True) as (address, site):
        site.conversations.gate.try_enter("")
        with pytest.raises(AppError, match="all places are taken"):
            client(address).predict(None, "Hello.", "tone", "flat", api_name="/answer")


def test_a_password_guards_it_and_other_sites_stay_out(engines: Resident) -> None:
    key = {"Authorization": "Basic " + base64.b64encode(PASSWORD.encode()).decode()}
    with serving(engines, password=PASSWORD, with_gradio=True) as (address, _):
        for path in ("/gradio/", "/gradio/config", "/gradio/gradio_api/info"):
            assert status(f"http://{address}{path}") == 401
            assert status(f"http://{address}{path}", key | {"Origin": "http://evil.org"}) == 403
            assert status(f"http://{address}{path}", key) == 200
        visitor = client(address, headers=key)
        assert visitor.predict(None, "Hello.", "tone", "flat", api_name="/answer")[0] == "Hello."


def test_the_page_says_what_it_is_and_is_there_only_on_demand(engines: Resident) -> None:
    with serving(engines, with_gradio=True) as (address, _):
        with urllib.request.urlopen(f"http://{address}/gradio/", timeout=60) as answer:
            page = answer.read().decode()
        assert "You are talking with a machine" in page
        assert "guesses how you feel" in page
        assert "fonts.googleapis.com/css" not in page


def test_an_open_page_does_not_hold_up_the_end_of_the_server(engines: Resident) -> None:
    with serving(engines, with_gradio=True) as (address, site):
        kept = f"http://{address}/gradio/gradio_api/heartbeat/some-visitor"
        with urllib.request.urlopen(kept, timeout=60) as answer:
            assert answer.readline()
            site.conversations.gate.is_closing = True
            while answer.readline():
                pass


def test_a_recording_is_deleted_once_it_is_answered(engines: Resident, recording: Path) -> None:
    with serving(engines, with_gradio=True) as (address, _):
        visitor = client(address, download_files=False)
        visitor.predict(handle_file(recording), "", "tone", "flat", api_name="/answer")
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        assert folder.stat().st_mode & 0o077 == 0
        assert not list(folder.rglob(recording.name))


def test_without_it_there_is_none(engines: Resident) -> None:
    with serving(engines) as (address, _):
        assert status(f"http://{address}/gradio/") == 404


def test_without_the_library_one_sentence_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import util

    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda n: None if n == "gradio" else found(n))
    assert main(["web", "--gradio", "--port", "0"]) == 1
    assert "pip install -e '.[gradio]'" in capsys.readouterr().err


def status(url: str, headers: dict[str, str] | None = None) -> int:
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
