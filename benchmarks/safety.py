"""Words that suggest danger to life: how many are noticed, and how many alarms are false.

    ATTUNE_DATA=… python -m benchmarks.safety [--write]

Noticed: questions to counsellors filed under self-harm and suicide (CounselChat). False alarms:
lines of a comedy series (MELD) and of online comments (GoEmotions), where an alarm is taken for a
false one without looking, so that the figure is an upper bound.
"""

import argparse
import csv
import io
import os
import tarfile
from pathlib import Path

from assistant.safety import HelpFinder
from benchmarks.results import table, write_section

MELD = "text-meld/data/MELD/train_sent_emo.csv"
COMMENTS = "text-goemotions/data/original/train.tsv"
COUNSEL = "text-counselchat/data/counselchat-data.csv"
TOPICS = ("suicid", "self-harm")


def read_member(archive: tarfile.TarFile, name: str) -> str:
    """Returns a text file of the archive."""
    file = archive.extractfile(name)
    assert file is not None
    return file.read().decode("utf-8", errors="replace")


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    csv.field_size_limit(10**8)
    parser.add_argument("--show", type=int, default=0, help="alarms to print of each set")
    options = parser.parse_args()
    path = Path(os.environ["ATTUNE_DATA"]) / "text" / "dialogue.tar.xz"
    with tarfile.open(path, "r:xz") as archive:
        texts = {name: read_member(archive, name) for name in (MELD, COMMENTS, COUNSEL)}
    counsel = list(csv.DictReader(io.StringIO(texts[COUNSEL])))
    questions = {
        f"{item.get('questionTitle', '')} {item.get('questionText', '')}"
        for item in counsel
        if any(topic in str(item.get("topics", item.get("topic", ""))).lower() for topic in TOPICS)
    }
    sets = {
        "noticed: counselling questions on suicide and self-harm": sorted(questions),
        "false alarms: MELD": [
            row["Utterance"] for row in csv.DictReader(io.StringIO(texts[MELD]))
        ],
        "false alarms: GoEmotions": [
            line.split("\t")[0] for line in texts[COMMENTS].splitlines() if line
        ],
    }
    finder = HelpFinder()
    rows: list[list[str]] = []
    for name, lines in sets.items():
        alarms = [line for line in lines if finder.find(line) is not None]
        rate = 1_000 * len(alarms) / max(1, len(lines))
        rows.append([name, str(len(lines)), str(len(alarms)), f"{rate:.1f}"])
        shown = alarms if name.startswith("false") else [x for x in lines if not finder.find(x)]
        for line in shown[: options.show]:
            print(f"  {name[:13]}: {line[:160]!r}")
    text = table(["set", "texts", "alarms", "per 1,000"], rows)
    print(text)
    if options.write:
        write_section("Danger to life in words", "python -m benchmarks.safety", text)


if __name__ == "__main__":
    main()
