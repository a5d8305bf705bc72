"""Any causal LLM of `transformers`, behind the few calls that we make on it."""

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

from torch import Tensor, nn

from models.config import LoraConfig
from models.kv_cache import Write, cache_keyword, elsewhere_cache, yielding_cache
from models.partial_lora import SpeechScope, attach_lora
from models.torchaudio_guard import guard_torchaudio


class LanguageModel(nn.Module):
    """A causal LLM with partial LoRA on the linear layers of its blocks.

    Args:
        config: The LLM's configuration as `transformers` writes it.
        lora: Updates to attach; None for none.

    Raises:
        ValueError: The architecture is not known to `transformers`, or cannot take the updates.
    """

    def __init__(self, config: Mapping[str, Any], lora: LoraConfig | None) -> None:
        super().__init__()
        guard_torchaudio()
        from transformers import AutoModelForCausalLM

        hf_config = llm_config(config)
        self.causal: Any = AutoModelForCausalLM.from_config(hf_config, attn_implementation="sdpa")
        self.width = int(self.causal.get_input_embeddings().embedding_dim)
        self._cache_keyword = cache_keyword(self.causal)
        self._scope = self._attach(lora)
        # Made here: what compiles a step cannot look into an import.
        self._elsewhere: Any = elsewhere_cache()

    def _attach(self, lora: LoraConfig | None) -> SpeechScope | None:
        return attach_lora(cast(nn.Module, self.causal.base_model), lora) if lora else None

    def speech_positions(self, mask: Tensor) -> AbstractContextManager[None]:
        """Within it the updates act on `mask` (B, T) bool; spans `backward` in training."""
        return self._scope.speech_positions(mask) if self._scope else nullcontext()

    @property
    def like(self) -> Tensor:
        """A parameter, whose device and number format embeddings have."""
        return next(self.causal.parameters())

    def embed(
        self, ids: Tensor, speech_mask: Tensor | None = None, speech: Tensor | None = None
    ) -> Tensor:
        """Returns what `forward` is given (B, T, D): words from the table, speech in its places.

        Speech enters the LLM here and nowhere else: in training, in a talk, and where both are
        compared with the reference.

        Args:
            ids: (B, T) tokens; any at speech positions.
            speech_mask: (B, T) bool, the positions that are kept for speech.
            speech: (N, D) for all of them in reading order; a row may hold several utterances.

        Raises:
            ValueError: Other numbers of positions and embeddings.
        """
        embeddings = self.causal.get_input_embeddings()(ids)
        if speech_mask is None or speech is None:
            return embeddings
        # A masked scatter would fill the places from too many values without a word, and so move
        # everything that follows by some positions.
        if int(speech_mask.sum()) != speech.shape[0]:
            raise ValueError(
                f"{int(speech_mask.sum())} positions are reserved for {speech.shape[0]} speech "
                "embeddings"
            )
        return embeddings.masked_scatter(speech_mask[..., None], speech.to(embeddings))

    def forward(
        self,
        embeddings: Tensor,
        *,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
        cache: Any = None,
        last_only: bool = False,
        kept: Tensor | None = None,
    ) -> Tensor:
        """Returns logits (B, T, V), (B, 1, V) with `last_only`, or (N, V) of the `kept` positions.

        Args:
            embeddings: (B, T, D), words and speech alike.
            mask: (B, T) bool, false at padding; None means there is none. Or (B, T, S) bool, the
                positions that each position sees; then `positions` must be given.
            positions: (B, T) rotary positions; the running count of `mask` if not given.
            cache: From `new_cache`; extended in place.
            last_only: Spares the output layer of the other positions.
            kept: (B, T) bool, the positions that the output layer is not spared.
        """
        if positions is None and mask is not None:
            positions = (mask.long().cumsum(dim=-1) - 1).clamp(min=0)
        output_layer = self.causal.get_output_embeddings()
        with nullcontext() if kept is None else _only_at(output_layer, kept):
            output = self.causal(
                inputs_embeds=embeddings,
                attention_mask=_attention_mask(mask),
                position_ids=positions,
                use_cache=cache is not None,
                logits_to_keep=1 if last_only else 0,
                **{self._cache_keyword: cache},
            )
        return output.logits if kept is None else output.logits[0]

    def new_cache(self) -> Any:
        """Returns an empty KV cache that grows, can be cropped, and may give way amid a step."""
        return yielding_cache()(config=self.causal.config)

    def cache_elsewhere(self, write: Write) -> Any:
        """Returns a KV cache whose keys and values `write` keeps, and says what is attended to.

        `forward` must be told the positions and who sees whom.
        """
        return self._elsewhere(write)


@contextmanager
def _only_at(output_layer: nn.Module, kept: Tensor) -> Generator[None]:
    """Within it the output layer sees the positions `kept` (B, T) alone, as a batch of one."""

    def chosen(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        del module
        return (inputs[0][kept][None],)

    hook = output_layer.register_forward_pre_hook(chosen)
    try:
        yield
    finally:
        hook.remove()


def _attention_mask(mask: Tensor | None) -> Tensor | None:
    """Returns the mask as `transformers` takes it: padding as numbers, or who sees whom."""
    if mask is None or mask.ndim == 2:
        return None if mask is None else mask.long()
    return mask[:, None]


def llm_config(config: Mapping[str, Any]) -> Any:
    """Returns the `transformers` configuration of a mapping with `model_type`.

    Raises:
        ValueError: `transformers` does not know the architecture.
    """
    guard_torchaudio()
    from transformers import AutoConfig

    settings = dict(config)
    name = settings.pop("model_type")
    try:
        return AutoConfig.for_model(name, **settings)
    except (KeyError, ValueError) as error:
        raise ValueError(f"transformers knows no architecture {name!r}: {error}") from error
