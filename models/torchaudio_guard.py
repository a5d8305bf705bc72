"""Lets `transformers` import where torchaudio is installed beside a CPU build of torch."""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

GUARDED = "torchaudio._extension.utils"


class _LenientFinder(MetaPathFinder):
    """Finds one module of torchaudio and lets its loading of shared libraries fail softly.

    The wheels of torchaudio for Linux link CUDA. Without CUDA importing them raises, and with
    them `transformers`, which imports torchaudio wherever it is installed. What needs no compiled
    part works without it, by torchaudio's own path for builds without extension.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Returns the spec of the guarded module, with a loader that mends it; else None."""
        del target
        if fullname != GUARDED:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            _mend_after(spec.loader)
        return spec


def _mend_after(loader: Loader) -> None:
    """Makes `loader` replace the module's library loading once the module has run."""
    execute = loader.exec_module

    def execute_and_mend(module: ModuleType) -> None:
        execute(module)
        load: Callable[[str], Any] = module._load_lib

        def load_or_false(library: str) -> Any:
            try:
                return load(library)
            except OSError:
                return False

        module._load_lib = load_or_false  # pyright: ignore[reportAttributeAccessIssue]

    loader.exec_module = execute_and_mend


def guard_torchaudio() -> None:
    """Installs the guard once; call it before the first import of `transformers`."""
    if not any(isinstance(finder, _LenientFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LenientFinder())
