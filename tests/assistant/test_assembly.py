"""Which engines answer: the named ones or none, of the voice `auto` the first that can speak."""

import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assistant import assembly
from assistant.assembly import (
    OpenedVoice,
    instead,
    open_chosen_model,
    open_chosen_voice,
    open_engines,
)
from assistant.engines import blsp_emo, parts, table
from assistant.errors import EngineUnavailable
from assistant.settings import EngineSettings
from models.checkpoints import embedded
from models.checkpoints.checkpoint import save
from models.checkpoints.embedded import EMBEDDED
from models.pretrained.catalogue import Part, read_catalogue
from models.pretrained.store import Progress, Store
from tests.assistant.engines.voices.voice_checks import voice_or_skip
from tests.models.small import tiny_model


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An embedded model that lacks its parts, in a folder of its own."""
    folder = tmp_path / "shipped"
    (folder / EMBEDDED).mkdir(parents=True)
    made_of = {"speech": "whisper-tiny.en", "llm": "smollm2-135m"}
    config = folder / EMBEDDED / "config.json"
    config.write_text(json.dumps({"parts": made_of}), encoding="utf-8")
    monkeypatch.setattr(embedded, "FOLDER", folder)
    return folder


class Watched:
    """Notes which parts are fetched."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @contextmanager
    def __call__(self, part: Part) -> Generator[Progress]:
        self.asked.append(part.name)
        yield lambda _done, _total: None


class Voice:
    """Says which engine it is of."""

    sample_rate = 16_000


def named(settings: EngineSettings) -> str:
    """Returns, in place of a model, its name."""
    return settings.model


def unavailable(*_: object) -> None:
    raise EngineUnavailable("not here")


@pytest.mark.parametrize(
    ("missing", "speaks"),
    [((), "piper"), (("piper.Piper",), "flite"), (("piper.Piper", "flite.Flite"), "espeak")],
)
def test_auto_is_the_first_voice_that_can_speak(
    missing: tuple[str, ...], speaks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def complete(_voice: str) -> list[Part]:
        return []

    monkeypatch.setattr(assembly, "parts_of_voice", complete)
    for engine in ("piper.Piper", "flite.Flite", "espeak.Espeak"):
        made = unavailable if engine in missing else Voice
        monkeypatch.setattr(f"assistant.engines.voices.{engine}", made)
    opened = open_chosen_voice(table.AUTO)
    assert (opened.name, opened.meant) == (speaks, "piper")
    assert bool(opened.reason) == bool(missing)


def test_auto_without_any_voice_names_what_to_install(
    cut_off: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for engine in ("flite.Flite", "espeak.Espeak"):
        monkeypatch.setattr(f"assistant.engines.voices.{engine}", unavailable)
    with pytest.raises(EngineUnavailable) as error:
        open_chosen_voice(table.AUTO)
    assert "apt install flite" in str(error.value)
    assert "pip install -e '.[voices]'" in str(error.value)
    assert "joe could not be fetched" in str(error.value)


def test_where_the_parts_of_the_model_cannot_be_had_one_sentence_names_the_remedy(
    cut_off: Path, shipped: Path
) -> None:
    voice_or_skip("flite")
    watched = Watched()
    with pytest.raises(EngineUnavailable) as error:
        open_engines(EngineSettings(), watched)
    assert str(error.value).startswith("whisper-tiny.en could not be fetched (")
    assert "ATTUNE_PARTS" in str(error.value)
    assert "\n" not in str(error.value)
    assert watched.asked == ["joe", "whisper-tiny.en"]


def test_where_no_natural_voice_can_be_had_another_speaks_and_one_sentence_says_so(
    cut_off: Path, tmp_path: Path
) -> None:
    voice_or_skip("flite")
    save(tiny_model().checkpoint(), tmp_path / "complete")
    engines = open_engines(EngineSettings(model=str(tmp_path / "complete")))
    try:
        assert engines.voice_name == "flite"
        assert engines.notice is not None
        assert engines.notice.startswith("flite speaks instead of piper: joe could not be fetched")
        assert "ATTUNE_PARTS" in engines.notice
        assert "\n" not in engines.notice
    finally:
        engines.close()


def test_a_voice_that_was_named_is_not_replaced(cut_off: Path, tmp_path: Path) -> None:
    save(tiny_model().checkpoint(), tmp_path / "complete")
    with pytest.raises(EngineUnavailable, match=r"could not be fetched \(.*ATTUNE_PARTS"):
        open_engines(EngineSettings(model=str(tmp_path / "complete"), voice="piper"))


def test_the_parts_of_what_is_named_are_fetched_once(
    cut_off: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With stand-ins for the parts, as a source would bring them."""
    fetched, unpacked = list[str](), list[str]()

    def bring(store: Store, part: Part, _progress: Progress) -> Path:
        fetched.append(part.name)
        (store.folder / part.name).mkdir(parents=True)
        for file in part.files:
            with store.path(part, file).open("wb") as made:
                made.truncate(file.bytes)
        return store.folder / part.name

    monkeypatch.setattr(Store, "get", bring)
    monkeypatch.setattr(blsp_emo, "unpack", lambda part: unpacked.append(part.name))
    monkeypatch.setattr(assembly, "open_speech_model", named)
    settings, watched = EngineSettings(), Watched()
    for _ in range(2):
        assert str(open_chosen_model(settings, watched)) == EMBEDDED
    assert fetched == unpacked == watched.asked == ["whisper-tiny.en", "smollm2-135m"]
    shutil.rmtree(cut_off / "smollm2-135m")
    open_chosen_model(EngineSettings(model=EMBEDDED), watched)
    assert fetched[2:] == ["smollm2-135m"]


def test_parts_are_those_of_the_checkpoint_or_the_voice(shipped: Path, tmp_path: Path) -> None:
    def names(found: list[Part]) -> list[str]:
        return [part.name for part in found]

    assert names(embedded.parts_of_model(EMBEDDED)) == ["whisper-tiny.en", "smollm2-135m"]
    assert names(embedded.parts_of_model(str(shipped / EMBEDDED))) == [
        "whisper-tiny.en",
        "smollm2-135m",
    ]
    assert names(embedded.parts_of_model("smollm2-135m")) == ["smollm2-135m"]
    for complete in ("cwang621/blsp-emo", str(tmp_path), "nowhere"):
        assert embedded.parts_of_model(complete) == []
    assert (
        names(parts.parts_of_voice("piper")) == names(parts.parts_of_voice("piper:joe")) == ["joe"]
    )
    assert names(parts.parts_of_voice("kokoro")) == ["kokoro"]
    assert names(parts.parts_of_voice("kokoro:bf_emma")) == ["kokoro"]
    assert parts.parts_of_voice("kokoro:nobody") == []
    assert parts.parts_of_voice("flite:rms") == parts.parts_of_voice("piper:/a/folder") == []
    assert {part.licence for part in read_catalogue().values()} - {""}


def test_nothing_is_said_where_nothing_is_replaced() -> None:
    voice = OpenedVoice("v", "piper", "piper")  # pyright: ignore[reportArgumentType]
    assert instead(voice) is None
