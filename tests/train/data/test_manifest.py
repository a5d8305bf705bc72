"""Manifests: what is broken is dropped, counted and named; speakers never stand on both sides."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from train.data.audio_files import audio_duration_s, read_audio
from train.data.manifest import (
    Utterance,
    parse_line,
    read_manifest,
    split_by_speaker,
    to_line,
    write_manifest,
)


def tone(seconds: float, rate: int = 16_000) -> np.ndarray:
    times = np.arange(int(seconds * rate)) / rate
    return (0.1 * np.sin(2 * np.pi * 220 * times)).astype(np.float32)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "good.wav", tone(1.0), 16_000)
    soundfile.write(tmp_path / "other rate.flac", tone(2.0, 44_100), 44_100)
    soundfile.write(tmp_path / "long.wav", tone(40.0, 8_000), 8_000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, dtype=np.float32), 16_000)
    (tmp_path / "text.wav").write_text("this is no audio")
    return tmp_path


def test_broken_lines_are_dropped_and_counted_by_reason(clips: Path) -> None:
    lines = [
        b'{"id": "a", "audio": "good.wav", "emotion": "happy", "text": "hello"}',
        b'{"id": "b", "audio": "other rate.flac"}',
        b'{"id": "a", "audio": "good.wav"}',
        b'{"id": "c", "audio": "missing.wav"}',
        b'{"id": "d", "audio": "also missing.wav"}',
        b'{"id": "e", "audio": "long.wav"}',
        b'{"id": "f", "audio": "empty.wav"}',
        b'{"id": "g", "audio": "text.wav"}',
        b'{"id": "h", "audio": "good.wav", "emotion": "bored"}',
        b'{"id": "i", "audio": "good.wav", "speed": 3}',
        b'{"id": "j", "audio": "good.wav"',
        b'["id", "j"]',
        '{"id": "k", "audio": "good.wav", "text": "é"}'.encode("latin-1"),
        b'{"id": "l", "audio": "good.wav", "duration_s": 9.0}',
        b'{"id": "m", "audio": "good.wav:15000:9000"}',
        b'\xef\xbb\xbf{"id": "n", "audio": "good.wav:1600:8000"}',
        b"",
    ]
    path = clips / "manifest.jsonl"
    path.write_bytes(b"\n".join(lines))
    manifest = read_manifest(path)
    assert [u.id for u in manifest.utterances] == ["a", "b", "n"]
    assert [u.duration_s for u in manifest.utterances] == [1.0, 2.0, 0.5]
    counts = manifest.drops.counts
    assert counts["the audio file is missing"] == 2
    assert counts["longer than 30 s"] == 1
    assert counts["not UTF-8: save the manifest as UTF-8"] == 1
    assert counts["broken JSON"] == 1
    assert counts["id stands twice"] == 1
    assert counts["not a JSON object"] == 1
    assert sum(counts.values()) == 13
    said = "\n".join(manifest.drops.lines())
    assert "line 4; line 5" in said
    assert "emotion: unknown emotion 'bored'" in said


def test_a_manifest_without_a_valid_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text("{}\n")
    with pytest.raises(ValueError, match="holds no valid utterance"):
        read_manifest(path)
    with pytest.raises(ValueError, match="train prepare"):
        read_manifest(tmp_path / "nowhere.jsonl")


def test_a_manifest_in_utf_16_is_refused_with_its_remedy(clips: Path) -> None:
    path = clips / "windows.jsonl"
    path.write_bytes('{"id": "a", "audio": "good.wav"}\n'.encode("utf-16"))
    with pytest.raises(ValueError, match=r"windows\.jsonl is UTF-16: iconv -f UTF-16"):
        read_manifest(path)


def test_audio_of_any_rate_and_channels_becomes_mono_16_khz(tmp_path: Path) -> None:
    stereo = np.stack([tone(1.0, 48_000), np.zeros(48_000, np.float32)], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, 48_000)
    waveform = read_audio("stereo.wav", tmp_path)
    assert waveform.dtype == np.float32
    assert len(waveform) == 16_000
    assert np.abs(waveform).max() == pytest.approx(0.05, abs=0.005)


def test_segments_and_shards_give_the_same_samples(clips: Path) -> None:
    whole = read_audio("good.wav", clips)
    np.testing.assert_array_equal(read_audio("good.wav:1600:3200", clips), whole[1600:4800])
    content = (clips / "good.wav").read_bytes()
    with zipfile.ZipFile(clips / "packed.zip", "w", zipfile.ZIP_DEFLATED) as shard:
        shard.writestr("folder/a.wav", content)
    with zipfile.ZipFile(clips / "stored.zip", "w", zipfile.ZIP_STORED) as shard:
        shard.writestr("a.wav", content)
        place = shard.getinfo("a.wav").header_offset + 30 + len("a.wav")
    with tarfile.open(clips / "shard.tar.gz", "w:gz") as shard:
        member = tarfile.TarInfo("x/a.wav")
        member.size = len(content)
        shard.addfile(member, io.BytesIO(content))
    for reference in (
        "packed.zip#folder/a.wav",
        f"stored.zip:{place}:{len(content)}",
        "shard.tar.gz#x/a.wav",
    ):
        np.testing.assert_array_equal(read_audio(reference, clips), whole)
        assert audio_duration_s(reference, clips) == 1.0
    with pytest.raises(ValueError, match=r"no readable 'b\.wav'"):
        read_audio("packed.zip#b.wav", clips)


@given(
    st.builds(
        Utterance,
        id=st.text(min_size=1),
        audio=st.text(min_size=1),
        text=st.text(),
        speaker=st.text(),
        emotion=st.sampled_from([None, "neutral", "surprise"]),
        duration_s=st.floats(0, 30),
        history=st.lists(st.tuples(st.text(), st.text()), max_size=2).map(tuple),
    )
)
def test_lines_round_trip(utterance: Utterance) -> None:
    line = to_line(utterance)
    assert line.count("\n") == 1
    assert parse_line(line.encode()) == utterance


def test_writing_replaces_the_old_file_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    write_manifest(path, [Utterance(id="a", audio="a.wav")])

    def failing():
        yield Utterance(id="b", audio="b.wav")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_manifest(path, failing())
    assert json.loads(path.read_text())["id"] == "a"


def test_validation_speakers_are_not_trained_on() -> None:
    utterances = [
        Utterance(id=f"{s}-{n}", audio="x", speaker=f"s{s}")
        for s in range(10)
        for n in range(s + 1)
    ]
    training, valid = split_by_speaker(utterances, 0.2)
    assert {u.speaker for u in training}.isdisjoint({u.speaker for u in valid})
    assert len(training) + len(valid) == len(utterances)
    assert 0.2 <= len(valid) / len(utterances) <= 0.4
    with pytest.raises(ValueError, match="two or more named speakers"):
        split_by_speaker([Utterance(id="a", audio="x", speaker="one")], 0.2)
