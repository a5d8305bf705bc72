"""AvaMERG (avamerg.github.io): spoken empathetic dialogues; `train.json`, `test.json` and audio.

An entry holds `conversation_id` (five digits), `speaker_profile` and `listener_profile` with the
`ID` of each voice, and `turns`. Each turn has the dialogue so far (`dialogue_history`: `index`,
`role`, `utterance`), the listener's `response`, and `chain_of_empathy` with `speaker_emotion`; the
audio of an utterance is `dia{conversation_id}utt{index}_{ID}.wav`. A turn becomes one utterance
with its history and the response as its continuation.

The sample on the challenge's page and public programs that read the training data confirm those
fields and names; others fetch `train.json`, `test.json` and `train_audio.zip` from the hub's
ZhangHanXD/AvaMERG. Where a preparation of the training code has renamed the audio (`dia1utt2.wav`:
numbers without zeros, utterances counted from one), that is understood. The archives themselves
were not seen. Assumed: speaker and listener take turns, so that the parity of a line says whose it
is; the test data have the same fields, else their turns are dropped and counted.
"""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Literal

from train.corpora.files import CorpusFiles
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "happy": "happy",
    "joyful": "happy",
    "excited": "happy",
    "grateful": "happy",
    "content": "happy",
    "proud": "happy",
    "hopeful": "happy",
    "angry": "angry",
    "furious": "angry",
    "annoyed": "angry",
    "sad": "sad",
    "sadness": "sad",
    "lonely": "sad",
    "loneliness": "sad",
    "devastated": "sad",
    "disappointed": "sad",
    "disappointment": "sad",
    "surprised": "surprise",
    "neutral": "neutral",
}
"""Of the emotion words, most of them those of EmpatheticDialogues; others occur, too. An utterance
with another word is kept without an emotion."""

NAME = re.compile(r"dia(\d+)_?utt(\d+)")
DIGITS = 5
"""Of a dialogue's number in the names as they were published."""


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields one utterance for each turn of the listener.

    Raises:
        ValueError: There is no table of dialogues, or one is broken.
    """
    tables = [n for n in files.names(".json") if _split(n)]
    if not tables:
        raise ValueError(f"{files.path} lacks train.json or test.json: it is incomplete")
    for table in tables:
        try:
            content: list[dict[str, Any]] = json.loads(files.text(table))
        except json.JSONDecodeError as error:
            raise ValueError(f"{table} is broken JSON: {error}") from error
        split = _split(table)
        assert split
        audio = _audio(files, split)
        for dialogue in content:
            for turn in dialogue.get("turns", []):
                yield from _turn(dialogue, turn, files, audio, split, drops)


def _turn(
    dialogue: dict[str, Any],
    turn: dict[str, Any],
    files: CorpusFiles,
    audio: dict[tuple[int, int], str],
    split: Literal["train", "dev", "test"],
    drops: Drops,
) -> Iterator[Utterance]:
    identity = str(dialogue["conversation_id"])
    place = f"{split} {identity}:{turn.get('turn_id', '?')}"
    lines: list[dict[str, Any]] = turn.get("dialogue_history", [])
    said = [str(line["utterance"]) for line in lines]
    if len(said) % 2 == 0 or not turn.get("response"):
        drops.add("the turn does not end with the speaker, or has no response", place)
        return
    number = int(re.sub(r"\D", "", identity) or 0)
    places = [int(line.get("index", place)) for place, line in enumerate(lines)]
    names = [audio.get((number, index)) for index in places]
    if names[-1] is None:
        drops.add("the audio file is missing", place)
        return
    native = str(turn.get("chain_of_empathy", {}).get("speaker_emotion", "")).strip().lower()
    earlier = names[:-1:2]
    voice = dialogue.get("speaker_profile", {}).get("ID", f"dialogue-{identity}")
    yield Utterance(
        id=f"{split}-{identity}-{len(said) - 1}",
        audio=files.reference(names[-1]),
        text=said[-1],
        speaker=f"avamerg-{voice}",
        emotion=LABELS.get(native),
        label=native,
        corpus="avamerg",
        split=split,
        history=tuple(zip(said[:-1:2], said[1::2], strict=True)),
        history_audio=tuple(files.reference(name) if name else "" for name in earlier),
        continuation=str(turn["response"]),
    )


def _audio(files: CorpusFiles, split: str) -> dict[tuple[int, int], str]:
    """Names by (dialogue, utterance); of the split's own folder where there is one."""
    names = files.audio()
    own = [name for name in names if split in PurePosixPath(name).parts]
    found: dict[tuple[int, int], str] = {}
    for name in own or names:
        match = NAME.match(PurePosixPath(name).stem)
        if match:
            renamed = len(match[1]) < DIGITS
            found[int(match[1]), int(match[2]) - renamed] = name
    return found


def _split(name: str) -> Literal["train", "dev", "test"] | None:
    stem = PurePosixPath(name).stem.lower()
    splits: tuple[Literal["train", "dev", "test"], ...] = ("train", "dev", "test")
    return next((split for split in splits if stem.startswith(split)), None)
