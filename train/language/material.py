"""Written talks: what a person says, how it sounds, and what a companion answers.

A file holds talks, a blank line between them; lines with `#` in front are comments. `> words` is
what the person says, `sad> words` the same with a feeling in the voice (a label of
`models.emotions`), `< words` the answer:

    sad> They're closing the branch, so I'm out of a job in March.
    < That's hard, and March isn't far off. Did they tell you what happens next?
    - The branch is closing. What's the branch called?

`- words` behind an answer is one that is worse: for the command `prefer`.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.emotions import Emotion, emotion_from_label
from train.loop.run_folder import file_sha256

_LINE = re.compile(r"(\w*)> (.+)|< (.+)|- (.+)")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a person says, and the answer to it."""

    said: str
    emotion: Emotion | None
    """Of the voice; None where it tells nothing, or where the words were typed."""
    reply: str
    worse: str | None = None
    """An answer that is not to be given."""


@dataclass(frozen=True, slots=True)
class WrittenTalk:
    """Exchanges in their order."""

    name: str
    """File and line, for messages."""
    exchanges: tuple[Exchange, ...]


def read_talks(sources: Sequence[Path]) -> list[WrittenTalk]:
    """Returns the talks of all `.txt` files in `sources`, files or folders, in a fixed order.

    Raises:
        ValueError: There are none, or a line is neither person nor answer, or comes out of turn;
            the message names file and line.
    """
    talks = [talk for path in material_files(sources) for talk in _talks(path)]
    if not talks:
        raise ValueError(
            f"{', '.join(map(str, sources))} hold no talks: name folders of .txt files"
        )
    return talks


def material_files(sources: Sequence[Path]) -> list[Path]:
    """Returns the files of `sources`, those of a folder sorted by name.

    Raises:
        ValueError: A source does not exist.
    """
    missing = [str(source) for source in sources if not source.exists()]
    if missing:
        raise ValueError(f"{', '.join(missing)} do not exist: name folders of .txt files")
    return [
        path
        for source in sources
        for path in (sorted(source.rglob("*.txt")) if source.is_dir() else [source])
    ]


def material_digests(sources: Sequence[Path]) -> dict[str, str]:
    """Returns the digest of each file of `sources`, by its place below them."""
    return {
        path.name if path == source else f"{source.name}/{path.relative_to(source)}": digest
        for source in sources
        for path in material_files([source])
        for digest in [file_sha256(path)]
    }


def is_held_out(talk: WrittenTalk, share: float) -> bool:
    """Whether `talk` validates: the same talks whatever else the material holds."""
    digest = hashlib.sha256(talk.exchanges[0].said.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _talks(path: Path) -> Iterator[WrittenTalk]:
    begun, said, exchanges = 0, None, list[Exchange]()
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), ""], start=1):
        where = f"{path}:{number}"
        line = line.strip()
        if line.startswith("#"):
            continue
        if not line:
            if said is not None:
                raise ValueError(f"{where}: the talk ends without an answer")
            if exchanges:
                yield WrittenTalk(f"{path.name}:{begun}", tuple(exchanges))
            exchanges = []
            continue
        found = _LINE.fullmatch(line)
        if found and found[4] and said is None and exchanges:
            if exchanges[-1].worse is not None or found[4] == exchanges[-1].reply:
                raise ValueError(f"{where}: one worse answer, and another than the better one")
            exchanges[-1] = replace(exchanges[-1], worse=found[4])
            continue
        if not found or not (found[2] if said is None else found[3]):
            raise ValueError(f"{where}: expected {'< answer' if said else '> words'}: {line!r}")
        if said is None:
            begun = begun if exchanges else number
            said = (found[2], _emotion(found[1], where))
        else:
            exchanges.append(Exchange(*said, found[3]))
            said = None


def _emotion(label: str, where: str) -> Emotion | None:
    try:
        return emotion_from_label(label) if label else None
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
