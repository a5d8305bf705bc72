import importlib
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest

from assistant.checks import machine
from assistant.checks.machine import Check, State
from assistant.engines.settings import LlmSettings
from assistant.errors import EngineUnavailable
from tests.assistant.engines.chat_server.fake_server import FakeServer

Usage = namedtuple("Usage", "total used free")


def by_part(checks: list[Check]) -> dict[str, Check]:
    return {check.part: check for check in checks}


def test_what_is_missing_has_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = importlib.import_module

    def without_torch(name: str, package: str | None = None) -> object:
        if name == "torch":
            raise ImportError(name)
        return real(name, package)

    def no_voice(name: str) -> object:
        raise EngineUnavailable(f"{name} is not installed: apt install {name}")

    monkeypatch.setattr(machine.importlib, "import_module", without_torch)
    monkeypatch.setattr("assistant.engines.table.open_voice", no_voice)
    monkeypatch.setattr("models.checkpoints.embedded.FOLDER", tmp_path)
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: Usage(10, 10, 5_000_000))
    checks = by_part(machine.examine())
    for part in ("PyTorch", "embedded model", "voices", "free disk"):
        assert checks[part].state is State.MISSING, part
        assert checks[part].remedy, part
    assert checks["ffmpeg"].state is State.OPTIONAL
    assert checks["voice flite"].remedy == "flite is not installed: apt install flite"


def test_parts_are_told_with_size_licence_and_how_to_have_them(
    cut_off: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = by_part(list(machine._parts()))["part joe"]
    assert missing.state is State.OPTIONAL
    assert "58 MB, licence CC0-1.0" in missing.found
    assert missing.remedy.endswith("app.py doctor --fetch")
    monkeypatch.setattr("models.pretrained.store.Store.has", lambda _store, _part: True)
    here = by_part(list(machine._parts()))["part joe"]
    assert here.state is State.WORKS
    assert here.found == f"63 MB in {cut_off / 'joe'}"


def test_a_check_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> object:
        raise RuntimeError("the detector broke")

    monkeypatch.setattr("assistant.engines.table.open_vad", lambda name: broken())
    check = by_part(machine.examine())["speech detection"]
    assert check.state is State.MISSING
    assert "the detector broke" in check.found


def test_cached_checkpoints_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models--cwang621--blsp-emo").mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (check,) = machine._checkpoints()
    assert "cwang621/blsp-emo" in check.found


def test_a_named_llm_server_is_asked_for_its_llm(monkeypatch: pytest.MonkeyPatch) -> None:
    server = FakeServer(models=("llama3.2:latest", "qwen3:8b"), key="secret")
    monkeypatch.setenv("ATTUNE_LLM_KEY", "secret")

    def found(name: str) -> Check:
        [check] = machine._llm_servers(LlmSettings(server=server.url, name=name))
        return check

    assert found("llama3.2").state is State.WORKS
    assert found("llama3.2").found == f"{server.url}: llama3.2:latest"
    assert found("lama").state is State.MISSING
    assert "did you mean llama3.2:latest?" in found("lama").remedy
    server.close()
    assert "no LLM server answers" in found("llama3.2").remedy


def test_llm_servers_of_this_machine_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    server = FakeServer(models=("qwen3:8b",))
    monkeypatch.setattr(
        "assistant.engines.chat_server.finding.USUAL",
        {"Ollama": server.url, "LM Studio": "http://127.0.0.1:9/v1"},
    )
    [check] = machine._llm_servers(LlmSettings())
    assert (check.part, check.state) == ("LLM server Ollama", State.WORKS)
    assert check.found == f"{server.url}: qwen3:8b"
    server.close()
    [check] = machine._llm_servers(LlmSettings())
    assert check.state is State.OPTIONAL


def test_no_other_machine_is_joined_to_see_what_works_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def opened(name: str) -> SimpleNamespace:
        asked.append(name)
        return SimpleNamespace(sample_rate=16_000)

    monkeypatch.setattr("assistant.engines.table.open_voice", opened)
    rows = list(machine._voices())
    assert "cluster" not in asked and "flite" in asked
    assert [row.part for row in rows] == [f"voice {name}" for name in asked]
