"""Nothing is recorded without a yes, and each yes covers one thing."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from assistant.errors import OutputError, SettingsError
from assistant.records.recording import Consent
from ui.terminal.consent import ask_consent, new_folder


def answering(*answers: str) -> Callable[[str], str]:
    waiting = iter(answers)
    return lambda _question: next(waiting)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the folder of the recordings is made."""
    monkeypatch.chdir(tmp_path)


def asked(
    *,
    is_wanted: bool,
    records: Path = Path("recordings"),
    agreed: Sequence[str] = (),
    ask: Callable[[str], str] | None = None,
) -> Consent | None:
    ask = ask or answering()
    recording = ask_consent(records, is_wanted=is_wanted, agreed=agreed, ask=ask)
    assert recording is None or recording.records == records
    return recording and recording.consent


@pytest.mark.parametrize(
    ("answers", "consent"),
    [
        (("y", "yes", "Y"), Consent(audio=True, words=True, emotion=True)),
        (("n", "y", ""), Consent(audio=False, words=True, emotion=False)),
        (("", "", "y"), Consent(audio=False, words=False, emotion=True)),
        (("", "no", "perhaps"), None),
    ],
)
def test_each_choice_is_its_own(answers: Sequence[str], consent: Consent | None) -> None:
    assert asked(is_wanted=True, ask=answering(*answers)) == consent


def test_nobody_is_asked_where_nothing_is_recorded() -> None:
    assert asked(is_wanted=False) is None


def test_consent_given_beforehand_is_taken() -> None:
    given = asked(is_wanted=True, agreed=("words",))
    assert given == Consent(audio=False, words=True, emotion=False)


def test_where_nobody_can_be_asked_nothing_is_recorded() -> None:
    with pytest.raises(SettingsError, match="--consent"):
        asked(is_wanted=True, ask=input)


def test_consent_to_what_is_not_recorded_is_refused() -> None:
    with pytest.raises(SettingsError, match="without --record"):
        asked(is_wanted=False, agreed=("words",))


def test_a_folder_that_cannot_be_written_is_said_before_anybody_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="--records"):
        asked(is_wanted=True, records=tmp_path / "file" / "records")


def test_every_talk_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folders: set[Path] = set()
    for _ in range(3):
        folder = new_folder(tmp_path)
        folder.mkdir()
        folders.add(folder)
    assert len(folders) == 3


def test_what_is_asked_breaks_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    asked(is_wanted=True, ask=answering("n", "n", "n"))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 40
    assert "computer, and deleting the folder" in " ".join(lines)
