"""The command `continue`: an LLM writes what is to be said to each utterance of a manifest.

Each process writes its own part file, line by line. A part file is the record of what is done: a
killed run goes on behind its last whole line, and no line is lost or doubled. Beside the parts
stands who writes and how (`*.by.json`): continuations of two kinds are never mixed.
"""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.weights import write_json
from train.continuations.filtering import without_faults
from train.continuations.settings import ContinueSettings
from train.continuations.writers import LocalWriter, ServerWriter, Writer
from train.data.manifest import Drops, Utterance, parse_line, read_manifest, to_line, write_manifest
from train.loop.processes import held, join_processes
from train.loop.run_folder import full_disk_named

logger = logging.getLogger(__name__)

WRITTEN_BY = {
    "llm",
    "server_model",
    "persona",
    "instruction",
    "emotion_in_text",
    "longest_tokens",
}
"""Settings that a continuation depends on."""
TELL_EVERY_S = 30.0
"""Time between two lines that say how far the writing is."""


def write_continuations(settings: ContinueSettings, writer: Writer | None = None) -> Path:
    """Writes the manifest with continuations; rejected ones stand beside it with their reasons.

    Args:
        settings: Manifest, writer and where to.
        writer: Instead of the one that the settings name.

    Raises:
        ValueError: The settings or the manifest cannot be used, or nothing usable was written.
        CheckpointError: The LLM cannot be used.
    """
    state = join_processes()
    if settings.manifest is None:
        raise ValueError("name the manifest: --manifest FILE.jsonl")
    if bool(settings.llm) == bool(settings.server) and writer is None:
        raise ValueError("name who writes: --llm FOLDER, or --server URL")
    out = settings.out or settings.manifest.with_suffix(".continued.jsonl")
    utterances = _usable(settings, out)
    _check_writer(out, settings)
    state.wait_for_everyone()
    if state.is_main_process:
        write_json(_by(out), settings.model_dump(mode="json", include=WRITTEN_BY))
    mine = utterances[state.process_index :: state.num_processes]
    part = out.with_name(f"{out.name}.part-{state.process_index}-of-{state.num_processes}")
    with held(part):
        cut_torn_line(part)
        done = _done(out, mine)
        unwritten = [utterance for utterance in mine if utterance.id not in done]
        already = len(mine) - len(unwritten)
        logger.info("%d of %d continuations are written already", already, len(mine))
        if unwritten:
            device = "auto" if state.num_processes == 1 else str(state.device)
            chosen = writer or (
                ServerWriter(settings) if settings.server else LocalWriter(settings, device)
            )
            _write_part(part, unwritten, chosen, settings.batch_size)
    state.wait_for_everyone()
    try:
        if state.is_main_process:
            _merge(out, utterances)
    finally:
        state.wait_for_everyone()
    return out


def cut_torn_line(part: Path) -> None:
    """Cuts off the last line of a part file where it is not whole."""
    if not part.exists():
        return
    content = part.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        logger.warning("%s: a line cut short by a kill is written again", part)
        with part.open("r+b") as file:
            file.truncate(len(whole))


def asked_of_writer(manifest: Path) -> dict[str, Any]:
    """Returns the settings that a manifest's continuations were written with; empty if unknown."""
    if not _by(manifest).exists():
        return {}
    return json.loads(_by(manifest).read_text(encoding="utf-8"))


def _by(out: Path) -> Path:
    return out.with_name(f"{out.name}.by.json")


def _check_writer(out: Path, settings: ContinueSettings) -> None:
    """Refuses to go on with what another writer began, or the same one asked otherwise."""
    if not _by(out).exists() or not any(part.stat().st_size for part in _parts(out)):
        return
    begun = asked_of_writer(out)
    asked = settings.model_dump(mode="json", include=WRITTEN_BY)
    changed = sorted(key for key in WRITTEN_BY if begun.get(key) != asked[key])
    if changed:
        raise ValueError(
            f"{out} was begun with other values of {', '.join(changed)}: name another file with "
            f"--out, or remove {out.name}* to write it anew"
        )


def _parts(out: Path) -> list[Path]:
    return sorted(out.parent.glob(f"{out.name}.part-*-of-*"))


def _done(out: Path, utterances: Sequence[Utterance]) -> dict[str, Utterance]:
    """Returns what is written of `utterances`, by id, in any part file.

    An utterance whose words, emotion or history changed in the manifest since is not done.
    """
    wanted = {utterance.id: utterance for utterance in utterances}
    found: dict[str, Utterance] = {}
    for part in _parts(out):
        for line in _whole(part):
            asked = wanted.get(line.id)
            if asked is not None and _question(asked) == _question(line):
                update = {"continuation": line.continuation, "ended": line.ended}
                found[line.id] = asked.model_copy(update=update)
    return found


def _question(utterance: Utterance) -> tuple[Any, ...]:
    return utterance.text, utterance.emotion, utterance.history


def _whole(part: Path) -> list[Utterance]:
    """The complete lines of a part file; another process may be writing its last.

    Raises:
        ValueError: A complete line is broken.
    """
    content = part.read_bytes()
    found: list[Utterance] = []
    lines = content[: content.rfind(b"\n") + 1].split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            found.append(parse_line(line))
        except ValueError as error:
            raise ValueError(f"{part}:{number}: {error}: remove that line to go on") from error
    return found


def _usable(settings: ContinueSettings, out: Path) -> list[Utterance]:
    assert settings.manifest is not None
    manifest = read_manifest(settings.manifest, check_audio=settings.check_audio)
    if manifest.root.resolve() != out.parent.resolve():
        raise ValueError(f"write beside {settings.manifest}: its audio paths are relative to it")
    drops = Drops()
    kept: list[Utterance] = []
    for utterance in manifest.utterances:
        if not utterance.text.strip():
            drops.add("no words", utterance.id)
        elif settings.needs_emotion and utterance.emotion is None:
            drops.add("no emotion", utterance.id)
        else:
            kept.append(utterance)
    for line in drops.lines():
        logger.warning("%s", line)
    if not kept:
        raise ValueError(f"nothing can be continued: {'; '.join(drops.lines())}")
    return kept


def _write_part(
    part: Path, unwritten: Sequence[Utterance], writer: Writer, batch_size: int
) -> None:
    ordered = sorted(unwritten, key=lambda utterance: len(utterance.text))
    with full_disk_named(part), part.open("a", encoding="utf-8") as file:
        started = told = time.perf_counter()
        for number, batch in enumerate(_batches(ordered, batch_size)):
            if time.perf_counter() - told > TELL_EVERY_S:
                told = time.perf_counter()
                _tell(number * batch_size, len(ordered), told - started)
            lines = ""
            for utterance, written in zip(batch, writer.write(batch), strict=True):
                update = {"continuation": written.text, "ended": written.ended}
                lines += to_line(utterance.model_copy(update=update))
            file.write(lines)
            file.flush()


def _tell(written: int, of: int, elapsed_s: float) -> None:
    speed = written / elapsed_s
    logger.info(
        "wrote %d of %d, %.1f a second, about %.0f min left",
        written,
        of,
        speed,
        (of - written) / speed / 60,
    )


def _batches(items: Sequence[Utterance], size: int) -> Iterator[Sequence[Utterance]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _merge(out: Path, utterances: Sequence[Utterance]) -> None:
    """Joins all part files in the manifest's order, without faults; the parts stay for a resume."""
    found = _done(out, utterances)
    ordered = [found[utterance.id] for utterance in utterances if utterance.id in found]
    drops = Drops()
    kept, rejected = without_faults(ordered, drops)
    for line in drops.lines():
        logger.warning("%s", line)
    beside = out.with_suffix(".rejected.jsonl")
    _write_rejected(beside, rejected)
    if not kept:
        raise ValueError(f"no continuation is usable: {'; '.join(drops.lines())}; see {beside}")
    write_manifest(out, kept)
    cut = sum(not utterance.ended for utterance in kept)
    print(f"{len(kept)} continuations in {out} ({cut} cut off), {len(rejected)} rejected")


def _write_rejected(path: Path, rejected: Sequence[tuple[Utterance, str]]) -> None:
    """Writes each rejected utterance with its reason, to be looked at; it is no manifest."""
    lines = [
        json.dumps({"reason": reason} | json.loads(to_line(utterance)), ensure_ascii=False) + "\n"
        for utterance, reason in rejected
    ]
    path.write_text("".join(lines), encoding="utf-8")
