"""What a checkpoint answers for a row's task, one line for each utterance, resumable."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.hub import checkpoint_folder
from models.decoding.sampling import Sampling
from models.features import Waveform
from models.prompts import RECOGNISE_EMOTION
from models.talk import TalkSession
from train.data.audio_files import parse_reference, read_audio, shard_bytes
from train.data.manifest import Drops, Utterance, to_line
from train.evaluation.answers import ask_emotion
from train.loop.run_folder import file_sha256

EXPLAIN = (
    "Say which emotion the speech provided below carries, and what in its words and in its voice, "
    "such as pitch, loudness and pace, shows it.\n\nSpeech: "
)
"""Asked for the row of emotion reasoning."""

PROMPTS = {"emotion": RECOGNISE_EMOTION, "explain": EXPLAIN, "reply": ""}
"""Of each task; a reply is to the speech itself."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model gave for one utterance; what the task does not ask for is empty."""

    text: str = ""
    """The LLM's answer."""
    probabilities: tuple[float, ...] = ()
    """Of the emotion head, calibrated."""
    ended: bool = True
    """False: the answer was cut at its longest length."""


class Answerer(Protocol):
    """A model that answers."""

    digest: str
    """Of its weights."""

    def answer(
        self, task: str, said: Waveform, history: Sequence[tuple[str | Waveform, str]]
    ) -> ModelAnswer:
        """Returns the answer to speech.

        Args:
            task: A key of `PROMPTS`.
            said: (N,) at 16 kHz.
            history: Earlier turns: what was said, heard or read, and what was answered.
        """
        ...


class ModelAnswerer:
    """A BLSP-Emo checkpoint; greedy.

    Raises:
        CheckpointError: It cannot be used.
    """

    def __init__(self, source: str, device: str, longest_tokens: int) -> None:
        self.digest = model_digest(source)
        self._model = BlspEmo.from_pretrained(source, device=device)
        self._longest = longest_tokens

    @torch.inference_mode()
    def answer(
        self, task: str, said: Waveform, history: Sequence[tuple[str | Waveform, str]]
    ) -> ModelAnswer:
        """Returns the answer; see `Answerer`."""
        heard = self._model.hear(said)
        if task == "emotion":
            return ModelAnswer(ask_emotion(self._model, heard), heard.probabilities)
        session = TalkSession(self._model, sampling=Sampling(max_new_tokens=self._longest))
        for earlier, replied in history:
            if isinstance(earlier, str):
                session.read(session.fitting(earlier))
            else:
                session.listen(session.fitting_speech(self._model.hear(earlier)))
            session.replace_reply(replied)
        if PROMPTS[task]:
            session.read(PROMPTS[task])
        session.listen(session.fitting_speech(heard))
        text = "".join(session.reply()).strip()
        return ModelAnswer(text, heard.probabilities, not session.is_cut)


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """One line of a record."""

    id: str
    key: str
    """Of the manifest's line: where it changed, the utterance is answered anew."""
    sound: str
    """Of the sound, as it lies on disk."""
    given: ModelAnswer


def model_digest(source: str) -> str:
    """Returns a short name of a checkpoint's weights, as they lie in its folder."""
    folder = checkpoint_folder(source)
    files = [folder / "config.json", *sorted(folder.glob("*.safetensors"))]
    files += sorted(folder.glob("*.bin"))
    parts = "\n".join(file_sha256(path) for path in files if path.is_file())
    return hashlib.sha256(parts.encode()).hexdigest()[:12]


def sound_digest(reference: str, root: Path) -> str:
    """Returns a digest of the bytes, or of the samples of a segment, that a reference names."""
    import soundfile

    place = parse_reference(reference, root)
    if place.in_shard:
        content = shard_bytes(place)
    elif place.length < 0:
        content = place.path.read_bytes()
    else:
        samples: Any = soundfile.read(place.path, place.length, place.start, dtype="int16")[0]
        content = samples.tobytes()
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def data_digest(pairs: Sequence[tuple[Utterance, RecordedAnswer]]) -> str:
    """Returns a short name of what was answered: sounds, and all that figures compare with."""
    lines = sorted(
        "\t".join(
            (
                *(u.corpus, u.id, answer.sound, u.emotion or "", u.label, *u.votes),
                *(u.text, u.continuation, str(u.history)),
            )
        )
        for u, answer in pairs
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def answer_set(
    answerer: Answerer,
    task: str,
    utterances: Sequence[Utterance],
    root: Path,
    record: Path,
    drops: Drops,
) -> list[tuple[Utterance, RecordedAnswer]]:
    """Returns utterances with their answers; those in `record` are not computed again.

    Args:
        answerer: The model.
        task: A key of `PROMPTS`.
        utterances: Of one corpus.
        root: What their audio references are relative to.
        record: JSONL file that is written line by line.
        drops: Receives what cannot be read.
    """
    known = read_record(record)
    answers: list[tuple[Utterance, RecordedAnswer]] = []
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.open("a", encoding="utf-8") as file:
        for number, utterance in enumerate(utterances, start=1):
            key = hashlib.blake2b(to_line(utterance).encode(), digest_size=8).hexdigest()
            answer = known.get(utterance.id)
            if answer is None or answer.key != key:
                try:
                    answer = _answered(answerer, task, utterance, root, key)
                except (ValueError, OSError) as error:
                    drops.add(f"cannot be answered: {error}", utterance.id)
                    continue
                file.write(json.dumps(asdict(answer), ensure_ascii=False) + "\n")
                file.flush()
                print(f"\r{record.stem}: {number} of {len(utterances)}", end="", flush=True)
            answers.append((utterance, answer))
    print()
    return answers


def _answered(
    answerer: Answerer, task: str, utterance: Utterance, root: Path, key: str
) -> RecordedAnswer:
    said = read_audio(utterance.audio, root)
    history: list[tuple[str | Waveform, str]] = []
    sounds = utterance.history_audio or ("",) * len(utterance.history)
    for (words, replied), sound in zip(utterance.history, sounds, strict=True):
        history.append((read_audio(sound, root) if sound else words, replied))
    given = answerer.answer(task, said, history)
    return RecordedAnswer(utterance.id, key, sound_digest(utterance.audio, root), given)


def read_record(record: Path) -> dict[str, RecordedAnswer]:
    """Returns the answers in a record; a last line that a kill left incomplete is cut off."""
    found: dict[str, RecordedAnswer] = {}
    if not record.exists():
        return found
    content = record.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with record.open("r+b") as file:
            file.truncate(len(whole))
    for line in whole.splitlines():
        told: dict[str, Any] = json.loads(line)
        given = told.pop("given")
        given["probabilities"] = tuple(given["probabilities"])
        found[told["id"]] = RecordedAnswer(**told, given=ModelAnswer(**given))
    return found
