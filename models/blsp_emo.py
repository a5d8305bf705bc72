"""`BlspEmo`: encoder, adapter, LLM and emotion head together, and what one utterance gives."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from models.adapters.build import build_adapter
from models.adapters.embeddings import SpeechEmbeddings
from models.adapters.emotion_vectors import EmotionVectors
from models.adapters.words import NOTHING_UNDERSTOOD, WordsAdapter, WordStates, shared_text
from models.checkpoints.checkpoint import Checkpoint, open_checkpoint, weights_to_save
from models.checkpoints.filling import Quantize, ReservedTalks, check_quantize, fill
from models.checkpoints.whisper import load_decoder
from models.config import BlspEmoConfig, CalibrationConfig
from models.decoding.shared import SharedSteps
from models.emotion.heads import abstains, build_emotion_head, calibrated, is_told
from models.examples.book import ExampleBook
from models.examples.opening import example_book
from models.features import Waveform
from models.int8 import Int8Linear, quantize_layers
from models.listening.hearing import HearingModel, emotion_of_pieces
from models.llm import LanguageModel
from models.precision import DtypeName, choose_device
from models.prompts import ChatPrompts, chat_prompts
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechEncoder, SpeechStates
from models.tokenizer import Tokenizer
from models.weights import CheckpointError, without_weights
from models.words.written import (
    Words,
    WrittenWords,
    are_understood,
    text_of,
    words_of,
    written_words,
)


@dataclass(frozen=True, slots=True)
class HeardSpeech:
    """What the model hears in one utterance: from here come reply, emotion and words."""

    speech_states: tuple[SpeechStates, ...]
    """Encoder states, a batch of one for each piece of at most 30 s."""
    speech_embeddings: Tensor
    """(S, D), what the LLM is given in place of words."""
    emotion_logits: Tensor
    """(E,) before calibration, float32 on the CPU."""
    probabilities: tuple[float, ...]
    """Calibrated, in the order of `Emotion`."""
    abstained: bool
    """Whether the model is too uncertain to be acted on."""
    words: Words | None = None
    """What was said, where the LLM is given words (adapter `words`); None where it is not."""
    untold: Tensor | None = None
    """(S, D) `speech_embeddings` without positions that tell the emotion; None: there are none."""

    def is_plain(self, calibration: CalibrationConfig) -> bool:
        """Whether no feeling was heard that there is anything to say about."""
        return self.abstained or not is_told(self.probabilities, calibration)


class BlspEmo(HearingModel):
    """BLSP-Emo (arXiv 2406.03872), built from `config` with random weights.

    Args:
        config: Shapes of all parts.
        tokenizer: The LLM's; needed for prompts and talk, not for tensors.
        decoder_tokenizer: That of Whisper's decoder, where it has one of its own.

    Raises:
        ValueError: The parts of `config` do not fit together.
    """

    def __init__(
        self,
        config: BlspEmoConfig,
        *,
        tokenizer: Tokenizer | None = None,
        decoder_tokenizer: Tokenizer | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self._tokenizer, self._decoder_tokenizer = tokenizer, decoder_tokenizer
        self.examples: ExampleBook | None = None
        """Written exchanges that a talk shows the LLM; None where the checkpoint brings none."""
        self.steps: SharedSteps | None = None
        """What talks share while they are answered at the same time; None: each steps alone."""
        shape = config.speech_encoder
        self.speech_encoder = SpeechEncoder(shape)
        self.llm = LanguageModel(config.llm, config.lora)
        self.adapter = build_adapter(config.adapter, shape, self.llm.width)
        self.emotion_head = build_emotion_head(config.emotion_head, shape, self.llm.width)
        self.decoder = SpeechDecoder(shape) if config.has_decoder else None
        self.emotion_vectors = (
            EmotionVectors(self.llm.width, config.emotion_positions)
            if config.emotion_in_embeddings
            else None
        )

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        dtype: DtypeName = "auto",
        device: str = "auto",
        quantize: Quantize = "none",
        together: int = 1,
    ) -> "BlspEmo":
        """Loads a checkpoint in our layout or in the published one, ready for inference.

        Args:
            source: A folder, or a hub id such as `cwang621/blsp-emo`.
            dtype: `auto` takes what the device is fastest in: on a CPU int8 where a part stores its
                weights so.
            device: `auto` is the GPU where there is one, else the CPU.
            quantize: `int8` speeds decoding up and changes a reply now and then; `int4`, on a GPU
                alone, more of both.
            together: Talks that must fit the memory of a GPU at once, beside the weights.

        Raises:
            CheckpointError: It is missing, damaged, unsafe, of an unknown layout, or does not
                fit the memory; the message names the remedy.
        """
        target = choose_device(device)
        check_quantize(quantize, target)
        found = open_checkpoint(source)
        try:
            # Random weights would be drawn, and take memory, only to be written over.
            with without_weights():
                model = cls(
                    found.config,
                    tokenizer=found.tokenizer,
                    decoder_tokenizer=found.decoder_tokenizer,
                )
        except (ValueError, TypeError, KeyError) as error:
            path = found.weights.folder / "config.json"
            raise CheckpointError(f"{path} describes no model: {error}") from error
        talks = ReservedTalks(model.llm, together, found.config.held_tokens)
        if fill(model, found.weights, dtype=dtype, device=target, quantize=quantize, talks=talks):
            model._compute_in_int8()
        model.examples = example_book(found.weights.folder, found.config.parts)
        return model.eval()

    def checkpoint(
        self,
        *,
        dtype: torch.dtype | None = None,
        llm_changes: Mapping[str, Tensor] | None = None,
        parameters: Iterable[tuple[str, Tensor]] | None = None,
    ) -> Checkpoint[Mapping[str, Tensor]]:
        """Returns what `models.checkpoints.checkpoint.save` writes of this model.

        Args:
            dtype: Number format of the weights in the file; their own if not given.
            llm_changes: Tensors that are written in place of the LLM's own, which a part gives.
            parameters: Written instead of the model's own, such as whole ones where its own are
                spread over processes.

        Raises:
            ValueError: The model is in 8 bits, and not its LLM alone with `llm_changes` for it.
        """
        if llm_changes is None and any(isinstance(m, Int8Linear) for m in self.modules()):
            raise ValueError("a model in 8 bits cannot be saved: load it with another dtype")
        weights = weights_to_save(
            self.named_parameters() if parameters is None else parameters,
            dtype=dtype,
            llm_changes=llm_changes,
        )
        return Checkpoint(self.config, self._tokenizer, self._decoder_tokenizer, weights)

    def _compute_in_int8(self) -> None:
        """Lets the large layers of encoder, decoder and LLM compute in 8 bits, the rest in 32."""
        quantize_layers(self.llm)
        quantize_layers(self.speech_encoder)
        if self.decoder is not None:
            self.decoder.quantize()
        self.float()

    @classmethod
    def tiny(cls, *, seed: int = 0, **options: object) -> "BlspEmo":
        """Returns a random model of `BlspEmoConfig.tiny(**options)`, the same for each seed."""
        # The caller's random numbers go on as if nothing was drawn here.
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return cls(BlspEmoConfig.tiny(**options)).eval()  # pyright: ignore[reportArgumentType]

    def attach_decoder(self, source: str | Path, *, language: str = "en") -> None:
        """Lets the Whisper in `source` write the words, from this model's encoder states.

        Args:
            source: A folder or hub id; `openai/whisper-large-v2` for the published checkpoint.
            language: Of the words, as Whisper abbreviates it.

        Raises:
            CheckpointError: It is not the Whisper that this model's encoder came from.
        """
        found = load_decoder(source, self.speech_encoder, language=language)
        self.decoder = found.decoder
        self._decoder_tokenizer = found.tokenizer
        self.config = replace(
            self.config, speech_encoder=found.shape, transcription=found.transcription
        )

    @property
    def tokenizer(self) -> Tokenizer:
        """The LLM's tokenizer.

        Raises:
            ValueError: The model was built without one.
        """
        if self._tokenizer is None:
            raise ValueError("this model has no tokenizer: give one when building it")
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # The prompts are of the tokenizer before: they are made anew when they are next asked for.
        self.__dict__.pop("prompts", None)

    @property
    def decoder_tokenizer(self) -> Tokenizer:
        """The tokenizer of the transcribing decoder."""
        return self._decoder_tokenizer or self.tokenizer

    @cached_property
    def prompts(self) -> ChatPrompts:
        """The prompts in the chat template of this model's LLM."""
        return chat_prompts(self.tokenizer)

    def speech_positions(self, mask: Tensor) -> AbstractContextManager[None]:
        """Within it LoRA acts on `mask` (B, T) bool; spans `backward` in training."""
        return self.llm.speech_positions(mask)

    def adapt(
        self,
        states: SpeechStates,
        token_counts: Tensor | None = None,
        emotions: Tensor | None = None,
    ) -> SpeechEmbeddings:
        """Returns speech embeddings.

        Args:
            states: Of the encoder.
            token_counts: (B,) as in `CFormer.forward`.
            emotions: (B, E) probabilities known from elsewhere, such as labels in training or a
                person's correction; the head's estimate if not given. Used by models with
                `emotion_in_embeddings` only.
        """
        embedded = self._adapted(states, token_counts)
        if self.emotion_vectors is not None and emotions is None:
            emotions = calibrated(self.emotion_head(states, embedded), self.config.calibration)
        return self.with_emotion(embedded, emotions)

    def _adapted(
        self, states: SpeechStates, token_counts: Tensor | None = None
    ) -> SpeechEmbeddings:
        written = self._written(states)
        return self.adapter(states, token_counts) if written is None else self._in_words(written)

    def with_emotion(self, embedded: SpeechEmbeddings, emotions: Tensor | None) -> SpeechEmbeddings:
        """Returns `embedded` as it sounds by `emotions` (B, E), if the model tells of any."""
        if self.emotion_vectors is None or emotions is None:
            return embedded
        return self.emotion_vectors.tell(embedded, emotions)

    def emotion_logits(self, states: SpeechStates, embedded: SpeechEmbeddings) -> Tensor:
        """Returns emotion logits (B, E)."""
        return self.emotion_head(states, embedded)

    @torch.inference_mode()
    def hear(
        self, waveform: Waveform, *, cancelled: Callable[[], bool] = lambda: False
    ) -> HeardSpeech:
        """Returns what is heard in one 16 kHz utterance of any length above zero.

        Beyond 30 s it is encoded in pieces cut at the quietest places; they stay one utterance.

        Args:
            waveform: The utterance.
            cancelled: Where it turns true the words may end early.

        Raises:
            ValueError: The utterance is empty or holds samples that are not finite.
        """
        states = self.pieces(waveform)
        found = [self._written(piece, cancelled) for piece in states]
        written = [words for words in found if words is not None]
        words = (
            words_of(written, self.decoder_tokenizer, self.config.word_confidence)
            if written
            else None
        )
        # The head reads the embeddings before the emotion is on them: it would hear itself.
        plain = self._given(states, found)
        each = [self.emotion_logits(s, e) for s, e in zip(states, plain, strict=True)]
        logits = emotion_of_pieces(each, states).float().cpu()
        whole = calibrated(logits, self.config.calibration)
        embedded, untold = self._told(plain, each, whole)
        if words and not self.understands(words):
            # Neither guessed words nor what a noise sounds like may colour the question back.
            embedded, untold = self._of_text(NOTHING_UNDERSTOOD).of(0), None
        probabilities = tuple(float(p) for p in whole)
        return HeardSpeech(
            # All layers are as large as the states times their number, and nobody reads them again.
            speech_states=tuple(replace(s, layers=()) for s in states),
            speech_embeddings=embedded,
            emotion_logits=logits,
            probabilities=probabilities,
            abstained=abstains(probabilities, self.config.calibration),
            words=words,
            untold=untold,
        )

    def _told(
        self, plain: Sequence[SpeechEmbeddings], each: Sequence[Tensor], whole: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Returns what the LLM is given of an utterance's pieces (S, D), and `HeardSpeech.untold`.

        Args:
            plain: The pieces without their emotion.
            each: Emotion logits (1, E) of each.
            whole: (E,) calibrated probabilities of the utterance.
        """
        vectors = self.emotion_vectors
        if vectors is None:
            return torch.cat([piece.of(0) for piece in plain]), None
        # Each piece keeps its own, because a person's tone may turn within a minute and the words
        # beside it should carry that; what is told behind the words is told once, of them all.
        emotions = [calibrated(told, self.config.calibration) for told in each]
        pieces = [vectors.on_words(*both) for both in zip(plain, emotions, strict=True)]
        given = torch.cat([piece.of(0) for piece in pieces])
        spoken = [place for place, piece in enumerate(pieces) if int(piece.lengths[0])]
        if not vectors.positions or not spoken:
            return given, given if vectors.positions else None
        last = spoken[-1]
        pieces[last] = vectors.behind(pieces[last], whole[None].to(given.device))
        return torch.cat([piece.of(0) for piece in pieces]), given

    def understands(self, words: Words) -> bool:
        """Whether enough of `words` are probably right for an answer to them."""
        return are_understood(words, self.config.word_confidence)

    def embed_words(
        self, ids: Tensor, counts: Tensor, written: WordStates | None = None
    ) -> SpeechEmbeddings:
        """Returns what the LLM is given for utterances whose words are known, without emotion.

        Args:
            ids: (B, L) tokens of the words, padded.
            counts: (B,) tokens of each.
            written: How the decoder wrote them, for the adapter `words`.
        """
        embeddings = self.llm.embed(ids)
        if isinstance(self.adapter, WordsAdapter) and written is not None:
            embeddings = self.adapter(embeddings, written)
        return SpeechEmbeddings(embeddings, counts)

    def _given(
        self, states: Sequence[SpeechStates], written: Sequence[WrittenWords | None]
    ) -> list[SpeechEmbeddings]:
        """Returns what the LLM is given for each piece of an utterance, without emotion.

        Words of a piece that follows others begin with a space, as in a text.
        """
        given: list[SpeechEmbeddings] = []
        for piece, words in zip(states, written, strict=True):
            is_first = not any(int(before.lengths[0]) for before in given)
            before = "" if is_first else " "
            given.append(self.adapter(piece) if words is None else self._in_words(words, before))
        return given

    def _in_words(self, written: WrittenWords, before: str = "") -> SpeechEmbeddings:
        """Returns what the LLM is given for words of the decoder, with `before` before them."""
        theirs = self.decoder_tokenizer
        text = text_of(written, theirs)
        # Nothing is given for a piece without words, and not three dots: others may hold words, and
        # `hear` gives the dots once, where none do.
        if written.states is None or not text:
            return self._of_text("")
        shared = shared_text(before + text, self.tokenizer, theirs, written.ids)
        ids = torch.tensor([shared.ids], dtype=torch.long, device=self.device)
        how = WordStates(written.states[None], shared.overlaps[None].to(self.device))
        return self.embed_words(ids, torch.tensor([ids.shape[1]], device=self.device), how)

    def _of_text(self, text: str) -> SpeechEmbeddings:
        """Returns `text` as if it was typed."""
        ids = torch.tensor([self.prompts.content(text)], dtype=torch.long, device=self.device)
        return self.embed_words(ids, torch.tensor([ids.shape[1]], device=self.device))

    def _written(
        self, states: SpeechStates, cancelled: Callable[[], bool] = lambda: False
    ) -> WrittenWords | None:
        """Returns the words of an utterance where the LLM is given them."""
        if not isinstance(self.adapter, WordsAdapter):
            return None
        # A configuration with this adapter and without a decoder is refused.
        assert self.decoder is not None and self.config.transcription is not None
        return written_words(
            self.decoder,
            self.config.transcription,
            states,
            self.decoder_tokenizer,
            cancelled=cancelled,
        )
