"""Whisper's decoder: writes the words of an utterance from the same encoder states."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import SpeechEncoderConfig
from models.int8 import Int8Linear, Int8Rows, quantize_layers
from models.kv_cache import cache_keyword
from models.masks import attention_bias, lengths_to_mask
from models.speech_encoder import SpeechStates, whisper_config
from models.torchaudio_guard import guard_torchaudio


class SpeechDecoder(nn.Module):
    """The decoder of Whisper (arXiv 2212.04356), its output layer tied to its embeddings.

    Run layer by layer, so that padded encoder states can be masked.
    """

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        guard_torchaudio()
        from transformers.models.whisper.modeling_whisper import WhisperDecoder

        self.config = config
        self.whisper = WhisperDecoder(whisper_config(config))
        self._cache_keyword = cache_keyword(self.whisper.layers[0])
        self._output: nn.Module | None = None

    def forward(self, ids: Tensor, speech: SpeechStates, cache: Any = None) -> Tensor:
        """Returns logits (B, L, V) of the token after each of `ids` (B, L), see `states`."""
        return self.logits(self.states(ids, speech, cache))

    def logits(self, states: Tensor) -> Tensor:
        """Returns logits (…, V) of the token after each position of `states` (…, H)."""
        if self._output is not None:
            return self._output(states)
        return F.linear(states, self.whisper.embed_tokens.weight)

    def quantize(self) -> None:
        """Turns the large linear layers, the output layer foremost, into dynamic int8, on a CPU."""
        table = self.whisper.embed_tokens.weight
        self._output = Int8Linear(Int8Rows.of(table))
        quantize_layers(self.whisper)

    def written(self, ids: Tensor, speech: SpeechStates, *, prompt: Sequence[int]) -> Tensor:
        """Returns the states (B, L, H) in which each of `ids` (B, L) is chosen after `prompt`."""
        begun = torch.tensor([prompt], device=ids.device).expand(len(ids), -1)
        # Each is chosen at the position before it: the first at the last of the prompt, and at the
        # last of `ids` none of them.
        given = torch.cat([begun, ids], dim=1)[:, :-1]
        return self.states(given, speech)[:, len(prompt) - 1 :]

    def tree_states(
        self, ids: Tensor, speech: SpeechStates, *, depths: Tensor, sees: Tensor
    ) -> Tensor:
        """Returns the last hidden states (1, N, H) of many texts that share their beginnings.

        The states of the sound are read once for all of them, as those of a batch would not be.

        Args:
            ids: (N,), each text's tokens after those that it shares with another.
            speech: Of one utterance.
            depths: (N,) the place of each in its text, from 0.
            sees: (N, N) bool, true where a token follows another in its text, or is the same.
        """
        bias = torch.zeros(sees.shape, dtype=speech.states.dtype, device=ids.device)
        bias = bias.masked_fill(~sees, torch.finfo(bias.dtype).min)[None, None]
        return self._read(ids[None], speech, self.whisper.embed_positions.weight[depths], bias)

    def states(self, ids: Tensor, speech: SpeechStates, cache: Any = None) -> Tensor:
        """Returns the last hidden states (B, L, H) at `ids` (B, L), which choose what follows.

        Args:
            ids: With a cache that is not empty, one token each.
            speech: Models padded to 30 s attend to all their states, others to those of the speech
                and of the silence that follows it.
            cache: From `new_cache`; extended in place.
        """
        start = 0 if cache is None else cache.get_seq_length()
        places = self.whisper.embed_positions.weight[start : start + ids.shape[1]]
        return self._read(ids, speech, places, cache=cache)

    def _read(
        self,
        ids: Tensor,
        speech: SpeechStates,
        places: Tensor,
        sees: Tensor | None = None,
        cache: Any = None,
    ) -> Tensor:
        """Runs the layers; `sees` (1, 1, L, L) is added to what tokens see of each other."""
        states, bias = _attended(speech)
        hidden = self.whisper.embed_tokens(ids) * self.whisper.embed_scale + places
        hidden = F.dropout(hidden, p=self.config.dropout, training=self.training)
        for layer in self.whisper.layers:
            hidden = layer(
                hidden,
                attention_mask=sees,
                encoder_hidden_states=states,
                encoder_attention_mask=bias,
                use_cache=cache is not None,
                **{self._cache_keyword: cache},
            )
        return self.whisper.layer_norm(hidden)

    def attention(
        self,
        ids: Sequence[int],
        speech: SpeechStates,
        *,
        prompt: Sequence[int],
        heads: Sequence[tuple[int, int]] = (),
    ) -> Tensor:
        """Returns how `ids` were read from the sound: (heads, L, states), each row sums to 1.

        Args:
            ids: Written after `prompt`, L of them.
            speech: Of one utterance.
            prompt: As for `written`.
            heads: Layer and head, from 0, of those that follow the sound; empty for all heads of
                the upper half, which Whisper takes where it knows no better.
        """
        layers: list[Any] = list(self.whisper.layers)
        chosen = heads or [
            (layer, head)
            for layer in range(len(layers) // 2, len(layers))
            for head in range(layers[layer].encoder_attn.num_heads)
        ]
        asking: dict[int, Tensor] = {}
        with ExitStack() as hooks:
            for number in {layer for layer, _ in chosen}:
                hook = layers[number].encoder_attn.register_forward_pre_hook(
                    partial(_keep_query, asking, number), with_kwargs=True
                )
                hooks.callback(hook.remove)
            self.states(torch.tensor([[*prompt, *ids]], device=speech.states.device), speech)
        states, bias = _attended(speech)
        rows = slice(len(prompt) - 1, -1)
        return torch.stack(
            [
                _attention_of(layers[layer].encoder_attn, head, asking[layer], states, bias)[rows]
                for layer, head in chosen
            ]
        )

    def new_cache(self) -> Any:
        """Returns an empty cache of both attentions."""
        guard_torchaudio()
        from transformers import DynamicCache
        from transformers.cache_utils import EncoderDecoderCache

        return EncoderDecoderCache(DynamicCache(), DynamicCache())


def _keep_query(
    asking: dict[int, Tensor], number: int, _module: nn.Module, args: Any, options: Any
) -> None:
    asking[number] = args[0] if args else options["hidden_states"]


def _attention_of(
    attention: Any, head: int, asking: Tensor, states: Tensor, bias: Tensor | None
) -> Tensor:
    """Returns (L, S) of one head for a batch of one."""
    columns = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
    queries = attention.q_proj(asking)[0, :, columns].float() * attention.scaling
    scores = queries @ attention.k_proj(states)[0, :, columns].float().T
    if bias is not None:
        scores = scores + bias[0, 0].float()
    return torch.softmax(scores, dim=-1)


def _attended(speech: SpeechStates) -> tuple[Tensor, Tensor | None]:
    """Returns the states that words are read from, and the bias that hides those of padding."""
    states, lengths = speech.states, speech.lengths
    if speech.padded is not None:
        states, lengths = speech.padded, speech.padded_lengths
    if lengths is None:
        return states, None
    mask = lengths_to_mask(lengths, states.shape[1])
    return states, None if bool(mask.all()) else attention_bias(mask, states.dtype)
