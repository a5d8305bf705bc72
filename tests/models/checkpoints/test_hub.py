import pytest

from models.checkpoints import embedded, hub
from models.weights import CheckpointError


@pytest.fixture
def snapshots(tmp_path, monkeypatch):
    """A hub that is online; lists the patterns that are asked for."""
    asked: list[list[str]] = []

    def snapshot(name: str, *, allow_patterns: list[str], local_files_only: bool = False) -> str:
        if local_files_only:
            raise FileNotFoundError(name)
        asked.append(allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    return asked


def test_pickles_are_fetched_only_where_there_is_nothing_safer(tmp_path, snapshots):
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert hub.checkpoint_folder("someone/some-model") == tmp_path
    assert all("*.bin" not in patterns for patterns in snapshots)
    (tmp_path / "model.safetensors").unlink()
    hub.checkpoint_folder("someone/some-model")
    assert "*.bin" in snapshots[-1]


def test_no_code_is_fetched(tmp_path, snapshots):
    hub.checkpoint_folder("someone/some-model")
    assert not {"*", "*.py", "*.pkl"} & {pattern for asked in snapshots for pattern in asked}


def test_a_hub_out_of_reach_is_one_sentence(monkeypatch):
    def unreachable(*args, **options):
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(CheckpointError, match="go online once"):
        hub.checkpoint_folder("someone/some-model")


def test_the_embedded_model_has_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    with pytest.raises(CheckpointError, match=r"model is missing .*git checkout models/mini"):
        hub.checkpoint_folder("mini")
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="embedded model is missing"):
        hub.checkpoint_folder("mini")
    (tmp_path / "mini" / "model.safetensors").write_bytes(b"")
    assert hub.checkpoint_folder("mini") == tmp_path / "mini"


def test_a_run_folder_leads_to_its_checkpoint(tmp_path):
    (tmp_path / "last").mkdir()
    assert hub.checkpoint_folder(tmp_path) == tmp_path
    (tmp_path / "last" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"is a run folder: give its checkpoint .*last$"):
        hub.checkpoint_folder(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert hub.checkpoint_folder(tmp_path) == tmp_path
