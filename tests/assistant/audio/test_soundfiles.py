import errno
import io
import os
import shutil
import socket
import subprocess
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from assistant.audio.soundfiles import AnswerFile, Recording
from assistant.audio.waveform import AudioClip
from assistant.errors import InputError, OutputError
from assistant.output_file import OutputFile


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


@pytest.fixture(params=["with ffmpeg", "without ffmpeg"])
def programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether ffmpeg is there."""
    is_there = request.param == "with ffmpeg"
    if is_there and shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    if not is_there:
        monkeypatch.setenv("PATH", "/nonexistent")
    return is_there


needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")


@pytest.mark.parametrize("name", ["cut.wav", "cut.flac", "cut.ogg", "cut.mp3", "cut.aiff"])
def test_a_truncated_file_gives_what_it_holds_and_says_so(
    tmp_path: Path, name: str, programs: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    noise = 0.1 * np.random.default_rng(0).standard_normal(48_000 * 4)
    soundfile.write(path, noise, 48_000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    waveform, recording = read_all(path)
    assert recording.damage is not None
    assert "breaks off after" in recording.damage or "is damaged" in recording.damage
    assert len(waveform) > 1.3 * 16_000
    assert capfd.readouterr().err == ""


def damaged(path: Path, seconds: float = 6.0) -> np.ndarray:
    """Writes a rising tone with a hole at its half; returns what was written."""
    rising = tone(16_000, seconds)[:, 0] * np.linspace(0.2, 1.0, round(16_000 * seconds))
    soundfile.write(path, rising, 16_000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(1).bytes(400)
    path.write_bytes(data)
    return rising


@pytest.mark.parametrize("name", ["hole.flac", "hole.mp3"])
def test_sound_is_kept_to_the_last_frame_before_the_damage_and_nothing_is_printed(
    tmp_path: Path, name: str, programs: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    written = damaged(path)
    waveform, recording = read_all(path)
    assert len(waveform) > 16_000 * (4.5 if programs else 2.6)
    if name == "hole.flac":
        assert np.allclose(waveform[:40_000], written[:40_000], atol=0.01)
    if programs or name == "hole.flac":
        assert recording.damage is not None
    assert capfd.readouterr().err == ""


def wav(samples: np.ndarray, rate: int = 16_000, subtype: str = "PCM_16") -> bytearray:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype=subtype)
    return bytearray(buffer.getvalue())


def with_sizes(data: bytearray, riff: int, declared: int) -> bytearray:
    place = data.index(b"data") + 4
    data[4:8] = riff.to_bytes(4, "little")
    data[place : place + 4] = declared.to_bytes(4, "little")
    return data


@pytest.mark.parametrize("size", [0, 0x7F000008, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("riff", [0, 8, 36, 0xFFFFFFFF])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "ULAW", "IMA_ADPCM"])
def test_sizes_that_were_never_filled_in_mean_all_that_is_there(
    tmp_path: Path, size: int, riff: int, subtype: str
) -> None:
    path = tmp_path / "stopped.wav"
    path.write_bytes(with_sizes(wav(tone(16_000, 1.0), subtype=subtype), riff, size))
    waveform, recording = read_all(path)
    assert len(waveform) == pytest.approx(16_000, abs=1_100)
    assert recording.duration_s == pytest.approx(1.0, abs=0.1)
    assert recording.damage is None


def rf64(samples: np.ndarray, declared: int) -> bytes:
    plain = wav(samples)
    sizes = (len(plain) + 28).to_bytes(8, "little") + declared.to_bytes(8, "little") + bytes(12)
    head = b"RF64\xff\xff\xff\xffWAVEds64" + (28).to_bytes(4, "little") + sizes
    place = plain.index(b"data") + 4
    return head + bytes(plain[12:place]) + b"\xff\xff\xff\xff" + bytes(plain[place + 4 :])


@pytest.mark.parametrize("declared", [0, 16_000 * 2])
def test_large_file_headers_are_read_with_and_without_their_sizes(
    tmp_path: Path, declared: int
) -> None:
    path = tmp_path / "large.wav"
    path.write_bytes(rf64(tone(16_000, 1.0), declared))
    waveform, recording = read_all(path)
    assert len(waveform) == 16_000
    assert recording.damage is None


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("between", [b"", b"\0" * 7, b"LIST\x04\0\0\0abcd"])
@pytest.mark.parametrize("rates", [(16_000, 16_000), (8_000, 44_100, 16_000)])
def test_several_wav_files_in_one_are_all_read(
    tmp_path: Path, stopped: bool, between: bytes, rates: tuple[int, ...]
) -> None:
    path = tmp_path / "joined.wav"
    files = [wav(tone(rate, 1.0), rate) for rate in rates]
    if stopped:
        files = [with_sizes(data, 0, 0) for data in files]
    path.write_bytes(between.join(bytes(data) for data in files))
    waveform, recording = read_all(path)
    assert len(waveform) == pytest.approx(16_000 * len(rates), abs=40)
    assert recording.duration_s == pytest.approx(len(rates), abs=0.01)
    assert recording.damage is None


@pytest.mark.parametrize("is_padded", [True, False])
def test_chunks_of_odd_size_are_passed_whether_padded_or_not(
    tmp_path: Path, is_padded: bool
) -> None:
    path = tmp_path / "odd.wav"
    plain = bytes(wav(tone(16_000, 0.5)))
    odd = b"note" + (5).to_bytes(4, "little") + b"hello" + b"\0" * is_padded
    path.write_bytes(plain[:12] + odd + plain[12:36] + odd + plain[36:] + odd)
    waveform, recording = read_all(path)
    assert len(waveform) == 8_000
    assert recording.damage is None


def test_a_file_cut_in_the_first_of_two_says_so_and_gives_both(tmp_path: Path) -> None:
    path = tmp_path / "joined.wav"
    first, second = (bytes(wav(tone(16_000, seconds))) for seconds in (9.0, 1.0))
    path.write_bytes(first[:16_044] + second)
    waveform, recording = read_all(path)
    assert len(waveform) == pytest.approx(24_000, abs=20)
    assert "breaks off" in str(recording.damage)


@pytest.mark.parametrize("cut", [0, 3, 12, 20, 40, 44])
def test_a_header_that_is_cut_off_is_refused_in_one_sentence(
    tmp_path: Path, cut: int, programs: bool
) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(bytes(wav(tone(16_000, 1.0)))[:cut])
    with pytest.raises(InputError, match=r"is empty|no samples|not a sound file") as refused:
        Recording(path)
    assert "\n" not in str(refused.value)


ENCODED = {
    "memo.m4a": [],
    "browser.webm": [],
    "video.mp4": ["-f", "lavfi", "-i", "color=c=blue:s=32x32:d=9", "-shortest"],
    "long_video.mkv": ["-f", "lavfi", "-i", "color=c=blue:s=32x32:d=5"],
    "windows.wma": [],
    "voice.opus": [],
    "stream.aac": [],
    "lossless.wv": [],
    "phone.3gp": ["-c:a", "aac"],
    "no_length.mp3": ["-q:a", "4", "-write_xing", "0"],
    "piped.caf": ["PIPE"],
    "piped.flac": ["PIPE"],
    "mp3_inside.wav": ["-c:a", "libmp3lame"],
    "telephone.wav": ["-c:a", "adpcm_ms", "-ar", "8000"],
    "recorder.wav": ["-c:a", "adpcm_ima_wav", "-ar", "8000"],
    "flash.swf": ["-c:a", "libmp3lame", "-ar", "22050"],
    "psion.rso": [],
}


def encoded(folder: Path, name: str, seconds: float = 2.0) -> Path:
    """Returns a file of `tone` that ffmpeg has made."""
    source, made = folder / "source.wav", folder / name
    soundfile.write(source, tone(16_000, seconds), 16_000)
    options = ENCODED[name]
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *options]
    if options == ["PIPE"]:
        command = [*command[:-1], "-f", made.suffix[1:], "-"]
        made.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    else:
        subprocess.run([*command, str(made)], check=True, capture_output=True)
    return made


@needs_ffmpeg
@pytest.mark.parametrize("name", list(ENCODED))
def test_what_libsndfile_cannot_open_is_read_by_ffmpeg(tmp_path: Path, name: str) -> None:
    waveform, recording = read_all(encoded(tmp_path, name))
    assert len(waveform) == pytest.approx(32_000, rel=0.08)
    assert float(np.sqrt(np.mean(waveform**2))) == pytest.approx(0.35, abs=0.05)
    assert recording.damage is None
    if recording.duration_s is not None:
        assert recording.duration_s == pytest.approx(2.0, abs=0.15)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["memo.m4a", "browser.webm", "windows.wma"])
def test_without_ffmpeg_it_is_the_remedy(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encoded(tmp_path, name)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(InputError, match="install ffmpeg"):
        Recording(path)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["browser.webm", "stream.aac", "voice.opus"])
def test_what_ffmpeg_reads_in_part_is_kept_and_the_damage_said(tmp_path: Path, name: str) -> None:
    path = encoded(tmp_path, name, seconds=6.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    waveform, recording = read_all(path)
    assert len(waveform) > 2 * 16_000
    if recording.duration_s is not None:
        assert recording.damage is not None


@needs_ffmpeg
def test_several_mp3_or_ogg_files_in_one_are_read_to_the_end(tmp_path: Path) -> None:
    for name in ("one.mp3", "one.ogg"):
        path = tmp_path / name
        soundfile.write(path, tone(16_000, 2.0), 16_000)
        path.write_bytes(2 * path.read_bytes())
        waveform, _ = read_all(path)
        assert len(waveform) == pytest.approx(64_000, rel=0.05)


def mp3(path: Path, seconds: float, tag_bytes: int | None) -> bytes:
    """Returns an MP3 file, behind a tag of so many bytes where it has one."""
    soundfile.write(path, tone(16_000, seconds), 16_000, format="MP3")
    if tag_bytes is None:
        return path.read_bytes()
    size = bytes(tag_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + size + bytes(tag_bytes) + path.read_bytes()


@pytest.mark.parametrize("tag_bytes", [10, 70_000])
def test_joined_mp3_files_are_whole(tmp_path: Path, programs: bool, tag_bytes: int) -> None:
    path = tmp_path / "joined.mp3"
    tags = [None, tag_bytes, tag_bytes]
    path.write_bytes(b"".join(mp3(tmp_path / "one.mp3", 2.0, tag) for tag in tags))
    waveform, recording = read_all(path)
    assert len(waveform) == pytest.approx(3 * 32_000, rel=0.05)
    assert recording.damage is None


@needs_ffmpeg
def test_a_joined_mp3_file_that_is_damaged_says_so(tmp_path: Path) -> None:
    path = tmp_path / "joined.mp3"
    data = bytearray(b"".join(mp3(tmp_path / "one.mp3", 4.0, tag) for tag in (None, 10)))
    place = len(data) // 4
    data[place : place + 2_000] = bytes(2_000)
    path.write_bytes(data)
    assert read_all(path)[1].damage is not None


@needs_ffmpeg
def test_sound_that_begins_later_than_its_pictures_is_whole(tmp_path: Path) -> None:
    source, made = tmp_path / "source.wav", tmp_path / "late.mkv"
    soundfile.write(source, tone(16_000, 2.0), 16_000)
    pictures = ["-f", "lavfi", "-i", "color=c=blue:s=32x32:d=6"]
    inputs = [*pictures, "-itsoffset", "3", "-i", str(source)]
    command = ["ffmpeg", "-v", "error", *inputs, "-map", "0:v", "-map", "1:a", str(made)]
    subprocess.run(command, check=True)
    waveform, recording = read_all(made)
    assert len(waveform) == pytest.approx(32_000, rel=0.08)
    assert recording.damage is None


@needs_ffmpeg
def test_of_two_sound_tracks_it_is_said_that_the_first_is_heard(tmp_path: Path) -> None:
    paths = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for path, seconds in zip(paths, (2.0, 3.0), strict=True):
        soundfile.write(path, tone(16_000, seconds), 16_000)
    both = tmp_path / "both.mkv"
    command = ["ffmpeg", "-v", "error", "-i", str(paths[0]), "-i", str(paths[1])]
    subprocess.run([*command, "-map", "0", "-map", "1", str(both)], check=True)
    waveform, recording = read_all(both)
    assert len(waveform) == pytest.approx(32_000, rel=0.05)
    assert recording.damage is None
    assert recording.notice is not None and "2 sound tracks" in recording.notice
    assert "-map 0:a:1" in recording.notice
    assert Recording(paths[0]).notice is None


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{uri}\n#EXT-X-ENDLIST\n"),
        ("list.wav", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{uri}\n#EXT-X-ENDLIST\n"),
        ("list.txt", "ffconcat version 1.0\nfile '{uri}'\n"),
    ],
)
@pytest.mark.parametrize("protocol", ["file://{path}", "http://127.0.0.1:{port}/a.aac"])
def test_a_playlist_opens_no_other_file_and_no_address(
    tmp_path: Path, name: str, text: str, protocol: str
) -> None:
    secret = encoded(tmp_path, "stream.aac")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.0)
        uri = protocol.format(path=secret, port=server.getsockname()[1])
        path = tmp_path / name
        path.write_text(text.format(uri=uri))
        with pytest.raises(InputError):
            Recording(path)
        with pytest.raises(BlockingIOError):
            server.accept()


@needs_ffmpeg
@pytest.mark.parametrize("name", ["-i.m4a", "http:/x.m4a", "a:b.m4a", "50%d.m4a", "sp ace'.m4a"])
def test_a_name_is_never_taken_for_an_option_or_an_address(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = encoded(tmp_path, "memo.m4a")
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    made.rename(path)
    waveform, _ = read_all(path)
    assert len(waveform) == pytest.approx(32_000, rel=0.08)


@needs_ffmpeg
def test_a_program_that_says_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encoded(tmp_path, "memo.m4a")
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr("assistant.audio.decoding.ffmpeg.STALLED_S", 0.2)
    with pytest.raises(InputError, match="not a sound file that can be read"):
        Recording(path)


@needs_ffmpeg
def test_the_program_ends_where_the_rest_is_not_wanted(tmp_path: Path) -> None:
    recording = Recording(encoded(tmp_path, "browser.webm", seconds=30.0))
    blocks = recording.blocks()
    next(blocks)
    blocks.close()
    recording.close()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.wav", None, "does not exist"),
        ("empty.wav", b"", "is empty"),
        ("page.wav", b"<html>no sound</html>" * 50, "ffmpeg"),
        ("bytes.raw", b"\x01" * 500, "ffmpeg"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(200), "not a sound file"),
    ],
)
def test_a_file_that_is_no_recording_is_named_with_a_remedy(
    tmp_path: Path, name: str, content: bytes | None, says: str, programs: bool
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        Recording(path)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path / "pipe.wav", Path("/dev/zero")):
        with pytest.raises(InputError, match="pipe or a device"):
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


@pytest.mark.parametrize("below", ["answer.wav", "folder/answer.wav"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match=r"is a file and no folder; choose another place"):
        AnswerFile(tmp_path / "file" / below)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of posix")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied; choose another place"):
        AnswerFile(tmp_path / "answer.wav")


def test_what_does_not_fit_on_the_disk_leaves_a_valid_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes the third clip in part, and again when there is room, the fourth whole."""
    path, room = tmp_path / "answer.wav", [10**9]
    write = OutputFile._write

    def limited(self: OutputFile, data: bytes) -> None:
        write(self, data[: room[0]])
        if len(data) > room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(OutputFile, "_write", limited)
    with AnswerFile(path) as answers:
        answers.write(clip(0.5))
        answers.write(clip(0.5))
        for room[0] in (0, 20, 7_001, 15_999):
            with pytest.raises(OutputError, match="disk is full"):
                answers.write(clip(0.5))
            with wave.open(str(path)) as written:
                assert written.getnframes() == 16_000
            assert path.stat().st_size == 44 + 2 * 16_000
        room[0] = 10**9
        answers.write(clip(0.25))
    samples, _ = soundfile.read(path)
    assert len(samples) == 20_000


def test_sound_behind_a_header_that_was_not_brought_up_to_date_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stopped.wav"
    path.write_bytes(with_sizes(wav(tone(16_000, 3.0)), 36 + 16_000, 16_000))
    waveform, recording = read_all(path)
    assert len(waveform) == 48_000
    assert recording.damage is None


def test_a_little_that_stands_behind_the_sound_is_none(tmp_path: Path) -> None:
    path = tmp_path / "trailing.wav"
    path.write_bytes(bytes(wav(tone(16_000, 1.0))) + np.random.default_rng(3).bytes(5_000))
    waveform, _ = read_all(path)
    assert len(waveform) == 16_000


def test_a_tag_behind_the_sound_is_no_damage(tmp_path: Path, programs: bool) -> None:
    path = tmp_path / "tagged.flac"
    soundfile.write(path, tone(16_000, 1.0), 16_000)
    path.write_bytes(path.read_bytes() + b"TAG".ljust(128, b"\0"))
    waveform, recording = read_all(path)
    assert len(waveform) == 16_000
    assert recording.damage is None


def test_notes_behind_an_empty_recording_are_not_taken_for_sound(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(
        bytes(wav(tone(16_000, 1.0)[:0])) + b"LIST" + bytes([200, 0, 0, 0]) + b"a" * 200
    )
    with pytest.raises(InputError, match="holds no samples"):
        Recording(path)


@pytest.mark.parametrize("rate", [1, 999, 2**31 - 1])
def test_a_rate_that_no_voice_has_is_refused(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "odd.wav"
    data = wav(tone(16_000, 1.0))
    data[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"claims {rate} samples a second"):
        Recording(path)


def test_floats_that_are_whole_numbers_of_16_bits_are_said_to_be_distorted(tmp_path: Path) -> None:
    path = tmp_path / "unscaled.wav"
    soundfile.write(path, 32_768 * tone(16_000, 1.0), 16_000, subtype="FLOAT")
    _, recording = read_all(path)
    assert "lie far beyond 1" in str(recording.damage)


@needs_ffmpeg
def test_a_memo_that_was_never_finished_says_so(tmp_path: Path) -> None:
    path = encoded(tmp_path, "memo.m4a")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="cut off before its recorder had finished it"):
        Recording(path)


def test_a_header_does_not_decide_how_much_memory_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "claims.wav"
    data = wav(tone(16_000, 1.0))
    data[22:24] = (256).to_bytes(2, "little")
    data[24:28] = (9_000_000).to_bytes(4, "little")
    data[32:34] = (512).to_bytes(2, "little")
    path.write_bytes(data)
    tracemalloc.start()
    for _ in Recording(path).blocks():
        pass
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 200_000_000
