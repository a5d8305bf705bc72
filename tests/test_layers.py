"""The layers of the house style, read off the imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("models", "train", "assistant", "ui")
SPEECH_MODELS = {
    "assistant.engines.blsp_emo",
    "assistant.engines.cascade",
    "assistant.engines.turn_ear",
}
LIGHT = {
    "models.config",
    "models.checkpoints.embedded",
    "models.emotions",
    "models.torchaudio_guard",
    "models.pretrained.catalogue",
    "models.pretrained.store",
}
"""Modules of `models` that import the standard library only: everybody may use them."""
FORBIDDEN_NAMES = {"utils", "common", "helpers"}
HEAVY = {"torch", "transformers", "gradio", "accelerate", "matplotlib", "onnxruntime", "ray"}
STANDARD_ONLY = (
    "models/config.py",
    "models/checkpoints/embedded.py",
    "models/emotions.py",
    "models/torchaudio_guard.py",
    "models/pretrained/catalogue.py",
)


def sources() -> list[Path]:
    found = [ROOT / "app.py"] if (ROOT / "app.py").exists() else []
    for package in PACKAGES:
        found += sorted((ROOT / package).rglob("*.py"))
    return found


def module_of(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sources()}


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Yields the modules that `path` imports; those for type checkers only are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else _running(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            name = node.module or ""
            for alias in node.names:
                full = f"{name}.{alias.name}"
                yield full if full in MODULES else name


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _running(node)


def allowed(importer: str, imported: str) -> bool:
    """Whether the layers let `importer` use `imported`, both of this repository."""
    here, there = importer.split(".")[0], imported.split(".")[0]
    if here == there or imported in LIGHT:
        return True
    if here == "app":
        return there in {"ui", "assistant"}
    if here == "ui":
        return there == "assistant"
    if here == "assistant":
        return importer in SPEECH_MODELS and there == "models"
    if here == "train":
        return there == "models" or imported.startswith(
            ("assistant.engines", "assistant.audio.waveform")
        )
    return False


@pytest.mark.parametrize("module", MODULES)
def test_imports_keep_to_the_layers(module):
    for imported in imports(MODULES[module]):
        if imported.split(".")[0] in (*PACKAGES, "app"):
            assert allowed(module, imported), f"{module} imports {imported}"


def test_no_imports_run_in_a_circle():
    graph = {
        module: {i for i in imports(path) if i in MODULES and i != module}
        for module, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " imports ".join((*way, module))
        if module not in done:
            for imported in sorted(graph[module]):
                visit(imported, (*way, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_hold_a_docstring_and_nothing_else(package):
    for path in (ROOT / package).rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert len(body) == 1 and isinstance(body[0], ast.Expr), path


def test_no_module_has_a_name_that_promises_nothing():
    assert not {m for m in MODULES if m.rsplit(".", 1)[-1] in FORBIDDEN_NAMES}


@pytest.mark.parametrize("name", STANDARD_ONLY)
def test_light_modules_import_the_standard_library_only(name):
    import sys

    for imported in imports(ROOT / name):
        root = imported.split(".")[0]
        assert root in sys.stdlib_module_names or imported in LIGHT, f"{name} imports {imported}"


@pytest.mark.parametrize("package", ["assistant", "ui"])
def test_heavy_libraries_load_when_they_are_used(package):
    for module, path in MODULES.items():
        if module.split(".")[0] == package and not module.startswith("assistant.engines."):
            top = {i.split(".")[0] for i in imports(path, top_level_only=True)}
            assert not top & HEAVY, f"{module} imports {top & HEAVY} at once"
