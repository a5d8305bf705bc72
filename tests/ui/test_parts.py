"""What the command `models` prints of where parts come from."""

import pytest

import app
from models.pretrained.catalogue import read_catalogue


def test_the_sources_of_parts_are_listed_where_they_are_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, part = next(iter(read_catalogue().items()))
    assert app.main(["models", "list", name]) == 0
    without = capsys.readouterr().out
    assert app.main(["models", "list", name, "--sources"]) == 0
    told = capsys.readouterr().out
    assert part.sources
    for source in part.sources:
        assert f"{name}: {source}" in told and str(source) not in without


def test_what_takes_no_sources_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["models", "remove", "joe", "--sources"]) == app.EXIT_USAGE
    assert "takes no --sources" in capsys.readouterr().err
