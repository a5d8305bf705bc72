import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from assistant.audio import AudioClip
from assistant.errors import InputError, OutputError
from assistant.soundfiles import AnswerFile, Recording


def tone(rate: int, seconds: float, channels: int = 1) -> np.ndarray:
    time = np.arange(round(rate * seconds)) / rate
    return np.repeat(0.5 * np.sin(2 * np.pi * 440.0 * time)[:, None], channels, axis=1)


def read_all(path: Path) -> tuple[np.ndarray, Recording]:
    recording = Recording(path)
    return np.concatenate(list(recording.blocks())), recording


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channels_become_the_same_tone(
    tmp_path: Path, rate: int, channels: int
) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate, 1.7, channels), rate)
    waveform, recording = read_all(path)
    assert recording.damage is None
    assert waveform.dtype == np.float32
    assert len(waveform) == pytest.approx(1.7 * 16_000, abs=2)
    spectrum = np.abs(np.fft.rfft(waveform[1_000:-1_000] * np.hanning(len(waveform) - 2_000)))
    loudest_hz = spectrum.argmax() * 16_000 / (len(waveform) - 2_000)
    assert loudest_hz == pytest.approx(440.0, abs=2.0)
    assert float(np.abs(waveform).max()) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_U8"),
        ("a.wav", "PCM_24"),
        ("a.wav", "FLOAT"),
        ("a.wav", "DOUBLE"),
        ("a.wav", "ULAW"),
        ("a.flac", "PCM_16"),
        ("a.ogg", "VORBIS"),
        ("a.ogg", "OPUS"),
        ("a.mp3", "MPEG_LAYER_III"),
        ("a.aiff", "PCM_16"),
    ],
)
def test_any_format_and_depth(tmp_path: Path, name: str, subtype: str) -> None:
    path = tmp_path / name
    soundfile.write(path, tone(48_000, 2.0, 2), 48_000, subtype=subtype)
    waveform, recording = read_all(path)
    assert recording.damage is None
    assert len(waveform) == pytest.approx(32_000, rel=0.05)
    assert float(np.sqrt(np.mean(waveform**2))) == pytest.approx(0.35, abs=0.05)


def test_values_that_are_no_numbers_or_too_loud_do_not_spread(tmp_path: Path) -> None:
    path = tmp_path / "wild.wav"
    samples = tone(16_000, 1.0)
    samples[100], samples[200], samples[300:400] = np.nan, np.inf, 50.0
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    waveform, _ = read_all(path)
    assert np.isfinite(waveform).all()
    assert np.abs(waveform).max() <= 1.0


def test_blocks_are_short_however_long_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, tone(8_000, 90.0), 8_000)
    sizes = [len(block) for block in Recording(path).blocks()]
    assert max(sizes) <= 2 * 16_000
    assert sum(sizes) == pytest.approx(90 * 16_000, abs=2)


@pytest.mark.parametrize("name", ["cut.wav", "cut.flac", "cut.ogg", "cut.mp3"])
def test_a_truncated_file_gives_what_it_holds_and_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = 0.1 * np.random.default_rng(0).standard_normal(48_000 * 4)
    soundfile.write(path, noise, 48_000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    waveform, recording = read_all(path)
    assert recording.damage is not None
    assert "breaks off" in recording.damage
    assert len(waveform) > (16_000 if name != "cut.flac" else 0)


def test_a_stream_with_an_open_end_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "piped.wav"
    soundfile.write(path, tone(16_000, 1.0), 16_000)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    waveform, recording = read_all(path)
    assert len(waveform) == 16_000
    assert recording.damage is None


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.wav", None, "does not exist"),
        ("empty.wav", b"", "is empty"),
        ("page.wav", b"<html>no sound</html>" * 50, "ffmpeg"),
        ("bytes.raw", b"\x01" * 500, "ffmpeg"),
    ],
)
def test_a_file_that_is_no_recording_is_named_with_a_remedy(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        Recording(path)


def test_a_header_without_samples_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.wav"
    soundfile.write(path, np.zeros(0), 16_000)
    with pytest.raises(InputError, match="no samples"):
        Recording(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        Recording(tmp_path)


def clip(seconds: float, rate: int = 16_000) -> AudioClip:
    return AudioClip(tone(rate, seconds)[:, 0].astype(np.float32), rate)


def test_the_answer_is_a_valid_file_after_every_clip(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "answer.wav"
    with AnswerFile(path) as answers:
        for count in range(1, 4):
            answers.write(clip(0.5))
            with wave.open(str(path)) as written:
                assert written.getnframes() == count * 8_000
                assert written.getframerate() == 16_000
        answers.pause(0.25)
        answers.write(clip(0.5, rate=48_000))
        assert answers.duration_s == pytest.approx(2.25, abs=0.001)
    samples, rate = soundfile.read(path)
    assert rate == 16_000
    assert len(samples) == pytest.approx(36_000, abs=2)
    assert np.abs(samples[24_000:27_900]).max() == 0.0


def test_an_answer_without_a_word_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "answer.wav"
    with AnswerFile(path) as answers:
        answers.pause(1.0)
    assert not path.exists()


def test_a_full_disk_is_said_in_one_sentence() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with AnswerFile(Path("/dev/full")) as answers, pytest.raises(OutputError, match="disk is full"):
        answers.write(clip(0.5))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="could not be written"):
        AnswerFile(tmp_path / "file" / "answer.wav")
