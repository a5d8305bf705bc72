"""Text ↔ token ids, for `tokenizer.json` and for first-generation Qwen's `qwen.tiktoken`."""

import base64
import binascii
import json
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Qwen-7B splits text before its merges (its tokenizer's published pattern)."""

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
QWEN_EXTRAS = 205
"""Reserved tokens that follow the three above."""


class Tokenizer(Protocol):
    """What the model asks of a tokenizer."""

    chat_template: str | None
    """Jinja template of the checkpoint's chat markup, if it has one of its own."""
    start_token: str
    """What the template may put at the very start; empty where there is none."""
    end_ids: tuple[int, ...]
    """Tokens that end a reply."""

    @property
    def size(self) -> int:
        """Number of token ids."""
        ...

    def encode(self, text: str, *, markup: bool = False) -> list[int]:
        """Returns the ids of `text`; special tokens are recognised in `markup` only."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of `ids` without special tokens; broken characters become U+FFFD."""
        ...

    def special_id(self, token: str) -> int | None:
        """Returns the id of a special token, or None where there is no such token."""
        ...

    def save(self, folder: Path) -> None:
        """Writes the tokenizer's files into `folder`."""
        ...


class JsonTokenizer:
    """A `tokenizer.json` of the `tokenizers` library.

    Raises:
        ValueError: The file is damaged.
    """

    def __init__(
        self, path: Path, *, chat_template: str | None = None, start_token: str = ""
    ) -> None:
        from tokenizers import Tokenizer as Backend

        try:
            self._backend: Any = Backend.from_file(str(path))
            self._plain: Any = Backend.from_file(str(path))
        except Exception as error:  # the library raises nothing more exact
            raise ValueError(f"{path} is damaged ({error})") from error
        self._plain.encode_special_tokens = True
        self.chat_template = chat_template
        self.start_token = start_token
        names = (TURN_END, END_OF_TEXT, "<|eot_id|>", "<end_of_turn>", "</s>", "<|end|>", "<eos>")
        ids = (self.special_id(name) for name in names)
        self.end_ids: tuple[int, ...] = tuple(i for i in ids if i is not None)

    @property
    def size(self) -> int:
        """Number of token ids."""
        return int(self._backend.get_vocab_size())

    def encode(self, text: str, *, markup: bool = False) -> list[int]:
        """Returns the ids of `text`; special tokens are recognised in `markup` only."""
        backend = self._backend if markup else self._plain
        return list(backend.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of `ids` without special tokens."""
        return str(self._backend.decode(list(ids), skip_special_tokens=True))

    def special_id(self, token: str) -> int | None:
        """Returns the id of `token`, or None."""
        found = self._backend.token_to_id(token)
        return None if found is None else int(found)

    def save_file(self, path: Path) -> None:
        """Writes the tokenizer itself."""
        self._backend.save(str(path))

    def save(self, folder: Path) -> None:
        """Writes `tokenizer.json`, and the chat template where there is one."""
        self.save_file(folder / "tokenizer.json")
        if self.chat_template is not None:
            settings = {"chat_template": self.chat_template, "bos_token": self.start_token}
            (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1))


class QwenTokenizer:
    """First-generation Qwen: byte-level merges in `qwen.tiktoken`, ranks being ids.

    Raises:
        ValueError: A line of the file is not a base64 token and its rank.
    """

    def __init__(self, path: Path) -> None:
        import tiktoken

        self._ranks = _read_ranks(path)
        names = [END_OF_TEXT, TURN_START, TURN_END]
        names += [f"<|extra_{index}|>" for index in range(QWEN_EXTRAS)]
        self._special = {name: len(self._ranks) + index for index, name in enumerate(names)}
        self._encoding = tiktoken.Encoding(
            "qwen",
            pat_str=QWEN_PATTERN,
            mergeable_ranks=self._ranks,
            special_tokens=self._special,
        )
        self.chat_template: str | None = None
        self.start_token = ""
        self.end_ids: tuple[int, ...] = tuple(
            self._special[name] for name in (TURN_END, TURN_START, END_OF_TEXT)
        )

    @property
    def size(self) -> int:
        """Number of token ids."""
        return self._encoding.n_vocab

    def encode(self, text: str, *, markup: bool = False) -> list[int]:
        """Returns the ids of `text`; special tokens are recognised in `markup` only."""
        text = unicodedata.normalize("NFC", text)
        allowed: Any = "all" if markup else set[str]()
        return self._encoding.encode(text, allowed_special=allowed, disallowed_special=())

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of `ids` without special tokens."""
        plain = [i for i in ids if 0 <= i < len(self._ranks)]
        return self._encoding.decode(plain, errors="replace")

    def special_id(self, token: str) -> int | None:
        """Returns the id of `token`, or None."""
        return self._special.get(token)

    def save(self, folder: Path) -> None:
        """Writes `qwen.tiktoken`."""
        lines = (
            f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in self._ranks.items()
        )
        (folder / "qwen.tiktoken").write_text("".join(lines))


def _read_ranks(path: Path) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(path.read_text("ascii", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error):
            raise ValueError(f"{path}, line {number}: not a base64 token and its rank") from None
    return ranks


class IncrementalDecoder:
    """Token ids one at a time → text deltas that join to the whole text.

    Text is held back while it ends within a character.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._emitted = 0

    def push(self, ids: Iterable[int]) -> str:
        """Returns the text that `ids` add."""
        self._ids.extend(ids)
        text = self._tokenizer.decode(self._ids)
        if text.endswith("\ufffd"):
            return ""
        delta, self._emitted = text[self._emitted :], len(text)
        return delta

    def finish(self) -> str:
        """Returns what was held back, broken or not."""
        text = self._tokenizer.decode(self._ids)
        delta, self._emitted = text[self._emitted :], len(text)
        return delta
