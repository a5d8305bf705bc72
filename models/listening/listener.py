"""Hears for a talk that something else answers: a checkpoint without its LLM.

Encoder, decoder and emotion head are those of the whole model, in the number format that it has
them in, so that both hear the same. The LLM is neither read nor needed on the disk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from models.adapters.embeddings import SpeechEmbeddings
from models.checkpoints.checkpoint import open_ears
from models.checkpoints.filling import check_quantize, fill
from models.config import BlspEmoConfig
from models.emotion.heads import MeanEmotionHead, abstains, build_emotion_head, calibrated
from models.features import Waveform
from models.int8 import has_engine, quantize_layers
from models.listening.hearing import HearingModel, emotion_of_pieces
from models.precision import DtypeName, choose_device
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechEncoder, SpeechStates
from models.tokenizer import Tokenizer
from models.weights import CheckpointError, without_weights
from models.words.written import Words, are_understood, words_of, written_words


@dataclass(frozen=True, slots=True)
class HeardEmotion:
    """How one utterance sounds."""

    logits: tuple[float, ...]
    """In the order of `Emotion`."""
    probabilities: tuple[float, ...]
    """Calibrated."""
    abstained: bool
    """Whether the model is too uncertain of the emotion to be acted on."""


@dataclass(frozen=True, slots=True)
class HeardWords:
    """What was heard in one utterance."""

    words: Words
    is_understood: bool
    """Whether there are words, of which enough are probably right."""
    probabilities: tuple[float, ...]
    """Of the emotions, calibrated, in the order of `Emotion`."""
    abstained: bool
    """Whether the model is too uncertain of the emotion to be acted on."""


class Listener(HearingModel):
    """Encoder, decoder and emotion head of `config`.

    Args:
        config: Of the whole checkpoint.
        decoder_tokenizer: Of its decoder.

    Raises:
        ValueError: Such a checkpoint does not hear without its LLM.
    """

    def __init__(self, config: BlspEmoConfig, *, decoder_tokenizer: Tokenizer | None) -> None:
        super().__init__()
        if not config.has_decoder or config.transcription is None or decoder_tokenizer is None:
            raise ValueError("it has no decoder to write the words down, and asks its LLM for them")
        shape = config.speech_encoder
        self.config = config
        self.speech_encoder = SpeechEncoder(shape)
        head = build_emotion_head(config.emotion_head, shape, llm_width=1)
        if isinstance(head, MeanEmotionHead):
            raise ValueError("its emotion head reads what its LLM is given")
        self.emotion_head = head
        self.decoder = SpeechDecoder(shape)
        self._tokenizer = decoder_tokenizer

    @classmethod
    def from_pretrained(
        cls, source: str | Path, *, dtype: DtypeName | str = "auto", device: str = "auto"
    ) -> "Listener":
        """Loads the ears of a checkpoint, ready for inference.

        Args:
            source: A folder, or a hub id, as for `BlspEmo.from_pretrained`.
            dtype: `auto` takes that of the whole model; `int8` is for a CPU.
            device: `auto` is the GPU where there is one, else the CPU.

        Raises:
            CheckpointError: It cannot be used, or does not hear without its LLM; the message names
                the remedy.
        """
        target = choose_device(device)
        check_quantize("int8" if dtype == "int8" else "none", target)
        found = open_ears(source)
        is_int8 = dtype == "int8" or (
            dtype == "auto" and target.type == "cpu" and found.is_int8 and has_engine()
        )
        try:
            with without_weights():
                listener = cls(found.config, decoder_tokenizer=found.tokenizer)
        except ValueError as error:
            raise CheckpointError(
                f"{source} cannot hear without its own language model ({error}): use --model mini"
            ) from error
        number_format: DtypeName = "float32" if dtype == "bfloat16" or is_int8 else "auto"
        fill(listener, found.weights, dtype=number_format, device=target, quantize="none")
        if is_int8:
            listener._compute_in_int8()
        return listener.eval()

    def _compute_in_int8(self) -> None:
        quantize_layers(self.speech_encoder)
        assert self.decoder is not None
        self.decoder.quantize()
        self.float()

    @property
    def decoder_tokenizer(self) -> Tokenizer:
        """The tokenizer of the transcribing decoder."""
        return self._tokenizer

    @torch.inference_mode()
    def hear(
        self, waveform: Waveform, *, cancelled: Callable[[], bool] = lambda: False
    ) -> HeardWords:
        """Returns what is heard in one 16 kHz utterance of any length above zero.

        Args:
            waveform: The utterance.
            cancelled: Where it turns true the words may end early.

        Raises:
            ValueError: The utterance is empty or holds samples that are not finite.
        """
        states = self.pieces(waveform)
        config = self.config
        assert self.decoder is not None and config.transcription is not None
        written = [
            written_words(
                self.decoder, config.transcription, piece, self._tokenizer, cancelled=cancelled
            )
            for piece in states
        ]
        words = words_of(written, self._tokenizer, config.word_confidence)
        emotion = self._emotion(states)
        return HeardWords(
            words,
            are_understood(words, config.word_confidence),
            emotion.probabilities,
            emotion.abstained,
        )

    @torch.inference_mode()
    def hear_emotion(self, waveform: Waveform) -> HeardEmotion:
        """Returns the emotion alone of one 16 kHz utterance, as `hear` finds it beside the words.

        Raises:
            ValueError: The utterance is empty or holds samples that are not finite.
        """
        return self._emotion(self.pieces(waveform))

    def _emotion(self, states: Sequence[SpeechStates]) -> HeardEmotion:
        each = [self.emotion_head(piece, _nothing(piece)) for piece in states]
        logits = emotion_of_pieces(each, states).float().cpu()
        calibration = self.config.calibration
        probabilities = tuple(float(p) for p in calibrated(logits, calibration))
        return HeardEmotion(
            tuple(logits.tolist()), probabilities, abstains(probabilities, calibration)
        )


def _nothing(states: SpeechStates) -> SpeechEmbeddings:
    """Returns embeddings of no speech, for heads that do not look at them."""
    return SpeechEmbeddings(states.states[:, :0], states.lengths * 0)
