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


def write_tiny_checkpoint(
    folder: Path, *, seed: int = 0, llm: Mapping[str, int] | None = None, context_tokens: int = 512
) -> Path:
    """Writes a model that hears, transcribes and replies (nonsense); returns `folder`.

    Args:
        folder: Is there already.
        seed: Of its weights.
        llm: Sizes of its LLM that differ from the tiny ones.
        context_tokens: How much of a talk it reads.
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
    save(model.checkpoint(), folder)
    return folder
