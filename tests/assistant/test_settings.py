from pathlib import Path

import pytest
from pydantic import ValidationError

import app
from assistant.errors import SettingsError
from assistant.settings import ReplySettings, from_file

FILE = """
[reply]
voice = "espeak"
policy = "flat"
[reply.generation]
temperature = 0.7
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "attune.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_win_over_the_file_and_the_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[ReplySettings] = []

    def note(settings: ReplySettings) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr("ui.report.reply", note)
    path = write(tmp_path, FILE)
    assert app.main(["reply", "a.wav", "--config", str(path), "--policy", "mirror"]) == 0
    (settings,) = seen
    assert settings.voice == "espeak"
    assert settings.policy == "mirror"
    assert settings.generation.temperature == 0.7
    assert settings.generation.longest_tokens == ReplySettings().generation.longest_tokens
    assert settings.questions == (Path("a.wav"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[reply]\nvoise = 'flite'", "reply.voise"),
        ("[reply.generation]\ntemperature = 99", "reply.generation.temperature"),
        ("[reply]\nvoice = ", "no valid TOML"),
    ],
)
def test_what_cannot_work_is_refused_with_its_path(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        from_file(ReplySettings, write(tmp_path, text), "reply")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        from_file(ReplySettings, tmp_path / "none.toml", "reply")


def test_settings_are_frozen_and_round_trip() -> None:
    settings = ReplySettings(questions=(Path("a.wav"),), text="hi")
    with pytest.raises(ValidationError):
        settings.text = "other"  # pyright: ignore[reportAttributeAccessIssue]
    assert ReplySettings.model_validate_json(settings.model_dump_json()) == settings
