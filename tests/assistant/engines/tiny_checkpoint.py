"""A checkpoint of random weights with a real tokenizer, small enough for tests."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from models.config import BlspEmoConfig, TranscriptionConfig
from models.tokenizer import JsonTokenizer

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What no two of its tokens make together: text of these alone is read as it was said."""

TELLING = 16.0
"""Times the weights of its LLM: by itself, being random and small, it hardly listens."""


def write_tiny_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    llm: Mapping[str, int] | None = None,
    context_tokens: int = 512,
    says: str = "",
) -> Path:
    """Writes a model that hears, transcribes and replies (nonsense); returns `folder`.

    Args:
        folder: Is there already.
        seed: Of its weights.
        llm: Sizes of its LLM that differ from the tiny ones.
        context_tokens: How much of a talk it reads.
        says: Characters that it says and no others, chosen by every word that it was told; without
            them anything that is a token, and of what was told little matters.
    """
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["the person sounds sad and happy"] * 3, trainer)
    path = folder / "tokenizer.json"
    backend.save(str(path))
    tokenizer = JsonTokenizer(path)
    config = BlspEmoConfig.tiny(
        vocabulary=backend.get_vocab_size(), decoder=True, emotion_head="attentive"
    )
    start, end = backend.token_to_id("<|im_start|>"), backend.token_to_id("<|im_end|>")
    assert start is not None and end is not None
    transcription = TranscriptionConfig(prompt_ids=(start,), stop_ids=(end,))
    sizes = {**config.llm, **(llm or {}), "max_position_embeddings": context_tokens}
    config = replace(config, transcription=transcription, llm=sizes, context_tokens=context_tokens)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BlspEmo(config, tokenizer=tokenizer).eval()
    if says:
        for parameter in model.llm.parameters():
            parameter.data *= TELLING if parameter.dim() == 2 else 1.0
        silent = set(range(backend.get_vocab_size())) - {backend.token_to_id(one) for one in says}
        model.llm.causal.get_output_embeddings().weight.data[sorted(silent)] = 0.0
    save(model.checkpoint(), folder)
    return folder
