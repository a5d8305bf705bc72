"""Continuations: local and by a server; resumed without a lost or doubled line; faults go out."""

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import torch

from models.checkpoints.checkpoint import save
from tests.train.tiny import tiny_model, utterances
from train.continuations import writers
from train.continuations.command import cut_torn_line, write_continuations
from train.continuations.filtering import fault
from train.continuations.settings import ContinueSettings
from train.continuations.writers import LocalWriter, ServerWriter, WrittenContinuation
from train.data.manifest import Utterance, read_manifest, write_manifest

torch.set_num_threads(1)


class Scripted:
    """Writes a fixed reply, and fails after some batches."""

    def __init__(self, batches: int = 10_000) -> None:
        self.left = batches
        self.asked: list[str] = []

    def write(self, utterances: Sequence[Utterance]) -> list[WrittenContinuation]:
        if self.left == 0:
            raise RuntimeError("power cut")
        self.left -= 1
        self.asked += [utterance.id for utterance in utterances]
        return [
            WrittenContinuation(f"that is about {u.text}", len(u.id) % 2 == 0) for u in utterances
        ]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    made = [
        u.model_copy(update={"audio": Path(u.audio).name, "continuation": ""})
        for u in utterances(tmp_path, 11)
    ]
    path = tmp_path / "said.jsonl"
    write_manifest(path, made)
    return path


def test_a_killed_run_goes_on_without_a_lost_or_doubled_line(manifest: Path) -> None:
    settings = ContinueSettings(manifest=manifest, batch_size=3)
    first = Scripted(batches=2)
    with pytest.raises(RuntimeError, match="power cut"):
        write_continuations(settings, first)
    (part,) = manifest.parent.glob("*.part-*")
    with part.open("ab") as file:
        file.write(b'{"id": "u9", "audio": "9.wav", "contin')
    second = Scripted()
    out = write_continuations(settings, second)
    assert not set(first.asked) & set(second.asked)
    found = read_manifest(out).utterances
    assert [u.id for u in found] == [f"u{n}" for n in range(11)]
    assert found[10].ended is False
    assert found[3].ended is True
    third = Scripted()
    write_continuations(settings, third)
    assert third.asked == []


def test_parts_of_other_processes_are_not_written_again(manifest: Path) -> None:
    settings = ContinueSettings(manifest=manifest)
    out = write_continuations(settings, Scripted())
    (part,) = manifest.parent.glob("*.part-0-of-1")
    lines = part.read_bytes().splitlines(keepends=True)
    part.unlink()
    (manifest.parent / f"{out.name}.part-0-of-2").write_bytes(b"".join(lines[:5]))
    (manifest.parent / f"{out.name}.part-1-of-2").write_bytes(b"".join(lines[5:9]) + lines[9][:9])
    writer = Scripted()
    write_continuations(settings, writer)
    assert len(writer.asked) == 2
    assert [u.id for u in read_manifest(out).utterances] == [f"u{n}" for n in range(11)]


def test_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b'{"id":"a","audio":"a.wav"}\n{"id":"b","au')
    cut_torn_line(part)
    assert part.read_bytes() == b'{"id":"a","audio":"a.wav"}\n'
    cut_torn_line(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_continuations_of_two_kinds_are_not_mixed(manifest: Path) -> None:
    plain = ContinueSettings(manifest=manifest)
    write_continuations(plain, Scripted())
    told = plain.model_copy(update={"instruction": "", "emotion_in_text": True})
    writer = Scripted()
    with pytest.raises(ValueError, match=r"other values of emotion_in_text, instruction: .*--out"):
        write_continuations(told, writer)
    assert writer.asked == []
    write_continuations(told.model_copy(update={"out": manifest.parent / "told.jsonl"}), writer)
    assert len(writer.asked) == 11


def test_an_utterance_that_changed_is_written_again(manifest: Path) -> None:
    settings = ContinueSettings(manifest=manifest)
    write_continuations(settings, Scripted())
    before = list(read_manifest(manifest).utterances)
    changed = [
        u.model_copy(update={"text": "mended words"} if u.id == "u3" else {"speaker": "new"})
        for u in before
    ]
    write_manifest(manifest, changed)
    writer = Scripted()
    found = {u.id: u for u in read_manifest(write_continuations(settings, writer)).utterances}
    assert writer.asked == ["u3"]
    assert found["u3"].continuation == "that is about mended words"
    assert {u.speaker for u in found.values() if u.id != "u3"} == {"new"}
    again = Scripted()
    write_continuations(settings, again)
    assert again.asked == []


def test_a_broken_line_within_a_part_file_is_named(manifest: Path) -> None:
    settings = ContinueSettings(manifest=manifest)
    write_continuations(settings, Scripted())
    (part,) = manifest.parent.glob("*.part-*")
    part.write_bytes(b"{broken\n" + part.read_bytes())
    with pytest.raises(ValueError, match=r"part-0-of-1:1: broken JSON"):
        write_continuations(settings, Scripted())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I'm sorry, but I cannot do that.", "a refusal"),
        ("As an AI language model, I have no feelings.", "a refusal"),
        ("Yes.", "empty or a single word"),
        ("", "empty or a single word"),
        ("User: what now?", "chat markup"),
        ("I see <|im_end|> yes", "chat markup"),
        ("we go on and on, we go on and on", "repeats itself"),
        ("Words, seven!", "an echo of the words"),
        ("1 2 3 4 5 6 7 8 9 ...", "mostly no letters"),
        ("broken \ufffd text here", "broken characters"),
        ("That sounds hard. What happened then?", ""),
        ("I'm sorry to hear that. How are you now?", ""),
    ],
)
def test_faults(text: str, reason: str) -> None:
    utterance = Utterance(id="a", audio="a.wav", text="words seven", continuation=text)
    assert fault(utterance) == reason


@pytest.mark.parametrize(
    ("said", "written", "reason"),
    [
        ("My dog died today.", "In a coherent style: my dog died today", "an echo of the words"),
        ("My dog died today.", "My dog died today, and I miss him.", ""),
        ("Good night.", "Sleep well, and good night!", ""),
    ],
)
def test_saying_the_words_again_is_an_echo(said: str, written: str, reason: str) -> None:
    assert fault(Utterance(id="a", audio="a.wav", text=said, continuation=written)) == reason


def test_a_writer_that_wrote_nothing_binds_nobody(manifest: Path) -> None:
    wrong = ContinueSettings(manifest=manifest, server_model="misspelt")
    with pytest.raises(RuntimeError, match="power cut"):
        write_continuations(wrong, Scripted(batches=0))
    write_continuations(wrong.model_copy(update={"server_model": "right"}), Scripted())
    with pytest.raises(ValueError, match="other values of server_model"):
        write_continuations(wrong, Scripted())


def test_rejected_continuations_stand_beside_the_manifest(manifest: Path) -> None:
    class Refusing(Scripted):
        def write(self, utterances: Sequence[Utterance]) -> list[WrittenContinuation]:
            refusal = WrittenContinuation("I'm sorry, but I cannot.", True)
            return [
                refusal if u.id == "u4" else w
                for u, w in zip(utterances, super().write(utterances), strict=True)
            ]

    out = write_continuations(ContinueSettings(manifest=manifest), Refusing())
    assert "u4" not in {u.id for u in read_manifest(out).utterances}
    (line,) = out.with_suffix(".rejected.jsonl").read_text().splitlines()
    rejected = json.loads(line)
    assert (rejected["id"], rejected["reason"]) == ("u4", "a refusal")


def test_a_local_llm_writes_the_same_alone_and_in_a_batch(tmp_path: Path) -> None:
    save(tiny_model(tmp_path / "tokenizer").checkpoint(), tmp_path / "model")
    settings = ContinueSettings(llm=str(tmp_path / "model"), longest_tokens=6)
    writer = LocalWriter(settings, "cpu")
    said = utterances(tmp_path / "audio", 4)
    said[1] = said[1].model_copy(update={"text": "a much longer utterance than the others"})
    together = writer.write(said)
    assert together == [writer.write([one])[0] for one in said]
    assert any(not written.ended for written in together)


class Answering(BaseHTTPRequestHandler):
    seen: list[dict[str, object]] = []  # noqa: RUF012
    refusals: list[int] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append({"path": self.path, "key": self.headers["Authorization"], **body})
        if self.refusals:
            status = self.refusals.pop()
            self.send_response(status)
            if status == 200:
                self.send_header("Content-Length", "9999")
            self.end_headers()
            self.wfile.write(b'{"choices"')
            return
        content = f"reply to {body['messages'][-1]['content']}"
        choice = {"message": {"content": content}, "finish_reason": "length"}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"choices": [choice]}).encode())

    def log_message(self, *arguments: object) -> None:
        del arguments


@pytest.fixture
def server() -> Iterator[str]:
    Answering.seen.clear()
    Answering.refusals.clear()
    httpd = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}/v1"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_a_server_writes(server: str, manifest: Path) -> None:
    settings = ContinueSettings(
        manifest=manifest,
        server=server,
        server_model="m",
        key="secret",
        instruction="As {emotion}: ",
    )
    out = write_continuations(settings)
    found = {u.id: u for u in read_manifest(out).utterances}
    assert found["u1"].continuation == "reply to As happy: words 1"
    assert not found["u1"].ended
    assert Answering.seen[0]["path"] == "/v1/chat/completions"
    assert Answering.seen[0]["key"] == "Bearer secret"
    assert Answering.seen[0]["model"] == "m"
    assert "secret" not in settings.model_dump_json() + repr(settings)


def test_a_busy_server_is_asked_again_and_a_refusal_is_not(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "PAUSE_S", 0.0)
    writer = ServerWriter(ContinueSettings(server=server))
    said = utterances(tmp_path, 1)
    Answering.refusals[:] = [503, 429]
    assert writer.write(said)[0].text.startswith("reply to")
    Answering.refusals[:] = [200]
    assert writer.write(said)[0].text.startswith("reply to"), "an answer that is cut short"
    Answering.refusals[:] = [401]
    with pytest.raises(ValueError, match=r"refuses \(status 401\): look at model and key"):
        writer.write(said)
    gone = ServerWriter(ContinueSettings(server="http://127.0.0.1:9/v1"))
    with pytest.raises(ValueError, match="cannot be reached after 4 attempts"):
        gone.write(said)


def test_what_is_missing_is_named(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--manifest"):
        write_continuations(ContinueSettings())
    with pytest.raises(ValueError, match="--llm FOLDER, or --server URL"):
        write_continuations(ContinueSettings(manifest=manifest))
    silent = tmp_path / "silent.jsonl"
    write_manifest(silent, [Utterance(id="a", audio="0.wav")])
    with pytest.raises(ValueError, match="1 dropped: no words"):
        write_continuations(ContinueSettings(manifest=silent, llm="x"))
