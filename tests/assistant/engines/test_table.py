import importlib.util

import pytest

from assistant.engines import table
from assistant.engines.voices.flite import Flite
from assistant.errors import EngineUnavailable, SettingsError


def test_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="flite, espeak"):
        table.open_voice("parrot")
    with pytest.raises(SettingsError, match="silero"):
        table.open_vad("ear")


def test_missing_library_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise ImportError("No module named 'elsewhere'")

    monkeypatch.setattr(table.importlib, "import_module", missing)

    with pytest.raises(EngineUnavailable, match=r"-e '\.\[voices\]'"):
        table.open_voice("espeak")


def test_missing_flite_library_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise OSError("no such file")

    monkeypatch.setattr("ctypes.CDLL", missing)

    with pytest.raises(EngineUnavailable, match="apt install flite"):
        Flite()


@pytest.mark.parametrize("part", table.ENGINES)
def test_every_line_of_the_table_leads_somewhere(part: table.EnginePart) -> None:
    for engine in table.ENGINES[part].values():
        spec = importlib.util.find_spec(f"assistant.engines.{engine.module}")
        assert spec is not None and spec.loader is not None, engine.module
