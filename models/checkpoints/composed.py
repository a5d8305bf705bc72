"""Checkpoints that hold only what was trained: the rest comes from parts of the catalogue.

A parameter is read from the checkpoint's own weights where they hold it, else from the part; plus,
in either case, a change of low rank where the checkpoint holds one (`NAME.down` (R, in) and
`NAME.up` (out, R)): what was trained once more is added without writing all of it again. Halves may
be in 8 bits, with a scale for each of the R directions (`NAME.down.scale`, `NAME.up.scale`).
"""

from collections.abc import Collection
from pathlib import Path

import torch
from torch import Tensor

from models.checkpoints.hub import checkpoint_folder
from models.config import PartsConfig
from models.int8 import SCALE, Int8Rows, StoredInt8
from models.weights import CheckpointError, WeightFiles

DOWN, UP = ".down", ".up"


def part_folders(parts: PartsConfig) -> dict[str, Path]:
    """Returns the folders of a checkpoint's parts by their role, `speech` and `llm`.

    Raises:
        CheckpointError: A part cannot be had; the message names the remedy.
    """
    named = {"speech": parts.speech, "llm": parts.llm}
    return {role: checkpoint_folder(name) for role, name in named.items() if name}


def names_in_part(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Returns the role of the part that our parameter `name` may come from, and its names there.

    None where no pretrained part can have it, as with adapters and heads.
    """
    part, _, rest = name.partition(".")
    rest = rest.removeprefix("whisper.").removeprefix("causal.").replace(".base.", ".")
    if rest.endswith((".lora_a", ".lora_b")):
        return None
    if part == "llm":
        return "llm", (rest, rest.removeprefix("model."))
    if part == "emotion_vectors":  # of an LLM that the language stage taught
        return "llm", (name,)
    if part in ("speech_encoder", "decoder"):
        stack = "encoder" if part == "speech_encoder" else "decoder"
        return "speech", (f"model.{stack}.{rest}", f"{stack}.{rest}")
    return None


class PartWeights:
    """The parameters of pretrained parts by our names for them."""

    def __init__(self, folders: dict[str, Path]) -> None:
        """Reads the tables of contents.

        Raises:
            CheckpointError: A folder holds no weights.
        """
        self._files = {role: WeightFiles(folder) for role, folder in folders.items()}
        self._known = {role: set(files.names()) for role, files in self._files.items()}

    def find(self, name: str) -> Tensor | None:
        """Returns the weights of our parameter `name`; None where no part has them."""
        stored = self.stored(name)
        if stored is not None:
            return stored.rows.weight()
        place = self._place(name)
        return None if place is None else self._files[place[0]].read(place[1])

    def stored(self, name: str) -> StoredInt8 | None:
        """Returns our parameter `name` as a part stores it in 8 bits; None where none does."""
        place = self._place(name)
        if place is None or not self.is_stored(name):
            return None
        files, theirs = self._files[place[0]], place[1]
        return StoredInt8(Int8Rows(files.read(theirs), files.read(f"{theirs}{SCALE}")), None)

    def is_stored(self, name: str) -> bool:
        """Whether a part stores our parameter `name` in 8 bits."""
        place = self._place(name)
        return place is not None and f"{place[1]}{SCALE}" in self._known[place[0]]

    @property
    def holds_int8(self) -> bool:
        """Whether a part stores weights in 8 bits."""
        return any(name.endswith(SCALE) for known in self._known.values() for name in known)

    def _place(self, name: str) -> tuple[str, str] | None:
        """Returns the role of the part that has our parameter `name`, and its name there."""
        role, names = names_in_part(name) or ("", ())
        theirs = next((one for one in names if one in self._known.get(role, ())), None)
        return None if theirs is None else (role, theirs)


class ComposedWeights:
    """Reads parameters from a checkpoint's own weights and from its parts."""

    def __init__(
        self, files: WeightFiles, parts: PartWeights, *, of: tuple[str, ...] = ("",)
    ) -> None:
        """Reads from `files` and `parts`, of the parameters whose names begin with one of `of`."""
        self._files, self._parts = files, parts
        self._own = set(files.names())
        self._unwanted = {name for name in self._own if not name.startswith(of)}

    @property
    def folder(self) -> Path:
        """Where the checkpoint's own weights lie."""
        return self._files.folder

    def check_all_read(self, known: Collection[str]) -> None:
        """As `WeightFiles.check_all_read`, of the checkpoint's own weights.

        Raises:
            CheckpointError: The model had no place for some of them.
        """
        self._files.check_all_read({*known, *self._unwanted})

    def read(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Returns the weights of one parameter.

        Raises:
            CheckpointError: Neither has them.
        """
        del shape
        base = self._files.read(name) if name in self._own else self._parts.find(name)
        if base is None:
            raise CheckpointError(
                f"{self._files.folder} lacks the tensor {name}, and so do its parts: copy the "
                "checkpoint again"
            )
        change = self._change(name)
        return base if change is None else base.float() + change[1] @ change[0]

    def stored(self, name: str) -> StoredInt8 | None:
        """Returns a parameter that a part stores in 8 bits; None where it is not had so."""
        found = None if name in self._own else self._parts.stored(name)
        return found and found._replace(change=self._change(name))

    def is_stored(self, name: str) -> bool:
        """Whether `stored` has a parameter."""
        return name not in self._own and self._parts.is_stored(name)

    @property
    def holds_int8(self) -> bool:
        """Whether there are parameters that a part stores in 8 bits."""
        return self._parts.holds_int8

    def _change(self, name: str) -> tuple[Tensor, Tensor] | None:
        name = next(
            (n for n in (name, name.replace(".base.", ".")) if f"{n}{DOWN}" in self._own), ""
        )
        if not name:
            return None
        return read_half(self._files, f"{name}{DOWN}"), read_half(self._files, f"{name}{UP}")


def read_half(files: WeightFiles, name: str) -> Tensor:
    """Returns the half `name` of a change of low rank in float32, however it is stored."""
    values = files.read(name).float()
    if f"{name}{SCALE}" not in files.names():
        return values
    scale = files.read(f"{name}{SCALE}").float()
    return values * (scale[:, None] if name.endswith(DOWN) else scale)


def half_in_bytes(name: str, half: Tensor) -> dict[str, Tensor]:
    """Returns what `read_half` reads: `half` in 8 bits, and its scales."""
    rows = Int8Rows.of(half if name.endswith(DOWN) else half.T)
    values = rows.values if name.endswith(DOWN) else rows.values.T.contiguous()
    return {name: values, f"{name}{SCALE}": rows.scale}


def low_rank(change: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Returns the best (R, in) and (out, R) whose product is a `change` (out, in), float32."""
    left, strengths, right = torch.linalg.svd(change.float(), full_matrices=False)
    kept = min(rank, len(strengths))
    root = strengths[:kept].sqrt()
    return root[:, None] * right[:kept], left[:, :kept] * root
