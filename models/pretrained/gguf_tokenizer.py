"""The byte-pair tokenizer that a GGUF file brings → a `tokenizer.json`."""

from collections.abc import Sequence
from pathlib import Path

SPECIAL = 3
"""Kind of tokens that are markup."""


def write_tokenizer(
    path: Path, tokens: Sequence[str], merges: Sequence[str], kinds: Sequence[int]
) -> None:
    """Writes a tokenizer as SmolLM2 has it: digits one by one, then bytes, then merges.

    Args:
        path: Of the `tokenizer.json`.
        tokens: By their number.
        merges: Two parts each, with a space between them.
        kinds: Of the tokens; those of kind 3 are special.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {token: number for number, token in enumerate(tokens)}
    pairs = [(first, second) for first, second in (merge.split(" ") for merge in merges)]
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == SPECIAL]
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    backend.save(str(path))
