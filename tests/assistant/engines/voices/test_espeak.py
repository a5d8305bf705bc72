import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from assistant.engines.voices import espeak_process
from assistant.engines.voices.espeak import Espeak
from assistant.errors import EngineFailed, EngineUnavailable
from tests.assistant.engines.voices.voice_checks import spoken, voice_or_skip


@pytest.fixture
def voice() -> Iterator[Espeak]:
    voice_or_skip("espeak").close()  # pyright: ignore[reportAttributeAccessIssue]
    opened = Espeak()
    yield opened
    opened.close()


def workers() -> list[psutil.Process]:
    name = "espeak_worker.py"
    return [
        child
        for child in psutil.Process().children()
        if child.status() == psutil.STATUS_ZOMBIE or name in " ".join(child.cmdline())
    ]


def test_killed_process_fails_the_turn_and_is_started_again(voice: Espeak) -> None:
    (worker,) = workers()
    worker.send_signal(signal.SIGKILL)

    with pytest.raises(EngineFailed, match="started again"):
        spoken(voice, "Hello.")

    assert len(spoken(voice, "Hello.")) > 1000
    assert len(workers()) == 1


def test_process_that_hangs_is_replaced(voice: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak_process, "_ANSWER_WITHIN_S", 0.2)
    (worker,) = workers()
    worker.suspend()

    with pytest.raises(EngineFailed, match="did not answer"):
        spoken(voice, "Hello.")
    monkeypatch.undo()

    assert len(spoken(voice, "Hello.")) > 1000


def test_nothing_is_left_when_it_is_closed_or_forgotten(voice: Espeak) -> None:
    voice.close()
    assert workers() == []

    forgotten = Espeak()
    assert len(workers()) == 1
    del forgotten
    assert workers() == []


def test_unknown_voice_is_refused(voice: Espeak) -> None:
    with pytest.raises(EngineUnavailable, match="no voice 'xx-none'"):
        Espeak("xx-none")
    assert len(workers()) == 1


def test_missing_library_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)

    with pytest.raises(EngineUnavailable, match=r"\.\[voices\].*apt install espeak-ng"):
        Espeak()


def test_broken_data_folder_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library, _ = espeak_process._find_library()
    monkeypatch.setattr(espeak_process, "_find_library", lambda: (library, str(tmp_path)))

    with pytest.raises(EngineUnavailable):
        Espeak()


def test_languages_read_their_own_numbers(voice: Espeak) -> None:
    german = Espeak("de")
    try:
        assert len(spoken(german, "Es ist 23 Uhr.")) > german.sample_rate * 0.5
    finally:
        german.close()
