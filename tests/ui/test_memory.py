from pathlib import Path

import pytest

import app


@pytest.mark.parametrize("action", ["list", "on", "off", "erase"])
def test_what_an_action_does_not_take_is_refused_before_anything_is_done(
    tmp_path: Path, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "memory.json"
    assert app.main(["memory", "add", "my sister is Ana", "--file", str(file)]) == 0
    before = file.read_bytes()
    assert app.main(["memory", action, "1", "--yes", "--file", str(file)]) == 2
    assert f"memory {action} takes nothing behind it" in capsys.readouterr().err
    assert file.read_bytes() == before
