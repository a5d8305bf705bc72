"""Bytes of clients as sound: G.711 both ways, samples cut anywhere, commits that lose nothing."""

import asyncio
import base64

import numpy as np
import pytest

from assistant.audio.waveform import AudioFrame, Waveform, to_float32
from tests.fakes import ScriptedModel, speech_like
from tests.ui.driving import Client, drive
from tests.ui.serving import pcm, resident
from ui.realtime.devices import SocketMicrophone
from ui.realtime.protocol.formats import Encoding, SoundReader, encoded

MANUAL = {"audio": {"input": {"turn_detection": None}}}
KNOWN_MU_LAW = {
    0x00: -32124,
    0x80: 32124,
    0xFF: 0,
    0x7F: 0,
    0xEF: 132,
    0x01: -31100,
    0xA0: 7932,
    0x9F: 8316,
}
KNOWN_A_LAW = {0x55: -8, 0xD5: 8, 0x2A: -32256, 0xAA: 32256, 0x80: 5504, 0x00: -5504}


def decoded(data: bytes, encoding: Encoding) -> np.ndarray:
    return np.round(SoundReader().read(data, encoding) * 32_768).astype(int)


@pytest.mark.parametrize(
    ("encoding", "known"), [("audio/pcmu", KNOWN_MU_LAW), ("audio/pcma", KNOWN_A_LAW)]
)
def test_g711_is_read_as_the_standard_says(encoding: Encoding, known: dict[int, int]) -> None:
    values = decoded(bytes(range(256)), encoding)
    assert {code: values[code] for code in known} == known
    assert len(set(values.tolist())) == (255 if encoding == "audio/pcmu" else 256)


@pytest.mark.parametrize("encoding", ["audio/pcmu", "audio/pcma"])
def test_g711_is_written_with_the_nearest_byte(encoding: Encoding) -> None:
    values = decoded(bytes(range(256)), encoding)
    codes = base64.b64decode(encoded(to_float32(values.astype(np.int16)), encoding))
    assert (decoded(codes, encoding) == values).all()
    sound = np.arange(-32_768, 32_768).astype(np.int16)
    back = decoded(base64.b64decode(encoded(to_float32(sound), encoding)), encoding)
    nearest = np.abs(sound[:, None].astype(int)[::97] - values[None, :]).min(axis=1)
    assert (np.abs(back - sound)[::97] <= nearest + 1).all()


@pytest.mark.parametrize("rate", [16_000, 24_000])
@pytest.mark.parametrize("first_reported", [0, 3])
def test_what_the_client_played_stays_with_what_it_heard(rate: int, first_reported: int) -> None:
    sound = speech_like((0.0, 1.0), length_s=1.0, rate=rate)

    async def main() -> list[AudioFrame]:
        microphone = SocketMicrophone(512)
        for number, start in enumerate(range(0, len(sound), 700)):
            piece = sound[start : start + 700]
            played = piece if number >= first_reported else None
            await microphone.push(piece, rate, played=played)
        microphone.settle()
        microphone.end()
        return [frame async for frame in microphone.frames()]

    frames = asyncio.run(main())
    reported = [(f.played, f.samples) for f in frames if f.played is not None]
    assert len(reported) > 20
    for played, samples in reported[4:]:
        np.testing.assert_allclose(played, samples, atol=1e-4)


@pytest.mark.parametrize("played", ["!!", 5, pcm(np.zeros(100, dtype=np.float32))])
def test_what_the_client_played_is_as_long_as_what_it_heard(played: object) -> None:
    async def act(client: Client) -> None:
        audio = pcm(np.zeros(480, dtype=np.float32))
        for fits in (audio, "", None):
            await client.send("input_audio_buffer.append", audio=audio, attune_played=fits)
        await client.send("input_audio_buffer.append", audio=audio, attune_played=played)
        (*_, error) = await client.until("error")
        assert error["error"]["param"] == "attune_played"
        assert [event["type"] for event in client.seen].count("error") == 1

    drive(act)


@pytest.mark.parametrize("cut", [1, 2, 3, 481, 1_001])
def test_samples_may_be_cut_anywhere(cut: int) -> None:
    data = np.random.default_rng(0).integers(-32_768, 32_768, 3_000).astype("<i2").tobytes()
    reader = SoundReader()
    pieces = [reader.read(data[at : at + cut], "audio/pcm") for at in range(0, len(data), cut)]
    assert (np.concatenate(pieces) == SoundReader().read(data, "audio/pcm")).all()


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("chunk_ms", [10, 20, 100])
async def test_what_was_sent_is_taken_whole(rate: int, chunk_ms: int) -> None:
    microphone = SocketMicrophone(512)
    microphone.keep_s = 10.0
    size = rate * chunk_ms // 1_000
    for turn in range(2):
        for _ in range(300 // chunk_ms):
            await microphone.push(np.full(size, 0.1 + 0.2 * turn, np.float32), rate)
        taken = microphone.take()
        assert abs(len(taken) - 4_800) <= 1
        # Nothing of one turn stands in the next.
        assert abs(float(np.median(taken[:160])) - (0.1 + 0.2 * turn)) < 0.05
    await microphone.push(np.full(size, 0.9, np.float32), rate)
    microphone.clear()
    await microphone.push(np.zeros(size * 10, np.float32), rate)
    assert float(np.abs(microphone.take()).max()) < 0.01


@pytest.mark.parametrize("sent_ms", [100, 108, 120])
@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_the_shortest_commit_counts_what_was_sent(sent_ms: int, rate: int) -> None:
    sound = speech_like((0.0, 1.0), length_s=1.0, rate=rate)

    async def act(client: Client) -> None:
        await client.update(audio={"input": {"turn_detection": None, "format": {"rate": rate}}})
        await client.send("input_audio_buffer.append", audio=pcm(sound[: rate * 99 // 1_000]))
        await client.send("input_audio_buffer.commit")
        assert "99 ms" in (await client.error())["message"]
        await client.send("input_audio_buffer.clear")
        await client.send("input_audio_buffer.append", audio=pcm(sound[: rate * sent_ms // 1_000]))
        await client.send("input_audio_buffer.commit")
        answer = (await client.until("error", "input_audio_buffer.committed"))[-1]
        assert answer["type"] == "input_audio_buffer.committed", answer

    drive(act)


@pytest.mark.parametrize(
    ("given", "encoding"),
    [
        ({"audio": {k: {"format": {"type": "audio/pcmu"}} for k in ("input", "output")}}, "pcmu"),
        ({"audio": {k: {"format": {"type": "audio/pcma"}} for k in ("input", "output")}}, "pcma"),
        ({f"{k}_audio_format": "g711_ulaw" for k in ("input", "output")}, "pcmu"),
        ({f"{k}_audio_format": "g711_alaw" for k in ("input", "output")}, "pcma"),
    ],
)
def test_a_telephone_talks(given: dict[str, object], encoding: str) -> None:
    kind: Encoding = f"audio/{encoding}"  # pyright: ignore[reportAssignmentType]
    sound: Waveform = speech_like((0.1, 1.1), length_s=1.2, rate=8_000)

    async def act(client: Client) -> None:
        updated = await client.update(**given)
        assert updated["session"]["audio"]["output"]["format"]["type"] == kind
        await client.update(**MANUAL)
        for at in range(0, len(sound), 160):
            audio = encoded(sound[at : at + 160], kind)
            await client.send("input_audio_buffer.append", audio=audio)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        seen = await client.until("response.done", "error")
        pieces = [
            SoundReader().read(base64.b64decode(event["delta"]), kind)
            for event in seen
            if event["type"] == "response.output_audio.delta"
        ]
        answer = np.concatenate(pieces)
        assert len(answer) == pytest.approx(5 * 0.05 * 8_000, rel=0.02)
        assert float(np.abs(answer).max()) > 0.05

    engines = resident()
    drive(act, engines)
    model = engines.models["mini"]
    assert isinstance(model, ScriptedModel)
    (utterance,) = model.dialogues[0].utterances
    assert not isinstance(utterance, str)
    assert len(utterance) / 16_000 == pytest.approx(1.2, abs=0.25)
    assert float(np.abs(utterance).max()) == pytest.approx(float(np.abs(sound).max()), rel=0.5)
