import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MODULE = "def _load_lib(library):\n    raise OSError(library)\n"


def run(folder: Path, program: str) -> str:
    """What `program` prints where a torchaudio is installed that cannot load its libraries."""
    package = folder / "torchaudio" / "_extension"
    package.mkdir(parents=True)
    (folder / "torchaudio" / "__init__.py").write_text("from . import _extension\n")
    (package / "__init__.py").write_text("from .utils import _load_lib\nfound = _load_lib('x')\n")
    (package / "utils.py").write_text(MODULE)
    environment = {"PYTHONPATH": f"{folder}:{ROOT}", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_a_torchaudio_for_cuda_imports_without_its_libraries(tmp_path):
    program = (
        "import sys\n"
        "from models.torchaudio_guard import guard_torchaudio\n"
        "guard_torchaudio(); guard_torchaudio()\n"
        "import torchaudio\n"
        "print(torchaudio._extension.found)\n"
        "print(sum(type(f).__name__ == '_LenientFinder' for f in sys.meta_path))\n"
    )
    assert run(tmp_path, program).split() == ["False", "1"]


def test_without_the_guard_it_does_not(tmp_path):
    assert "OSError" in run(tmp_path, "import torchaudio")
