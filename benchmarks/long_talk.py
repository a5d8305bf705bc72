"""Long talks: what the thirtieth answer is like, typed and spoken.

    python -m benchmarks.long_talk [--model NAME] [--talks 2] [--turns 30] [--sheet REPLIES.tsv]
    python -m benchmarks.long_talk --judged ANN.tsv BOB.tsv

Counts for each third of the talks: turns that were answered, answers that are whole sentences,
answers that repeat four words, and empty ones. In the middle of each typed talk stands a message
of 300 words. No count replaces reading: `--sheet` writes the replies, and a judge fills in, in each
row of a copy, 1 where the reply is whole and sensible for a person to be told there, else 0;
`--judged` counts such copies. Needs flite for `spoken`.
"""

import argparse
import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.protocols import Cancel, Dialogue, Persona
from assistant.errors import EngineFailed
from benchmarks.cases.speech import say
from benchmarks.results import table, write_section
from models.checkpoints.embedded import EMBEDDED

VOICES = ("rms", "slt", "awb", "kal")
SAID = (
    "Hello, how are you today?",
    "I failed my driving test.",
    "My dog is ill.",
    "I got a promotion today.",
    "I feel so lonely in this city.",
    "My neighbours are loud every night.",
    "I lost my keys on the train.",
    "We are planning a holiday.",
    "I have an exam tomorrow.",
    "My best friend moved away.",
    "I cooked a great curry.",
    "I do not know how to pay the bills.",
    "My boss shouted at me.",
    "I could not sleep last night.",
    "My sister has a new baby.",
    "It is raining again.",
    "I won some money.",
    "What should I do?",
    "My grandmother used to bake bread with me.",
    "I am so tired.",
    "The airline lost my luggage.",
    "I passed the exam!",
    "My computer is broken.",
    "I am angry with my brother.",
    "She does not want a second date.",
    "I should do more exercise.",
    "My cat is funny.",
    "I am bored.",
    "Thank you for listening.",
    "Good night.",
)
LONG_MESSAGE_WORDS = 300
REPEATED_WORDS = 4
SENSIBLE = "sensible"
"""The column of a sheet that a judge fills in."""


def is_whole(reply: str) -> bool:
    """Whether `reply` begins and ends as sentences do, and none of it is broken off.

    One word alone is none, but it may stand before or after a sentence: "Oh! That must hurt."
    """
    # What follows "..." goes on in the same sentence.
    goes_on_small = re.search(r"(?<![.…])[.?!][\"'”’)]*\s+[a-z]", reply)
    is_framed = re.fullmatch(r"[\"'“‘(]*[A-Z0-9].*[.?!…][\"'”’)]*", reply.strip(), re.S)
    return bool(is_framed and not goes_on_small and len(reply.split()) > 1)


def repeats(reply: str) -> bool:
    """Whether four words come twice."""
    words = re.findall(r"[a-z']+", reply.lower())
    grams = [tuple(words[i : i + REPEATED_WORDS]) for i in range(len(words) - REPEATED_WORDS + 1)]
    return len(grams) != len(set(grams))


def answer(dialogue: Dialogue, text: str, voice: str | None) -> str:
    """Returns the answer to `text`, spoken by `voice` or typed."""
    if voice is None:
        dialogue.read(text)
    else:
        for _ in dialogue.hear(say(text, voice), Cancel()):
            pass
    return "".join(delta.text for delta in dialogue.reply(Cancel())).strip()


def held(
    model: BlspEmoModel, said: Sequence[str], voice: str | None
) -> tuple[list[Counter[str]], list[str]]:
    """Returns the counts of each third of one talk, and the replies."""
    dialogue = model.open(Persona())
    thirds, replies = [Counter[str]() for _ in range(3)], list[str]()
    for number, text in enumerate(said):
        counts = thirds[3 * number // len(said)]
        counts["turns"] += 1
        try:
            reply = answer(dialogue, text, voice)
        except EngineFailed as error:
            print(f"    {number + 1}: {error}")
            replies.append("")
            continue
        counts["answered"] += bool(reply)
        counts["whole"] += is_whole(reply)
        counts["repeats"] += repeats(reply)
        counts["empty"] += not reply
        replies.append(reply)
    return thirds, replies


def talk_of(turns: int, seed: int, *, is_typed: bool) -> list[str]:
    """Returns what is said in a talk; a long message in the middle of a typed one."""
    random = np.random.default_rng(seed)
    said = [
        SAID[int(i)] for _ in range(-(-turns // len(SAID))) for i in random.permutation(len(SAID))
    ]
    if is_typed:
        words = " ".join(said * 10).split()[:LONG_MESSAGE_WORDS]
        said[turns // 2] = " ".join(words)
    return said[:turns]


def judged(sheets: Sequence[Path]) -> str:
    """Returns a table: of each third of the talks, the replies that each judge found sensible.

    Raises:
        ValueError: A row that is not judged.
    """
    rows: list[list[object]] = []
    for path in sheets:
        with path.open(encoding="utf-8", newline="") as file:
            read = list(csv.DictReader(file, delimiter="\t"))
        for way in dict.fromkeys(row["way"] for row in read):
            for third in "123":
                told = [row[SENSIBLE] for row in read if (row["way"], row["third"]) == (way, third)]
                if not set(told) <= {"0", "1"}:
                    raise ValueError(f"{path}: {SENSIBLE} must be 1 or 0 in every row")
                rows.append([path.stem, way, third, f"{told.count('1')} of {len(told)}"])
    return table(("judge", "way", "third", "whole and sensible"), rows)


def main() -> None:
    """Holds the talks and writes the section, or counts what judges said of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--talks", type=int, default=2, help="of each kind")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument(
        "--ways", nargs="+", choices=("typed", "spoken"), default=("typed", "spoken")
    )
    parser.add_argument("--sheet", type=Path, help="write the replies, to be judged")
    parser.add_argument(
        "--judged", type=Path, nargs="+", metavar="SHEET", help="count copies of it"
    )
    parser.add_argument("--write", action="store_true", help="write the section of RESULTS.md")
    options = parser.parse_args()
    if options.judged:
        told = judged(options.judged)
        print(told)
        if options.write:
            paths = " ".join(str(path) for path in options.judged)
            command = f"python -m benchmarks.long_talk --judged {paths}"
            write_section("Long talks, judged", command, told)
        return
    model = BlspEmoModel(options.model)
    rows: list[list[object]] = []
    sheet = [["way", "talk", "third", "turn", "said", "reply", SENSIBLE]]
    for way in options.ways:
        thirds = [Counter[str]() for _ in range(3)]
        for number in range(options.talks):
            said = talk_of(options.turns, number, is_typed=way == "typed")
            voice = None if way == "typed" else VOICES[number % len(VOICES)]
            counted, replies = held(model, said, voice)
            for total, counts in zip(thirds, counted, strict=True):
                total.update(counts)
            for turn, (text, reply) in enumerate(zip(said, replies, strict=True)):
                third = str(3 * turn // len(said) + 1)
                sheet.append([way, str(number + 1), third, str(turn + 1), text, reply, ""])
        for third, counts in enumerate(thirds, start=1):
            kinds = ("turns", "answered", "whole", "repeats", "empty")
            rows.append([way, third, *(counts[kind] for kind in kinds)])
    head = ("way", "third", "turns", "answered", "whole sentences", "four words repeated", "empty")
    print(table(head, rows))
    if options.sheet:
        with options.sheet.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="\t").writerows(sheet)
    if options.write:
        text = (
            f"{options.talks} talks of {options.turns} turns each way, model {options.model}.\n\n"
        )
        write_section(
            "Long talks", "python -m benchmarks.long_talk --write", text + table(head, rows)
        )


if __name__ == "__main__":
    main()
