"""The ears of a checkpoint without its LLM: the words and the emotion of a recording.

What only hears needs a twentieth of the memory that a talk needs: heads are taught, and ears are
measured, on machines where the LLM would not fit beside other work.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from models.checkpoints.checkpoint import open_checkpoint
from models.checkpoints.filling import comes_in_int8
from models.config import BlspEmoConfig
from models.emotion.heads import MeanEmotionHead, build_emotion_head
from models.features import SpeechFeatures, Waveform, speech_features, without_offset
from models.int8 import quantize_layers
from models.masks import HOP_SAMPLES
from models.precision import choose_device
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechEncoder, SpeechStates
from models.tokenizer import Tokenizer
from models.weights import CheckpointError, fill_parameters, without_weights
from models.words.written import Words, words_of, written_words


class Ears(nn.Module):
    """Encoder, decoder and emotion head of a checkpoint, in 8 bits where its talks run in them.

    Its parameters are named as those of `BlspEmo`.

    Args:
        config: Shapes of all parts.
        tokenizer: Of the decoder.

    Raises:
        ValueError: The parts of `config` do not fit together.
    """

    def __init__(self, config: BlspEmoConfig, tokenizer: Tokenizer | None) -> None:
        super().__init__()
        shape = config.speech_encoder
        self.config, self._tokenizer = config, tokenizer
        self.speech_encoder = SpeechEncoder(shape)
        self.decoder = SpeechDecoder(shape) if config.has_decoder else None
        head = build_emotion_head(config.emotion_head, shape, 1)
        # That head reads what the adapter gives the LLM, and neither is here.
        self.emotion_head = None if isinstance(head, MeanEmotionHead) else head

    @classmethod
    def from_pretrained(cls, source: str | Path, *, device: str = "auto") -> "Ears":
        """Loads the ears of a checkpoint, in the number formats that its talks run in.

        Args:
            source: As `BlspEmo.from_pretrained` takes it.
            device: `auto` is the GPU where there is one, else the CPU.

        Raises:
            CheckpointError: It cannot be used; the message names the remedy.
        """
        target = choose_device(device)
        found = open_checkpoint(source)
        try:
            with without_weights():
                ears = cls(found.config, found.decoder_tokenizer)
        except (ValueError, TypeError, KeyError) as error:
            path = found.weights.folder / "config.json"
            raise CheckpointError(f"{path} describes no model: {error}") from error
        fill_parameters(ears, found.weights.read, dtype=torch.float32, device=target)
        if comes_in_int8(found.weights, "auto", target):
            quantize_layers(ears.speech_encoder)
            if ears.decoder is not None:
                ears.decoder.quantize()
        return ears.eval()

    def features(self, waveform: Waveform) -> SpeechFeatures:
        """Returns the log-mel features of a 16 kHz waveform, padded as the encoder needs."""
        shape = self.config.speech_encoder
        # The end of what is too long for the encoder is not heard: a talk cuts it into pieces.
        return speech_features(
            [without_offset(waveform[: shape.max_frames * HOP_SAMPLES])],
            mel_bins=shape.mel_bins,
            pad_frames=self.speech_encoder.pad_frames,
            trailing_frames=shape.trailing_frames,
        )

    @torch.inference_mode()
    def states(self, waveform: Waveform) -> SpeechStates:
        """Returns the encoder's states of up to 30 s, all its layers and their features."""
        return self.speech_encoder(self.features(waveform), all_layers=True)

    @torch.inference_mode()
    def words(self, waveform: Waveform) -> Words:
        """Returns the words of up to 30 s.

        Raises:
            ValueError: The checkpoint has no decoder.
        """
        transcription = self.config.transcription
        if self.decoder is None or transcription is None or self._tokenizer is None:
            raise ValueError("this model has no decoder that writes words")
        states = self.states(waveform)
        found = written_words(self.decoder, transcription, states, self._tokenizer)
        return words_of([found], self._tokenizer, self.config.word_confidence)

    @torch.inference_mode()
    def emotion_logits(self, waveform: Waveform) -> Tensor:
        """Returns (E,) of the emotion head before calibration.

        Raises:
            ValueError: The head reads what the LLM is given.
        """
        if self.emotion_head is None:
            raise ValueError("the emotion head of this model reads what its LLM is given")
        return self.emotion_head(self.states(waveform), None)[0].float()
