"""The layers of the house style, read off the imports."""

import ast
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from assistant.engines.table import ENGINES, EnginePart

ROOT = Path(__file__).parent.parent
PACKAGES = ("command_line", "models", "train", "assistant", "ui")
LAYERS = {
    "command_line": (),
    "models": (),
    "train": ("models", "command_line", "assistant.engines", "assistant.audio"),
    "assistant": (),
    "ui": ("assistant", "command_line"),
    "app": ("ui", "assistant", "command_line"),
}
"""What each package may import of the others; for `models` see below."""
HEARING: tuple[EnginePart, ...] = ("speech_model", "turn_judge")
SPEECH_MODELS = {
    f"assistant.engines.{engine.module}" for part in HEARING for engine in ENGINES[part].values()
}
"""The modules of `assistant` that import all of `models`."""
LIGHT = {
    "models.config",
    "models.emotions",
    "models.torchaudio_guard",
    "models.checkpoints.embedded",
    "models.pretrained.catalogue",
    "models.pretrained.store",
}
"""Modules of `models` that import the standard library only: everybody may use them."""
STANDARD_ONLY = (
    "models/config.py",
    "models/emotions.py",
    "models/torchaudio_guard.py",
    "models/checkpoints/embedded.py",
    "models/pretrained/catalogue.py",
)
FLOORS = {
    "models": (
        "emotions freed_memory",
        "weights int8 torchaudio_guard",
        "config kv_cache",
        "masks",
        "features",
        "speech_encoder partial_lora tokenizer",
        "llm speech_decoder prompts precision",
        "decoding",
        "generation",
        "pretrained",
        "checkpoints",
        "adapters",
        "emotion turn_ear",
        "words examples replies",
        "listening",
        "blsp_emo",
        "dialogue_text transcription",
        "talk",
    ),
    "train": (
        "settings metrics llm_updates",
        "loop data",
        "corpora",
        "continuations",
        "alignment",
        "language",
        "synthetic",
        "evaluation",
        "emotion turn_ends rows",
        "audio_context slim",
        "commands",
        "recipe",
        "__main__",
    ),
    "assistant": (
        "errors configuration danger carried page_colours",
        "worker background output_file remembered text_file csv_text",
        "clock audio",
        "voice",
        "engines",
        "engines.voices engines.chat_server",
        "events empathy",
        "safety history event_lines",
        "turns",
        "conversation",
        "conversation.live",
        "settings",
        "assembly",
        "session",
        "records",
        "files checks",
        "study",
    ),
    "ui": (
        "shown page_colours",
        "view",
        "view_json",
        "saved_talk",
        "parts",
        "memory voices terminal",
        "realtime.protocol",
        "realtime.hosting",
        "realtime",
        "records",
        "web",
        "study report",
    ),
}
"""Folders, and modules beside them, from the ground up: each imports of its own package only what
stands on a lower floor. A folder that is not named belongs to the one that it lies in."""
MOST_SIBLINGS = 21
ALIKE = ("train/corpora", "benchmarks/cases")
"""Folders of modules that are alike by nature, one reader or one case each, in any number."""
FORBIDDEN_NAMES = {"utils", "common", "helpers"}
HEAVY = {"torch", "transformers", "accelerate", "matplotlib", "onnxruntime", "ray"}


def sources() -> list[Path]:
    found = [ROOT / "app.py"]
    for package in PACKAGES:
        found += sorted((ROOT / package).rglob("*.py"))
    return found


def module_of(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sources()}


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Yields the modules that `path` imports, those for type checkers too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            name = node.module or ""
            for alias in node.names:
                full = f"{name}.{alias.name}"
                yield full if full in MODULES else name


def own_imports(module: str) -> set[str]:
    """Returns the modules of this repository that `module` imports."""
    found = {name for name in imports(MODULES[module]) if name.split(".")[0] in LAYERS}
    return found - {module}


def is_in(module: str, folders: Iterable[str]) -> bool:
    return any(module == folder or module.startswith(f"{folder}.") for folder in folders)


def allowed(importer: str, imported: str) -> bool:
    """Whether the layers let `importer` use `imported`, both of this repository."""
    here, there = importer.split(".")[0], imported.split(".")[0]
    if here == there or (imported in LIGHT and here != "command_line"):
        return True
    if importer in SPEECH_MODELS and there == "models":
        return True
    return is_in(imported, LAYERS[here])


def floor_of(module: str) -> tuple[int, str]:
    """Returns the floor on which `module` stands and the name that the floor lists it under."""
    package, *inside = module.split(".")
    floors = {
        name: number for number, names in enumerate(FLOORS[package]) for name in names.split()
    }
    for length in range(len(inside), 0, -1):
        if (name := ".".join(inside[:length])) in floors:
            return floors[name], name
    raise AssertionError(f"{module} stands on no floor: give it one in {Path(__file__).name}")


@pytest.mark.parametrize("module", MODULES)
def test_imports_keep_to_the_layers(module: str) -> None:
    for imported in own_imports(module):
        assert allowed(module, imported), f"{module} imports {imported}"


@pytest.mark.parametrize("module", [m for m in MODULES if "." in m and m.split(".")[0] in FLOORS])
def test_no_folder_imports_one_above_it(module: str) -> None:
    if MODULES[module].name == "__init__.py":
        return
    floor, place = floor_of(module)
    for imported in own_imports(module):
        if imported.split(".")[0] == module.split(".")[0] and "." in imported:
            under, other = floor_of(imported)
            assert other == place or under < floor, f"{module} imports {imported}, which is above"


def test_no_imports_run_in_a_circle() -> None:
    graph = {module: own_imports(module) & set(MODULES) for module in MODULES}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " imports ".join((*way, module))
        if module not in done:
            for imported in sorted(graph[module]):
                visit(imported, (*way, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("package", [*PACKAGES, "benchmarks", "tests"])
def test_no_folder_is_crowded(package: str) -> None:
    for folder in (ROOT / package, *(p for p in (ROOT / package).rglob("*") if p.is_dir())):
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        if str(folder.relative_to(ROOT)) not in ALIKE:
            assert len(modules) <= MOST_SIBLINGS, f"{folder}: {len(modules)} modules side by side"


@pytest.mark.parametrize("pages", ["ui/static", "ui/study/static"])
def test_no_folder_of_a_page_is_crowded(pages: str) -> None:
    for folder, _, files in os.walk(ROOT / pages):
        assert len(files) <= MOST_SIBLINGS, f"{folder}: {len(files)} files side by side"


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_hold_a_docstring_and_nothing_else(package: str) -> None:
    for path in (ROOT / package).rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert len(body) == 1 and isinstance(body[0], ast.Expr), path


def test_no_module_has_a_name_that_promises_nothing() -> None:
    assert not {m for m in MODULES if m.rsplit(".", 1)[-1] in FORBIDDEN_NAMES}


@pytest.mark.parametrize("name", STANDARD_ONLY)
def test_light_modules_import_the_standard_library_only(name: str) -> None:
    for imported in imports(ROOT / name):
        root = imported.split(".")[0]
        assert root in sys.stdlib_module_names or imported in LIGHT, f"{name} imports {imported}"


@pytest.mark.parametrize("package", ["assistant", "ui"])
def test_heavy_libraries_load_when_they_are_used(package: str) -> None:
    for module, path in MODULES.items():
        if module.split(".")[0] == package and not module.startswith("assistant.engines."):
            top = {i.split(".")[0] for i in imports(path, top_level_only=True)}
            assert not top & HEAVY, f"{module} imports {top & HEAVY} at once"
