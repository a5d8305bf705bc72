"""What every model that hears has: a speech encoder, an emotion head, and perhaps a decoder."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from models.config import BlspEmoConfig
from models.emotion.heads import EmotionHead
from models.features import (
    SpeechFeatures,
    Waveform,
    quietest_cuts,
    speech_features,
    without_offset,
)
from models.masks import HOP_SAMPLES
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechEncoder, SpeechStates
from models.tokenizer import Tokenizer
from models.words.phrases import phrase_scores
from models.words.written import Words, words_of, written_words

SHORTEST_SAMPLES = 1600
"""Utterances below 0.1 s are followed by silence up to it."""


class HearingModel(nn.Module):
    """Base of the models that hear; who derives makes the parts, in the order of its own."""

    config: BlspEmoConfig
    speech_encoder: SpeechEncoder
    emotion_head: EmotionHead
    decoder: SpeechDecoder | None

    @property
    def decoder_tokenizer(self) -> Tokenizer:
        """The tokenizer of the transcribing decoder."""
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.speech_encoder.whisper.conv1.weight.device

    def features(self, waveforms: Sequence[Waveform | Tensor]) -> SpeechFeatures:
        """Returns the log-mel features of 16 kHz `waveforms`, padded as the encoder needs."""
        return speech_features(
            waveforms,
            mel_bins=self.config.speech_encoder.mel_bins,
            pad_frames=self.speech_encoder.pad_frames,
            trailing_frames=self.config.speech_encoder.trailing_frames,
            device=self.device,
        )

    def encode(self, features: SpeechFeatures) -> SpeechStates:
        """Returns encoder states; with all layers where the emotion head reads them."""
        return self.speech_encoder(features, all_layers=self.emotion_head.needs_all_layers)

    def pieces(self, waveform: Waveform) -> list[SpeechStates]:
        """Returns the states of one 16 kHz utterance, of each piece of at most 30 s.

        Raises:
            ValueError: The utterance is empty or holds samples that are not finite.
        """
        # Before the cuts, which compare energies: a shifted zero line adds its own to all of them.
        waveform = without_offset(waveform)
        longest = self.config.speech_encoder.max_frames * HOP_SAMPLES
        states: list[SpeechStates] = []
        for start, end in quietest_cuts(waveform, longest_samples=longest):
            piece = torch.as_tensor(waveform[start:end], dtype=torch.float32)
            if 0 < piece.numel() < SHORTEST_SAMPLES:
                piece = torch.nn.functional.pad(piece, (0, SHORTEST_SAMPLES - piece.numel()))
            states.append(self.encode(self.features([piece])))
        return states

    @torch.inference_mode()
    def written_words(
        self, waveform: Waveform, *, cancelled: Callable[[], bool] = lambda: False
    ) -> Words | None:
        """Returns the words alone of a 16 kHz utterance of up to 30 s, without emotion.

        Args:
            waveform: The utterance, perhaps not whole.
            cancelled: Where it turns true the words may end early.

        Returns:
            None for a model without a decoder.
        """
        if self.decoder is None or self.config.transcription is None:
            return None
        piece = torch.as_tensor(without_offset(waveform), dtype=torch.float32)
        states = self.encode(self.features([piece]))
        if cancelled():
            return Words("", None, "decoder")
        written = written_words(
            self.decoder,
            self.config.transcription,
            states,
            self.decoder_tokenizer,
            cancelled=cancelled,
        )
        return words_of([written], self.decoder_tokenizer, self.config.word_confidence)

    @torch.inference_mode()
    def phrase_scores(self, waveform: Waveform, phrases: Sequence[str]) -> list[float] | None:
        """Returns how well each of `phrases` fits something brief, see `models.words.phrases`.

        Args:
            waveform: 16 kHz, up to 30 s, not empty.
            phrases: In small letters.

        Returns:
            Log-probabilities; None for a model without a decoder.
        """
        if self.decoder is None or self.config.transcription is None:
            return None
        states = self.encode(self.features([waveform]))
        return phrase_scores(
            self.decoder, self.config.transcription, states, phrases, self.decoder_tokenizer
        )


def emotion_of_pieces(each: Sequence[Tensor], states: Sequence[SpeechStates]) -> Tensor:
    """Returns (E,): the logits (1, E) of the pieces, weighted by their lengths."""
    lengths = torch.stack([s.lengths[0] for s in states]).float()
    stacked = torch.cat(list(each))
    return (stacked * (lengths / lengths.sum())[:, None].to(stacked)).sum(dim=0)
