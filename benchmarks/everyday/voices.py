"""The same words in five voices: does the reply tell in which one they were said?

    python -m benchmarks.everyday.voices --sayings FILE --out A/voices.tsv [--examples 0]
    python -m benchmarks.everyday.voices --blind A/voices.tsv B/voices.tsv --out FOLDER
    python -m benchmarks.everyday.voices --judged FOLDER/ann.tsv --key FOLDER/key.tsv

The first answers each line of a file in every voice, greedily, with the words as they are and an
emotion as a head estimates it: `--voices neutral` in that one alone. The second mixes sheets into
`blind.tsv`, in which judges write down, in the column `voice`, which of the five a reply answers
to, and `key.tsv`, which no judge may see. The third counts how often they are right.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.everyday import sheets
from benchmarks.everyday.figures import share
from benchmarks.everyday.holding import AnsweredTurn
from benchmarks.results import table
from models.blsp_emo import BlspEmo, HeardSpeech
from models.checkpoints.embedded import EMBEDDED
from models.decoding.sampling import Sampling
from models.decoding.shared import SharedSteps, Sharing
from models.emotions import EMOTION_LABELS, Emotion, emotion_from_label
from models.talk import TalkSession
from models.words.written import Words
from train.language.rows import sound_of

SHOWN, ASKED = ("number", "said", "reply"), "voice"
KEY_COLUMNS = ("blind", "sheet", "number", "voice")
TOGETHER = 10
"""Replies that are made at the same time, for speed."""
LONGEST = 2048
Row = sheets.Row


def heard_as(model: BlspEmo, said: str, emotion: Emotion, number: int) -> HeardSpeech:
    """Returns `said` as if it was heard in a voice, as surely as a head is, drawn by `number`."""
    generator = np.random.default_rng([number, int(emotion)])
    probabilities = sound_of(emotion, True, generator)
    ids = torch.tensor([model.prompts.content(said)])
    embedded = model.embed_words(ids, torch.tensor([ids.shape[1]]))
    told = torch.tensor([probabilities])
    vectors = model.emotion_vectors
    return HeardSpeech(
        speech_states=(),
        speech_embeddings=model.with_emotion(embedded, told).of(0),
        untold=None if vectors is None else vectors.on_words(embedded, told).of(0),
        emotion_logits=torch.tensor(probabilities).log(),
        probabilities=probabilities,
        abstained=False,
        words=Words(said, 1.0, "decoder"),
    )


@torch.inference_mode()
def answered(
    model: BlspEmo, sayings: Sequence[str], voices: Sequence[Emotion], examples: int | None
) -> Iterator[AnsweredTurn]:
    """Yields the reply to each of `sayings` in each of `voices`."""
    turns = [(n, said, voice) for n, said in enumerate(sayings, 1) for voice in voices]
    sampling = Sampling(max_new_tokens=64, examples=examples)
    for start in range(0, len(turns), TOGETHER):
        group = turns[start : start + TOGETHER]
        sessions = [TalkSession(model, sampling=sampling) for _ in group]
        for session, (number, said, voice) in zip(sessions, group, strict=True):
            session.listen(heard_as(model, said, voice, number))
        texts = _replies(sessions)
        for (number, said, voice), text, session in zip(group, texts, sessions, strict=True):
            way = "written" if session.is_written else voice.label
            yield AnsweredTurn(f"{number}", voice.label, said, said, way, text)
        print(f"\r{group[-1][0]} of {len(sayings)}", end="", flush=True)
    print()


def _replies(sessions: Sequence[TalkSession]) -> list[str]:
    """Returns what each answers; they take turns, so that they share the steps of the LLM."""
    texts = [""] * len(sessions)
    replying = dict(enumerate(session.reply() for session in sessions))
    while replying:
        for place, pieces in list(replying.items()):
            piece = next(pieces, None)
            if piece is None:
                del replying[place]
            else:
                texts[place] += piece
    return [text.strip() for text in texts]


def answer(options: argparse.Namespace) -> None:
    """Answers the sayings and writes their sheet."""
    torch.set_num_threads(options.threads)
    model = BlspEmo.from_pretrained(options.model, device="cpu")
    model.steps = SharedSteps(model.llm, Sharing(TOGETHER, LONGEST))
    lines = options.sayings.read_text(encoding="utf-8").splitlines()
    sayings = [line for line in lines if line.strip()][: options.limit]
    voices = [emotion_from_label(label) for label in options.voices]
    found = list(answered(model, sayings, voices, options.examples))
    sheets.write_answers(options.out, [found])
    different = Counter(turn.said for turn in {(t.said, t.reply): t for t in found}.values())
    print(f"{sum(different.values()) / len(sayings):.1f} different replies to a saying")
    print(f"{sum(turn.sounded == 'written' for turn in found)} of {len(found)} written before")


def blind(options: argparse.Namespace) -> None:
    """Mixes sheets into one in which neither model nor voice can be seen."""
    named = {"/".join(path.parts[-2:]): sheets.read(path) for path in options.blind}
    rows = [(name, row) for name, its in named.items() for row in its]
    random.Random(options.seed).shuffle(rows)
    shown: list[Row] = []
    key: list[Row] = []
    for place, (name, row) in enumerate(rows, start=1):
        number = str(place)
        shown.append({"number": number, "said": row["said"], "reply": row["reply"], ASKED: ""})
        its = {"blind": number, "sheet": name, "number": row["number"], "voice": row["emotion"]}
        key.append(its)
    sheets.write(options.out / "blind.tsv", (*SHOWN, ASKED), shown)
    sheets.write(options.out / "key.tsv", KEY_COLUMNS, key)
    print(f"{len(shown)} rows in {options.out / 'blind.tsv'}; keep key.tsv from the judges")


def counted(judged: Sequence[Row], key: Sequence[Row]) -> list[list[str]]:
    """Returns how often a judge was right: each sheet, then each voice of it.

    Raises:
        ValueError: A row was not judged, or by a word that names no voice.
    """
    guesses = {row["number"]: row.get(ASKED, "").lower() for row in judged}
    unknown = [n for n, guess in guesses.items() if guess not in EMOTION_LABELS]
    if unknown:
        known = ", ".join(EMOTION_LABELS)
        raise ValueError(f"number {unknown[0]}: {ASKED} must be one of {known}")
    rows: list[list[str]] = []
    for name in dict.fromkeys(row["sheet"] for row in key):
        its = [row for row in key if row["sheet"] == name and row["blind"] in guesses]
        rows.append([name, "all", _right(its, guesses)])
        for label in EMOTION_LABELS:
            said = [row for row in its if row["voice"] == label]
            rows.append([name, label, _right(said, guesses)])
    return rows


def _right(key: Sequence[Row], guesses: dict[str, str]) -> str:
    return share(sum(guesses[row["blind"]] == row["voice"] for row in key), len(key))


def count(options: argparse.Namespace) -> None:
    """Counts what each judge said."""
    key = sheets.read(options.key)
    for path in options.judged:
        rows = counted(sheets.read(path), key)
        print(f"{path.stem}\n\n{table(['sheet', 'voice', 'named by the judge'], rows)}\n")


def main() -> None:
    """Runs the one of the three commands that was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=EMBEDDED, help="mini, a folder or a hub id")
    parser.add_argument("--sayings", type=Path, help="file with something said in each line")
    parser.add_argument("--voices", nargs="+", choices=EMOTION_LABELS, default=EMOTION_LABELS)
    parser.add_argument("--examples", type=int, help="0: no written replies, and none shown")
    parser.add_argument("--limit", type=int, help="sayings, from the beginning of the file")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--out", type=Path, help="the sheet; with --blind its folder")
    parser.add_argument("--blind", type=Path, nargs="+", metavar="SHEET", help="mix sheets")
    parser.add_argument("--seed", type=int, default=0, help="of the order of a blind sheet")
    parser.add_argument("--judged", type=Path, nargs="+", metavar="SHEET", help="count sheets")
    parser.add_argument("--key", type=Path, help="of the blind sheet")
    options = parser.parse_args()
    is_made = options.out and (options.blind or options.sayings)
    if not (is_made or (options.judged and options.key)):
        parser.error("give --sayings and --out, --blind and --out, or --judged and --key")
    command = count if options.judged else blind if options.blind else answer
    try:
        command(options)
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
