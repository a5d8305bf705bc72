"""Models of a published shape with random weights, made where they compute: nothing is fetched."""

import torch
from torch import nn

from models.blsp_emo import BlspEmo
from models.config import BlspEmoConfig, SpeechEncoderConfig
from models.weights import without_weights

QWEN_7B = {
    "model_type": "qwen2",
    "vocab_size": 151_936,
    "hidden_size": 4_096,
    "intermediate_size": 11_008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "max_position_embeddings": 8_192,
    "tie_word_embeddings": False,
}
"""First-generation Qwen-7B as `cwang621/blsp-emo` has it."""
PUBLISHED = BlspEmoConfig(llm=dict(QWEN_7B), speech_encoder=SpeechEncoderConfig())
"""Whisper-large-v2's encoder, padded to 30 s, and Qwen-7B."""
TINY = BlspEmoConfig.tiny(short_inputs=False)


def random_model(config: BlspEmoConfig, device: torch.device, dtype: torch.dtype) -> BlspEmo:
    """Returns a model of `config` whose weights are small random numbers."""
    with without_weights():
        model = BlspEmo(config)
    generator = torch.Generator(device=device).manual_seed(0)
    made: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, old in list(module.named_parameters(recurse=False)):
            if id(old) not in made:
                values = torch.empty(old.shape, device=device, dtype=dtype)
                values.normal_(std=0.02, generator=generator)
                # Gains of norms are near one: at zero the layers would be silent.
                values += "norm" in type(module).__name__.lower() and name == "weight"
                made[id(old)] = nn.Parameter(values, requires_grad=False)
            module.register_parameter(name, made[id(old)])
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, buffer.to(device))
    return model.eval()
