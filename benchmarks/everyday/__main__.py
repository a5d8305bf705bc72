"""Everyday talk with strangers: how a checkpoint answers what it was not taught on.

    python -m benchmarks.everyday --model mini --out FOLDER [--spoken piper:joe --sounds FOLDER]
    python -m benchmarks.everyday --blind A/sayings.tsv B/sayings.tsv --out FOLDER
    python -m benchmarks.everyday --judged FOLDER/ann.tsv FOLDER/bob.tsv --key FOLDER/key.tsv

The first holds the talks of `benchmarks/data/everyday` as the product does, greedily, and writes
a sheet (`*.tsv`) for each set and `figures.md`, what can be told without a judge. The second mixes
sheets into `blind.tsv`, to be judged by `benchmarks/data/everyday/JUDGING.md`, a copy for each
judge, and `key.tsv`, which no judge may see. The third counts: one sheet for each judge.
"""

import argparse
from pathlib import Path

from assistant.assembly import open_speech_model
from assistant.engines.protocols import SpeechModel
from assistant.engines.settings import ModelSettings
from assistant.engines.table import ENGINES, USUAL_MODEL
from assistant.errors import AssistantError
from assistant.settings import EngineSettings
from benchmarks.everyday import judging, sheets
from benchmarks.everyday.figures import figures, training_replies
from benchmarks.everyday.holding import AnsweredTurn, Mouth, Say, hold
from benchmarks.everyday.sets import SETS, SPOKEN_ONLY, TUNING, ScriptedTalk, load_talks
from benchmarks.results import table, write_section
from models.checkpoints.embedded import EMBEDDED

TITLE = "Everyday talk with strangers"
INTERVALS = "In brackets behind a count: per cent and the 95 % interval."


def run(options: argparse.Namespace) -> None:
    """Holds the talks; writes sheets and figures."""
    say = Mouth(options.spoken, options.sounds).say if options.spoken else None
    known = training_replies(options.trained_on) if options.trained_on else None
    settings = EngineSettings(
        model=options.model, engine=options.engine, run=ModelSettings(threads=options.threads)
    )
    model = open_speech_model(settings)
    parts = [INTERVALS]
    for name in options.sets:
        talks = load_talks(name)[: options.limit]
        answered = hold_all(name, model, talks, say, options.unsaid)
        sheets.write_answers(options.out / f"{name}.tsv", answered)
        rows = figures(answered, talks, known)
        parts.append(f"{len(talks)} of `{name}`:\n\n{table(['figure', 'value'], rows)}")
    way = f"spoken by {options.spoken}" if options.spoken else "typed"
    title = f"{TITLE}: {Path(options.model).name}, {options.engine}, {way}"
    body = "\n\n".join(parts)
    (options.out / "figures.md").write_text(f"# {title}\n\n{body}\n", encoding="utf-8")
    print(f"{body}\n\nsheets in {options.out}")
    if options.write:
        write_section(title, command_of(options), body)


def hold_all(
    name: str, model: SpeechModel, talks: list[ScriptedTalk], say: Say | None, unsaid: int | None
) -> list[list[AnsweredTurn]]:
    """Returns the answered turns of each talk, and says now and then how far it is."""
    answered: list[list[AnsweredTurn]] = []
    for number, talk in enumerate(talks, start=1):
        answered.append(hold(model, talk, str(number), say, unsaid=unsaid))
        if number % 25 == 0 or number == len(talks):
            print(f"{name}: {number} of {len(talks)}", flush=True)
    return answered


def command_of(options: argparse.Namespace) -> str:
    """Returns the command of a run, without the folders of this machine."""
    command = f"python -m benchmarks.everyday --model {Path(options.model).name}"
    command += f" --engine {options.engine} --sets {' '.join(options.sets)}"
    command += f" --spoken {options.spoken}" if options.spoken else ""
    command += f" --unsaid {options.unsaid}" if options.unsaid else ""
    command += f" --trained-on {options.trained_on}" if options.trained_on else ""
    return command + " --write"


def blind(options: argparse.Namespace) -> None:
    """Mixes sheets into one blind sheet; writes it and its key."""
    named = {"/".join(path.parts[-2:]): sheets.read(path) for path in options.blind}
    if len(named) < len(options.blind):
        raise ValueError("two sheets have the same folder and name: they could not be told apart")
    shown, key = sheets.mix(named, options.seed)
    sheets.write(options.out / "blind.tsv", (*sheets.SHOWN, *sheets.JUDGED), shown)
    sheets.write(options.out / "key.tsv", sheets.KEY_COLUMNS, key)
    print(f"{len(shown)} rows in {options.out / 'blind.tsv'}; keep key.tsv from the judges")


def count(options: argparse.Namespace) -> None:
    """Counts what the judges said."""
    judges = [sheets.read(path) for path in options.judged]
    if len(judges) > 2:
        raise ValueError(f"{len(judges)} sheets after --judged: one for each of up to two judges")
    key = sheets.read(options.key) if options.key else []
    rows = judging.counted(judges, key)
    body = f"{INTERVALS}\n\n{table(judging.head(len(judges)), rows)}"
    print(body)
    if options.write:
        write_section(f"{TITLE}, judged", "python -m benchmarks.everyday --judged … --write", body)


def parsed() -> argparse.Namespace:
    """Returns the options, after a look at what does not go together."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=EMBEDDED, help="mini, a folder or a hub id")
    parser.add_argument("--engine", choices=ENGINES["speech_model"], default=USUAL_MODEL)
    parser.add_argument(
        "--sets",
        nargs="+",
        choices=(*SETS, TUNING),
        help=f"all that can be held by default, but for {TUNING}",
    )
    parser.add_argument("--limit", type=int, help="talks of each set, from its beginning")
    parser.add_argument("--spoken", metavar="VOICE", help="speak the turns, such as piper:joe")
    parser.add_argument("--sounds", type=Path, help="keep what is spoken here for other models")
    parser.add_argument(
        "--unsaid",
        type=int,
        metavar="WORDS",
        help="begin each answer by all words but so many of the last, as while somebody speaks",
    )
    parser.add_argument("--threads", type=int, help="CPU threads for the model")
    parser.add_argument("--trained-on", type=Path, help="folder of files with lines of '< REPLY'")
    parser.add_argument("--out", type=Path, help="folder of the sheets")
    parser.add_argument("--blind", type=Path, nargs="+", metavar="SHEET", help="mix sheets")
    parser.add_argument("--seed", type=int, default=0, help="of the order of a blind sheet")
    parser.add_argument("--judged", type=Path, nargs="+", metavar="SHEET", help="count sheets")
    parser.add_argument("--key", type=Path, help="count each sheet of a blind one by itself")
    parser.add_argument("--write", action="store_true", help="write the section of RESULTS.md")
    options = parser.parse_args()
    if options.blind and options.judged:
        parser.error("--blind and --judged are two commands")
    if not options.judged and options.out is None:
        parser.error("--out FOLDER is needed: the sheets are written there")
    if options.sets is None:
        options.sets = [name for name in SETS if options.spoken or name != SPOKEN_ONLY]
    elif SPOKEN_ONLY in options.sets and not options.spoken:
        parser.error(f"{SPOKEN_ONLY} needs --spoken VOICE: typed, its emotions are all the same")
    return options


def main() -> None:
    """Runs the one of the three commands that was asked for."""
    options = parsed()
    command = blind if options.blind else count if options.judged else run
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    try:
        command(options)
    except (AssistantError, ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
