"""Speech model: BLSP-Emo hears words and voice together and answers both."""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakValueDictionary

from torch import OutOfMemoryError

from assistant.audio.waveform import Waveform
from assistant.engines.brief_thread import on_brief_thread
from assistant.engines.protocols import (
    Cancel,
    EmotionEstimate,
    Persona,
    SpeechModel,
    TextDelta,
    Transcript,
)
from assistant.engines.settings import GenerationSettings, ModelSettings
from assistant.engines.tool_calls import COMMON_MARKS, tool_lines
from assistant.errors import EngineFailed, EngineUnavailable, PersonaTooLong
from models.blsp_emo import BlspEmo, HeardSpeech
from models.checkpoints.embedded import EMBEDDED, folder_of
from models.config import TurnEndConfig
from models.decoding.begin import begin_sharing
from models.decoding.sampling import Sampling
from models.emotions import Emotion
from models.listening.hearing import HearingModel
from models.pretrained.catalogue import Part
from models.pretrained.unpacked import KINDS, unpacked
from models.replies.asking import SentenceEnd
from models.talk import SystemLineTooLong, TalkSession
from models.transcription import transcribe
from models.weights import CheckpointError

KEPT_CONVOLUTIONS = "64"
"""Shapes that oneDNN keeps compiled code for. Hardly two utterances are of the same length: of its
own thousand, which it reaches after an hour of talk and 80 MB, few would ever be used again."""


_RESIDENT: "WeakValueDictionary[str, BlspEmo]" = WeakValueDictionary()
"""Checkpoints in memory, by what they were loaded from and how. BLSP-Emo and its cascades beside
each other, as in a study, are one set of weights: mini takes 3 GB."""


class ResidentCheckpoint(SpeechModel):
    """What speech models have in common whose checkpoint is loaded here, once for all talks."""

    def __init__(
        self,
        source: str = EMBEDDED,
        run: ModelSettings | None = None,
        generation: GenerationSettings | None = None,
    ) -> None:
        """Loads a checkpoint.

        Args:
            source: `mini`, a folder, a part of the catalogue, or a hub id.
            run: Device, dtype and threads.
            generation: How replies are sampled.

        Raises:
            EngineUnavailable: The checkpoint is missing, damaged, unsafe or too large; the
                message names the remedy.
        """
        self.name = source
        self.model = load_checkpoint(source, run or ModelSettings())
        self.sampling = sampling_of(generation or GenerationSettings())

    @property
    def computes_with(self) -> object:
        """See `SpeechModel.computes_with`."""
        return self.model

    def transcribe(self, utterance: Waveform) -> Transcript:
        """Returns the words of an utterance that belongs to no conversation.

        Raises:
            EngineFailed: The model broke.
        """
        with failures():
            return words_of(self.model, self.model.hear(utterance), Cancel())

    def overhear(self, utterance: Waveform, cancel: Cancel) -> Transcript | None:
        """Returns the words so far of somebody who still speaks; None where nothing writes them.

        Raises:
            EngineFailed: The model broke.
        """
        return overheard(self.model, utterance, cancel)

    def weigh(self, utterance: Waveform, phrases: Sequence[str]) -> Sequence[float] | None:
        """Returns how well `phrases` fit something brief; None where the model cannot tell.

        Raises:
            EngineFailed: The model broke.
        """
        with failures():
            return self.model.phrase_scores(utterance, phrases)

    def scorer(self) -> "LlmCompleteness":
        """Returns what judges whether a person who paused is done; one for each conversation."""
        return LlmCompleteness(self.model)


class BlspEmoModel(ResidentCheckpoint):
    """A resident checkpoint that serves all conversations of the process."""

    def open(self, persona: Persona) -> "BlspEmoDialogue":
        """Starts a conversation."""
        return BlspEmoDialogue(self.model, persona, self.sampling)

    @property
    def call_marks(self) -> tuple[str, str] | None:
        """How its LLM calls functions; None where its chat template knows no calls."""
        template = self.model.tokenizer.chat_template or ""
        return COMMON_MARKS if COMMON_MARKS[0] in template else None

    def open_with_tools(
        self, persona: Persona, tools: Sequence[dict[str, Any]]
    ) -> "BlspEmoDialogue | None":
        """Starts a conversation whose system line names functions; None where it calls nothing."""
        if self.call_marks is None:
            return None
        system = persona.system or self.model.config.persona
        return self.open(Persona(f"{system}\n\n{tool_lines(tools)}", persona.known))


class LlmCompleteness:
    """How surely the person is done after the words so far, by the LLM.

    It judges the words alone, in a conversation of its own that stays empty. A checkpoint whose
    odds were never calibrated (`python -m train turn-ends`) does not judge: raw odds are far too
    low, and everybody would wait too long.
    """

    UNSURE_BELOW = 0.4
    """Share of right words below which what was written down says too little about its end."""

    def __init__(self, model: BlspEmo) -> None:
        self._session = TalkSession(model)
        self._is_calibrated = model.config.turn_end != TurnEndConfig()

    def score(self, utterance: Waveform, words: Transcript) -> float | None:
        """Returns the probability in [0, 1] of the end of the turn; None where it is not known."""
        is_unsure = words.confidence is not None and words.confidence < self.UNSURE_BELOW
        if is_unsure or not self._is_calibrated or not words.text.strip():
            return None
        with failures():
            return self._session.completeness(words.text)


class BlspEmoDialogue:
    """One conversation; the speech itself stays in its KV cache."""

    def __init__(self, model: BlspEmo, persona: Persona, sampling: Sampling) -> None:
        self._model = model
        try:
            self._session = _begun(model, persona, sampling)
        except SystemLineTooLong as error:
            raise PersonaTooLong(str(error)) from error
        self._has_question = False
        self.is_shortened = False

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """Yields the emotion as soon as it is known, then the words.

        The reply is made from the speech itself, or from the very words that are yielded, as the
        adapter of the checkpoint has it. A hearing that was cancelled leaves the conversation as
        it was.
        """
        self._has_question = False
        if cancel.is_set():
            return
        with failures():
            heard = self._model.hear(utterance, cancelled=cancel.is_set)
            if cancel.is_set():
                return
            self._session.listen(self._shortened(heard))
        self._has_question = True
        yield estimate_of(heard)
        if cancel.is_set():
            return
        with failures():
            transcript = words_of(self._model, heard, cancel)
        if not cancel.is_set():
            yield transcript

    def read(self, text: str) -> None:
        """Takes a typed utterance."""
        self._has_question = False
        with failures():
            self._read(text)
        self._has_question = True

    def _read(self, text: str, *, emotion: Emotion | None = None) -> None:
        """Gives the model what it can follow of `text`: the end of it."""
        taken = self._session.fitting(text)
        self.is_shortened = taken != text
        self._session.read(taken, emotion=emotion)

    def _shortened(self, heard: HeardSpeech) -> HeardSpeech:
        """Returns what the model can follow of `heard`: the end of it."""
        taken = self._session.fitting_speech(heard)
        self.is_shortened = len(taken.speech_embeddings) < len(heard.speech_embeddings)
        return taken

    def compute(self) -> None:
        """Computes now what was read so far, which the next answer would have to wait for."""
        with failures():
            self._session.compute()

    def prefill(self) -> Iterator[None]:
        """Computes a long system line before anything is said, a part with each step."""
        with failures():
            yield from self._session.prefill()

    def expect(self, words: str, gives_way: Callable[[], bool]) -> Iterator[None]:
        """Computes what the LLM is shown before it answers something like `words`."""
        with failures():
            yield from self._session.expect(words, gives_way=gives_way)

    def withdraw(self) -> None:
        """Forgets the last utterance and what was begun in answer to it.

        One that never arrived, because hearing it failed or was cancelled, leaves nothing to
        forget.
        """
        if self._has_question:
            self._session.take_back()
        self._has_question = False

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Yields the reply token by token."""
        with failures():
            for piece in self._session.reply(cancelled=cancel.is_set):
                source = "written" if self._session.is_written else "model"
                is_end = isinstance(piece, SentenceEnd)
                yield TextDelta(piece, ends_sentence=is_end, source=source)

    def replace_reply(self, text: str) -> None:
        """Takes `text` as the reply, although the LLM did not write it."""
        with failures():
            self._session.replace_reply(text)

    def truncate(self, heard: str) -> None:
        """Keeps of the last reply what was heard of it."""
        with failures():
            self._session.truncate(heard)


def _begun(model: BlspEmo, persona: Persona, sampling: Sampling) -> TalkSession:
    """Returns a talk with `persona`, and with what it knows of the person where that fits."""
    # The persona comes first: where both do not fit, what is known of the person is left out.
    if persona.known:
        with suppress(SystemLineTooLong):
            return TalkSession(
                model, persona=persona.system, known=persona.known, sampling=sampling
            )
    return TalkSession(model, persona=persona.system, sampling=sampling)


def load_checkpoint(source: str, run: ModelSettings) -> BlspEmo:
    """Returns the checkpoint that `source` names, ready to run; the same while somebody has it.

    Raises:
        EngineUnavailable: It cannot be loaded; the message names the remedy.
    """
    # By when it was written, too: a checkpoint that was trained further in the same folder is
    # another.
    config = folder_of(source) / "config.json"
    written_ns = config.stat().st_mtime_ns if config.is_file() else 0
    key = f"{source} {run.model_dump_json()} {written_ns}"
    if (resident := _RESIDENT.get(key)) is None:
        _RESIDENT[key] = resident = on_brief_thread(lambda: _loaded(source, run))
    return resident


def _loaded(source: str, run: ModelSettings) -> BlspEmo:
    prepare_torch(run)
    narrow = run.dtype if run.dtype in ("int8", "int4") else None
    dtype = "auto" if run.dtype in ("int8", "int4") else run.dtype
    try:
        model = BlspEmo.from_pretrained(
            source,
            dtype=dtype,
            device=run.device,
            quantize=narrow or "none",
            together=run.together or 1,
        )
        model.steps = begin_sharing(
            model.llm,
            positions=model.config.held_tokens,
            together=run.together,
            steps=run.steps,
            is_narrow=narrow == "int8",
        )
    except CheckpointError as error:
        raise EngineUnavailable(str(error)) from error
    return model


def prepare_torch(run: ModelSettings) -> None:
    """Sets what all models of the process share."""
    # Before torch is imported and computes: oneDNN reads it once.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", KEPT_CONVOLUTIONS)
    import torch

    if run.threads is not None:
        torch.set_num_threads(run.threads)


def unpack(part: Part) -> None:
    """Unpacks a part that is on this machine, where it is one that is unpacked.

    Raises:
        PartError: There is no room for it.
        EngineUnavailable: It is damaged; the message names the remedy.
    """
    if part.kind not in KINDS:
        return
    try:
        unpacked(part)
    except CheckpointError as error:
        raise EngineUnavailable(str(error)) from error


def sampling_of(generation: GenerationSettings) -> Sampling:
    """Returns the model's own record of the generation settings."""
    return Sampling(
        max_new_tokens=generation.longest_tokens,
        temperature=generation.temperature,
        top_p=generation.top_p,
        repetition_penalty=generation.repetition_penalty,
        no_repeat_ngram=generation.no_repeat_ngram,
        seed=generation.seed,
        examples=generation.examples,
    )


def estimate_of(heard: HeardSpeech) -> EmotionEstimate:
    """Returns the calibrated estimate of an utterance."""
    return EmotionEstimate(heard.probabilities, abstained=heard.abstained)


def overheard(model: HearingModel, utterance: Waveform, cancel: Cancel) -> Transcript | None:
    """Returns the words so far of somebody who still speaks; None where no decoder writes them.

    Raises:
        EngineFailed: The model broke.
    """
    with failures():
        words = model.written_words(utterance, cancelled=cancel.is_set)
    return None if words is None else Transcript(words.text, words.confidence, words.source)


def words_of(model: BlspEmo, heard: HeardSpeech, cancel: Cancel) -> Transcript:
    """Returns the words of an utterance, from its encoder states."""
    words = transcribe(model, heard, cancelled=cancel.is_set)
    return Transcript(words.text, confidence=words.confidence, source=words.source)


@contextmanager
def failures() -> Generator[None]:
    """Maps what a model may raise while working to `EngineFailed`.

    Raises:
        EngineFailed: The turn cannot be finished; the conversation can go on.
    """
    try:
        yield
    except ValueError as error:
        raise EngineFailed(f"the speech model refused this turn: {error}") from error
    except OutOfMemoryError as error:
        raise EngineFailed(
            "the GPU has no memory left for this turn: end what else runs on it, or start with "
            "fewer talks at once (--together) or weights of 8 or 4 bits (--dtype int8, int4)"
        ) from error
    except (RuntimeError, MemoryError, IndexError) as error:
        summary = str(error).strip().splitlines()[0] if str(error).strip() else "no details"
        raise EngineFailed(
            f"the speech model broke ({type(error).__name__}: {summary}): try again, "
            "with a shorter recording or a smaller model"
        ) from error
