import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from models.pretrained import store as store_module
from models.pretrained.catalogue import Part, PartError
from models.pretrained.store import Store
from tests.models.pretrained.packages import package_source, part, write_wheel

WEIGHTS = bytes(range(256)) * 40
CONTENTS = {"net.bin": WEIGHTS, "net.json": b"{}"}
GOOD = package_source("tiny-voice", net__bin=("tv/a.part", "tv/b.part"), net__json=("tv/n.json",))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all that pip knows."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("ATTUNE_PARTS", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    yield Store(tmp_path / "parts")
    left = [path.name for path in (tmp_path / "parts").glob(".*-*")]
    assert left == [], "staging folders are left"


def fill(index: Path) -> None:
    members = {"tv/a.part": WEIGHTS[:5_000], "tv/b.part": WEIGHTS[5_000:], "tv/n.json": b"{}"}
    write_wheel(index, "tiny-voice", {**members, "tv/__init__.py": b"raise SystemExit('run')"})


def test_a_part_is_fetched_once_joined_verified_and_removed(index: Path, store: Store) -> None:
    fill(index)
    wanted = part(CONTENTS, GOOD)
    with pytest.raises(PartError, match=r"not on this machine: `python app.py models get tiny`"):
        store.open(wanted)
    seen: list[tuple[int, int]] = []
    folder = store.get(wanted, lambda done, total: seen.append((done, total)))
    assert (folder / "net.bin").read_bytes() == WEIGHTS
    assert {path.name for path in folder.iterdir()} == {"net.bin", "net.json"}
    assert store.has(wanted) and store.problems(wanted) == [] and store.open(wanted) == folder
    assert seen and all(done <= total for done, total in seen)
    shutil.rmtree(index)
    assert store.get(wanted) == folder, "what is there needs no index"
    assert store.remove(wanted) == len(WEIGHTS) + 2
    assert not store.has(wanted)


def test_a_damaged_part_is_told_and_mended(index: Path, store: Store) -> None:
    fill(index)
    wanted = part(CONTENTS, GOOD)
    weights = store.get(wanted) / "net.bin"
    weights.write_bytes(b"x" + WEIGHTS[1:])
    with pytest.raises(PartError, match=r"net.bin is damaged.*models get tiny"):
        store.open(wanted)
    weights.write_bytes(WEIGHTS[:9])
    assert store.problems(wanted) == [f"{weights} has 9 bytes instead of {len(WEIGHTS)}"]
    assert (store.get(wanted) / "net.bin").read_bytes() == WEIGHTS


def test_each_source_can_be_tried_for_itself(index: Path, store: Store) -> None:
    fill(index)
    gone = package_source("gone-voice", net__bin=("tv/n.bin",), net__json=("tv/n.json",))
    wanted = part(CONTENTS, gone, GOOD)
    store.try_source(wanted, GOOD, lambda _done, _total: None)
    with pytest.raises(PartError, match=r"gone-voice==1.0: the index does not have it"):
        store.try_source(wanted, gone, lambda _done, _total: None)
    assert not store.has(wanted)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"tv/n.bin": WEIGHTS[::-1], "tv/n.json": b"{}"}, "its digest differs"),
        ({"tv/n.bin": WEIGHTS + b"more", "tv/n.json": b"{}"}, "its digest differs"),
        ({"tv/n.bin": WEIGHTS[:-1], "tv/n.json": b"{}"}, "its digest differs"),
        ({"tv/n.json": b"{}"}, "no tv/n.bin in it any more"),
        (None, "the index does not have it"),
    ],
)
def test_what_a_source_does_not_have_comes_from_the_next_one(
    members: dict[str, bytes] | None, why: str, index: Path, store: Store
) -> None:
    wrong = package_source("wrong-voice", net__bin=("tv/n.bin",), net__json=("tv/n.json",))
    if members is not None:
        write_wheel(index, "wrong-voice", members)
    with pytest.raises(PartError, match=rf"could not be fetched \(.*{why}.*ATTUNE_PARTS"):
        store.get(part(CONTENTS, wrong))
    assert not store.has(part(CONTENTS, wrong))
    fill(index)
    assert (store.get(part(CONTENTS, wrong, GOOD)) / "net.bin").read_bytes() == WEIGHTS


def test_a_wheel_that_is_none_is_told(index: Path, store: Store) -> None:
    (index / "tiny_voice-1.0-py3-none-any.whl").write_bytes(b"no zip")
    with pytest.raises(PartError, match=r"tiny could not be fetched \(tiny-voice==1.0"):
        store.get(part(CONTENTS, GOOD))


def test_a_folder_of_the_persons_own_needs_no_index(
    index: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_PARTS", str(tmp_path / "own"))
    wanted = part(CONTENTS, GOOD)
    with pytest.raises(PartError, match=r"own \(ATTUNE_PARTS\) does not hold net.bin, net.json"):
        store.get(wanted)
    (tmp_path / "own" / "tiny").mkdir(parents=True)
    for name, data in CONTENTS.items():
        (tmp_path / "own" / "tiny" / name).write_bytes(data)
    assert (store.get(wanted) / "net.bin").read_bytes() == WEIGHTS


def test_a_hub_that_cannot_be_reached_is_told(index: Path, store: Store) -> None:
    from models.pretrained.catalogue import Source

    hub = Source(9, {"net.bin": ("n.bin",), "net.json": ("n.json",)}, hub="a/b", revision="v1")
    with pytest.raises(PartError, match="a/b at v1: it could not be reached: go online once"):
        store.get(part(CONTENTS, hub))


def test_too_small_a_disk_is_told_before_anything_is_fetched(
    index: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(index)
    free = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr(store_module.shutil, "disk_usage", lambda _path: free)
    with pytest.raises(PartError, match=r"67 MB are needed in .*, where 1 MB are free: make room"):
        store.get(part(CONTENTS, GOOD))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PartError, match=r"tiny cannot be kept in .*make the folder writable"):
        Store(tmp_path / "file" / "parts").get(part(CONTENTS, GOOD))


def test_what_a_killed_fetch_left_is_cleared_away(index: Path, store: Store) -> None:
    fill(index)
    left = store.folder / ".tiny-abc" / "download"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(b"half")
    store.get(part(CONTENTS, GOOD))
    assert not left.exists()


def _get(folder: Path, wanted: Part) -> None:
    Store(folder).get(wanted)


@pytest.mark.slow
def test_two_processes_fetch_it_once(index: Path, store: Store) -> None:
    fill(index)
    spawn = multiprocessing.get_context("spawn")
    wanted = part(CONTENTS, GOOD)
    both = [spawn.Process(target=_get, args=(store.folder, wanted)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert store.problems(wanted) == []
