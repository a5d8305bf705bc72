"""Partial LoRA on the architectures people bring."""

from typing import Any

import pytest
import torch
from torch import nn

from models.config import LoraConfig
from models.llm import LanguageModel
from models.partial_lora import PartialLoraLinear, attach_lora

SMALL: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
LLMS: dict[str, dict[str, Any]] = {
    "qwen2": SMALL,
    "llama": SMALL,
    "qwen3": {**SMALL, "head_dim": 8},
    "gemma": {**SMALL, "head_dim": 8, "pad_token_id": 0},
    "gemma3_text": {**SMALL, "head_dim": 8, "pad_token_id": 0, "sliding_window": 8},
    "phi3": {**SMALL, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    "gpt_neox": {k: v for k, v in SMALL.items() if k != "num_key_value_heads"},
    "gpt2": {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128},
}
LORA = LoraConfig(rank=3, alpha=6.0)


def language_model(name: str) -> LanguageModel:
    """A random LLM whose LoRA has been trained a little, too."""
    torch.manual_seed(1)
    model = LanguageModel({"model_type": name, **LLMS[name]}, LORA).eval()
    for parameter_name, parameter in model.named_parameters():
        if parameter_name.endswith("lora_b"):
            nn.init.normal_(parameter, std=0.1)
    return model


def lora_layers(model: nn.Module) -> list[PartialLoraLinear]:
    return [m for m in model.modules() if isinstance(m, PartialLoraLinear)]


def merged(model: LanguageModel) -> LanguageModel:
    """Ordinary LoRA: the updates added to the weights."""
    for layer in lora_layers(model):
        update = (layer.lora_b @ layer.lora_a) * layer.scaling
        if not isinstance(layer.base, nn.Linear):
            update = update.T
        layer.weight.data += update.data
        nn.init.zeros_(layer.lora_b)
    return model


@pytest.mark.parametrize("name", LLMS)
@torch.no_grad()
def test_no_speech_is_the_base_model_and_all_speech_is_ordinary_lora(name):
    model = language_model(name)
    embeddings = model.embed(torch.randint(0, 64, (2, 9)))
    base = model(embeddings)
    with model.speech_positions(torch.zeros(2, 9, dtype=torch.bool)):
        assert torch.equal(model(embeddings), base)
    with model.speech_positions(torch.ones(2, 9, dtype=torch.bool)):
        full = model(embeddings)
    assert not torch.allclose(full, base, atol=1e-3)
    assert torch.equal(model(embeddings), base)
    assert torch.allclose(full, merged(model)(embeddings), atol=1e-4)


@pytest.mark.parametrize("name", LLMS)
@torch.no_grad()
def test_a_cached_run_is_an_uncached_one(name):
    model = language_model(name)
    embeddings = model.embed(torch.randint(0, 64, (1, 12)))
    speech = torch.zeros(1, 12, dtype=torch.bool)
    speech[:, 3:7] = True
    with model.speech_positions(speech):
        whole = model(embeddings)
    cache = model.new_cache()
    with model.speech_positions(speech[:, :8]):
        parts = [model(embeddings[:, :8], cache=cache)]
    parts += [model(embeddings[:, i : i + 1], cache=cache, last_only=True) for i in range(8, 12)]
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-4)


@torch.no_grad()
def test_padding_changes_nothing():
    model = language_model("llama")
    long, short = torch.randint(0, 64, (1, 9)), torch.randint(0, 64, (1, 5))
    ids = torch.zeros(2, 9, dtype=torch.long)
    ids[0], ids[1, :5] = long, short
    mask = torch.tensor([[True] * 9, [True] * 5 + [False] * 4])
    logits = model(model.embed(ids), mask=mask)
    assert torch.allclose(logits[0], model(model.embed(long))[0], atol=1e-5)
    assert torch.allclose(logits[1, :5], model(model.embed(short))[0], atol=1e-5)


def gradient(parameter: nn.Parameter) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad


def test_only_the_updates_of_speech_positions_are_trained():
    model = language_model("llama")
    embeddings = model.embed(torch.randint(0, 64, (1, 6))).detach()
    with model.speech_positions(torch.zeros(1, 6, dtype=torch.bool)):
        model(embeddings).sum().backward()
    assert all(not gradient(layer.lora_b).any() for layer in lora_layers(model))
    model.zero_grad()
    with model.speech_positions(torch.tensor([[False, True, True, False, False, False]])):
        model(embeddings).square().sum().backward()
    assert all(gradient(layer.lora_b).any() for layer in lora_layers(model))


def test_gradient_checkpointing_sees_the_positions_in_backward():
    gradients: list[torch.Tensor] = []
    for checkpointing in (False, True):
        model = language_model("llama").train()
        if checkpointing:
            model.causal.activation_checkpointing_enable({"use_reentrant": False})
        embeddings = model.embed(torch.arange(6)[None]).detach().requires_grad_()
        with model.speech_positions(torch.tensor([[False, True, True, True, False, False]])):
            model(embeddings).square().sum().backward()
        gradients.append(gradient(lora_layers(model)[0].lora_a))
    assert torch.allclose(gradients[0], gradients[1], atol=1e-6)


def test_a_mask_of_other_positions_is_refused():
    model = language_model("llama")
    with (
        pytest.raises(ValueError, match="covers"),
        model.speech_positions(torch.ones(1, 4, dtype=torch.bool)),
    ):
        model(model.embed(torch.zeros(1, 5, dtype=torch.long)))


def test_unknown_targets_are_refused():
    model = LanguageModel({"model_type": "llama", **SMALL}, None)
    with pytest.raises(ValueError, match="c_attn"):
        attach_lora(model.causal.base_model, LoraConfig(targets=("q_proj", "c_attn")))


def test_layers_that_were_one_share_their_projection():
    lora = LoraConfig(rank=2, shared_a=(("q_proj", "k_proj", "v_proj"),))
    model = LanguageModel({"model_type": "qwen2", **SMALL}, lora)
    attention = model.causal.model.layers[0].self_attn
    assert attention.q_proj.lora_a is attention.v_proj.lora_a
    names = [n for n, _ in model.named_parameters() if n.endswith("self_attn.k_proj.lora_a")]
    assert names == []


def test_an_unknown_architecture_is_named():
    with pytest.raises(ValueError, match="'no_such_llm'"):
        LanguageModel({"model_type": "no_such_llm"}, None)
