import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from models.pretrained.catalogue import PartError, Source
from models.pretrained.index_archive import fetch
from models.pretrained.store import Store
from tests.models.pretrained.packages import part

PAGE = (
    "<a href='../../files/other-1.0.tar.gz#sha256=00'>other-1.0.tar.gz</a>"
    "<A data-x=1 HREF='../../files/Tiny%5FVoice-1.0.tar.gz?x=1#sha256=00'>Tiny_Voice</A>"
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder of an index on loopback that serves one archive, whose setup must never run."""
    root = tmp_path / "site"
    (root / "simple" / "tiny-voice").mkdir(parents=True)
    (root / "simple" / "tiny-voice" / "index.html").write_text(PAGE)
    (root / "files").mkdir()
    with tarfile.open(root / "files" / "Tiny_Voice-1.0.tar.gz", "w:gz") as archive:
        for name, data in (
            ("Tiny_Voice-1.0/voices/a.bin", b"voice"),
            ("Tiny_Voice-1.0/setup.py", b"raise SystemExit('run')"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    handler = partial(_Quiet, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
        monkeypatch.delenv("ATTUNE_PARTS", raising=False)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for name in ("PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield root
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_an_archive_is_found_on_its_page_and_copied(site: Path, tmp_path: Path) -> None:
    found = fetch("Tiny_Voice==1.0", tmp_path)
    assert found.read_bytes() == (site / "files" / found.name).read_bytes()


@pytest.mark.parametrize("package", ["Tiny_Voice==2.0", "nothing==1.0"])
def test_an_archive_that_the_index_lacks_is_told(package: str, site: Path, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="No matching distribution"):
        fetch(package, tmp_path)


def test_what_pip_was_told_holds(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LookupError, match="No matching distribution"):
        fetch("Tiny_Voice==1.0", tmp_path)
    monkeypatch.setenv("PIP_FIND_LINKS", str(site / "files"))
    assert fetch("Tiny_Voice==1.0", tmp_path).stat().st_size
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:secret@127.0.0.1:9/simple")
    with pytest.raises(OSError) as refused:
        fetch("Tiny_Voice==1.0", tmp_path)
    assert "secret" not in str(refused.value)


def test_an_archive_that_came_damaged_is_told(site: Path, tmp_path: Path) -> None:
    path = site / "files" / "Tiny_Voice-1.0.tar.gz"
    whole = path.read_bytes()
    source = Source(
        1_000, {"a.bin": ("Tiny_Voice-1.0/voices/a.bin",)}, archives=("Tiny_Voice==1.0",)
    )
    for damaged in (whole[:45], whole[:40] + b"xxxxxxxx" + whole[48:], b"none"):
        path.write_bytes(damaged)
        with pytest.raises(PartError, match="what came is damaged"):
            Store(tmp_path / "parts").get(part({"a.bin": b"voice"}, source))


def test_a_part_comes_out_of_an_archive(site: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "parts")
    archives = ("Tiny_Voice==1.0",)
    members = {"a.bin": ("Tiny_Voice-1.0/voices/a.bin",)}
    wanted = part({"a.bin": b"voice"}, Source(1_000, members, archives=archives))
    assert (store.get(wanted) / "a.bin").read_bytes() == b"voice"
    gone = part(
        {"b.bin": b"voice"},
        Source(1_000, {"b.bin": ("Tiny_Voice-1.0/voices/b.bin",)}, archives=archives),
        name="gone",
    )
    with pytest.raises(PartError, match=r"no Tiny_Voice-1\.0/voices/b\.bin in it any more"):
        store.get(gone)
    missing = part(
        {"a.bin": b"voice"}, Source(1_000, members, archives=("Tiny_Voice==3.0",)), name="missing"
    )
    with pytest.raises(PartError, match="the index does not have it"):
        store.get(missing)
