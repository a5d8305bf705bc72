"""The speech encoder of a checkpoint by itself: what heads are taught from.

It needs a twentieth of the memory that a talk needs, on machines where the LLM would not fit.
"""

from pathlib import Path

import torch
from torch import nn

from models.checkpoints.checkpoint import open_ears
from models.checkpoints.filling import fill
from models.config import SpeechEncoderConfig
from models.features import Waveform, speech_features, without_offset
from models.int8 import has_engine, quantize_layers
from models.masks import HOP_SAMPLES
from models.precision import choose_device
from models.speech_encoder import SpeechEncoder, SpeechStates
from models.weights import CheckpointError, without_weights

PREFIX = "speech_encoder."


class EncoderAlone(nn.Module):
    """Encodes as the whole model does; its parameters have the names that they have there."""

    def __init__(self, shape: SpeechEncoderConfig) -> None:
        super().__init__()
        self.speech_encoder = SpeechEncoder(shape)

    @classmethod
    def from_pretrained(cls, source: str | Path, *, device: str = "auto") -> "EncoderAlone":
        """Loads the encoder of a checkpoint: in 8 bits where talks run in them, else in 32.

        Args:
            source: As `BlspEmo.from_pretrained` takes it.
            device: `auto` is the GPU where there is one, else the CPU.

        Raises:
            CheckpointError: It cannot be used; the message names the remedy.
        """
        target = choose_device(device)
        found = open_ears(source, of=(PREFIX,))
        try:
            with without_weights():
                encoder = cls(found.config.speech_encoder)
        except (ValueError, TypeError, KeyError) as error:
            path = found.weights.folder / "config.json"
            raise CheckpointError(f"{path} describes no model: {error}") from error
        fill(encoder, found.weights, dtype="float32", device=target, quantize="none")
        if found.is_int8 and target.type == "cpu" and has_engine():
            quantize_layers(encoder.speech_encoder)
        return encoder.eval()

    @torch.inference_mode()
    def states(self, waveform: Waveform) -> SpeechStates:
        """Returns the states of up to 30 s of 16 kHz sound, all layers and their features."""
        shape = self.speech_encoder.config
        features = speech_features(
            # The end of what is too long for the encoder is not heard: a talk cuts it into pieces.
            [without_offset(waveform[: shape.max_frames * HOP_SAMPLES])],
            mel_bins=shape.mel_bins,
            pad_frames=self.speech_encoder.pad_frames,
            trailing_frames=shape.trailing_frames,
        )
        return self.speech_encoder(features, all_layers=True)
