"""A sentence encoder with random weights, as the files of a part."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertModel

from models.examples.meaning import LONGEST

WORDS = "my train is late the sun shines today I baked bread hello".split()


def write_encoder(folder: Path) -> Path:
    """Writes an encoder that knows a few words into `folder`, which is made; returns it."""
    folder.mkdir(parents=True)
    vocabulary = {"[PAD]": 0, "[UNK]": 1} | {word: n for n, word in enumerate(WORDS, start=2)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=LONGEST,
    )
    torch.manual_seed(3)
    bert = BertModel(config)
    save_file(
        {name: tensor.contiguous() for name, tensor in bert.state_dict().items()},
        str(folder / "model.safetensors"),
        metadata={"format": "pt"},
    )
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    return folder
