"""What a study was run with: frozen by hashes at the first participant, noted at every start."""

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from assistant.checks.machine import processor_name
from assistant.engines.parts import parts_of_voice
from assistant.errors import SettingsError
from assistant.study.design.conditions import Condition
from assistant.study.design.study import Study
from assistant.study.design.study_file import STUDY_FILE
from assistant.study.instruments import instrument_path
from assistant.study.keeping.store import (
    StudyFolder,
    append,
    read_lines,
    sha256_of,
    stamped,
    write_private,
)
from models.checkpoints.embedded import folder_of, parts_of_model
from models.pretrained.catalogue import Part

CODE = ("assistant", "models", "ui", "command_line")
ROOT = Path(__file__).parents[3]
WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf", ".onnx")


def frozen(folder: StudyFolder, study: Study) -> dict[str, Any]:
    """Returns the hashes of all that must stay as it is while people take part."""
    asked = study.questionnaires
    names = sorted({*asked.before, *asked.block, *asked.after})
    policies = {study.condition(name).policy_source(folder.path) for name in study.names()}
    files = sorted({Path(policy.partition("#")[0]) for policy in policies if ".toml" in policy})
    prompts = sorted({study.condition(name).prompt for name in study.names()})
    return {
        "study_sha256": sha256_of(folder.path / STUDY_FILE),
        "instruments": {
            name: sha256_of(instrument_path(name, folder.instruments)) for name in names
        },
        "policies": {path.name: sha256_of(path) for path in files},
        # In an order of their own: the order of the conditions would tell the letters' meaning.
        "prompts_sha256": [hashlib.sha256(prompt.encode()).hexdigest() for prompt in prompts],
    }


def make_lock(folder: StudyFolder, study: Study) -> dict[str, Any]:
    """Freezes the study; returns what is frozen. Made once, at the first participant."""
    if folder.lock.exists():
        return read_lock(folder)
    lock = stamped("locked", {**frozen(folder, study), **software(), **weights(study)})
    write_private(folder.lock, json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
    return lock


def read_lock(folder: StudyFolder) -> dict[str, Any]:
    """Returns what is frozen; empty before the first participant.

    Raises:
        SettingsError: The lock is damaged.
    """
    try:
        return cast(dict[str, Any], json.loads(folder.lock.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{folder.lock} is damaged: restore it") from error


def check_lock(folder: StudyFolder, study: Study) -> None:
    """Makes sure that nothing has changed since the first participant.

    Raises:
        SettingsError: Something has; names it and the remedy.
    """
    lock = read_lock(folder)
    if not lock:
        return
    now = frozen(folder, study)
    changed = [STUDY_FILE] if lock["study_sha256"] != now["study_sha256"] else []
    for part in ("instruments", "policies"):
        names = {*lock[part], *now[part]}
        changed += sorted(name for name in names if lock[part].get(name) != now[part].get(name))
    if changed:
        raise SettingsError(
            f"{', '.join(changed)} changed after the first participant ({lock['utc'][:10]}): "
            "restore what it was, or begin another study by `app.py study new FOLDER`"
        )


def note_run(
    folder: StudyFolder, study: Study, *, engines: str, settings: Mapping[str, Any]
) -> None:
    """Notes with what the study goes on: other software or weights show up in the export.

    Args:
        folder: The study.
        study: The study.
        engines: `real`, or `scripted` where no model answers.
        settings: What the command set for all conditions: how turns are taken, how models run.

    Raises:
        SettingsError: They are others than those that people have taken part under.
    """
    check_settings(folder, engines, settings)
    facts = {**software(), **weights(study), "engines": engines, "settings": dict(settings)}
    append(folder.runs, stamped("run", facts))


def check_settings(folder: StudyFolder, engines: str, settings: Mapping[str, Any]) -> None:
    """Makes sure that everybody takes part under the same settings of the command.

    Raises:
        SettingsError: Some are others than at the start before; names them and the remedy.
    """
    before = [run for run in read_lines(folder.runs) if run["engines"] == engines]
    # Before the first participant nothing is locked; and a setting that only one of two versions
    # of Attune has tells of the version, which is noted.
    if not read_lock(folder) or not before or "settings" not in before[-1]:
        return
    was, now = dict(_flat(before[-1]["settings"])), dict(_flat(settings))
    changed = [name for name in was if name in now and was[name] != now[name]]
    if changed:
        told = ", ".join(f"{name} was {was[name]!r}, not {now[name]!r}" for name in changed)
        raise SettingsError(
            f"people have taken part under other settings ({told}): start the study with those "
            "again, or begin another one by `app.py study new FOLDER`"
        )


def _flat(settings: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(cast(Mapping[str, Any], value), f"{at}{name}.")
        else:
            yield f"{at}{name}", value


def software() -> dict[str, Any]:
    """Returns version and hash of this software, and what it runs on."""
    digest = hashlib.sha256()
    for path in sorted(path for top in CODE for path in (ROOT / top).rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return {
        "app_version": _version("attune-voice"),
        "code_sha256": digest.hexdigest(),
        "torch_version": _version("torch"),
        "transformers_version": _version("transformers"),
        "python_version": platform.python_version(),
        "hardware": {
            "system": platform.platform(),
            "processor": processor_name(),
            "cores": os.cpu_count(),
        },
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def weights(study: Study) -> dict[str, dict[str, dict[str, str]]]:
    """Returns the digests of the weights of all models and voices that a condition names."""
    conditions = [study.condition(name).settled() for name in study.names()]
    models = sorted({one.model for one in conditions})
    voices = sorted({one.voice for one in conditions})
    return {
        "models": {model: _digests(model) for model in models},
        "voices": {voice: _files(parts_of_voice(voice)) for voice in voices},
    }


def _digests(model: str) -> dict[str, str]:
    folder = folder_of(model)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    own = {path.name: sha256_of(path) for path in files if path.suffix in WEIGHTS}
    # Of a model on a hub the name stands; its files lie in a cache of the hub's own.
    return own | _files(parts_of_model(model))


def _files(parts: Iterable[Part]) -> dict[str, str]:
    return {f"{part.name}/{file.name}": file.sha256 for part in parts for file in part.files}


def instruments_of(study: Study) -> tuple[str, ...]:
    """Returns the names of all instruments that are asked, each once."""
    asked = study.questionnaires
    return tuple(dict.fromkeys((*asked.before, *asked.block, *asked.after)))


def conditions_of(study: Study) -> dict[str, Condition]:
    """Returns all conditions by name."""
    return {name: study.condition(name) for name in study.names()}
