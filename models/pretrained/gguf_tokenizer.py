"""The byte-pair tokenizer that a GGUF file brings → a `tokenizer.json`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from models.tokenizer import QWEN_PATTERN
from models.weights import CheckpointError

MARKUP = (3, 4)
"""Kinds of tokens that are markup: the control tokens, and those that a program's users add."""


class GgufTokens(NamedTuple):
    """What a tokenizer is made of."""

    tokens: Sequence[str]
    """By their number."""
    merges: Sequence[str]
    """Two parts each, with a space between them."""
    kinds: Sequence[int]
    """Of the tokens."""
    split: str
    """Name of the way in which text is cut before the merges."""


def write_tokenizer(path: Path, contents: GgufTokens) -> None:
    """Writes a `tokenizer.json`.

    Raises:
        CheckpointError: Its way of cutting text is not known.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

    vocabulary = {token: number for number, token in enumerate(contents.tokens)}
    pairs = [(first, second) for first, second in (pair.split(" ") for pair in contents.merges)]
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    if contents.split not in _SPLITS:
        raise CheckpointError(
            f"the tokenizer of this LLM cuts text by {contents.split!r}: "
            f"{' and '.join(_SPLITS)} are known, choose another LLM"
        )
    backend.pre_tokenizer = _SPLITS[contents.split]()
    if contents.split == "qwen2":
        backend.normalizer = normalizers.NFC()
    backend.decoder = decoders.ByteLevel()
    kinds = zip(contents.tokens, contents.kinds, strict=True)
    special = [token for token, kind in kinds if kind in MARKUP]
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    backend.save(str(path))


def _digits_and_bytes() -> Any:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def _qwen_pattern() -> Any:
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


_SPLITS = {"smollm": _digits_and_bytes, "qwen2": _qwen_pattern}
