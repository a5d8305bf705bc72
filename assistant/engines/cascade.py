"""Speech model: a cascade of transcript and LLM, the baseline that BLSP-Emo is compared with.

Encoder, decoder, emotion head and LLM are those of the same checkpoint, so that only the way from
speech to the LLM differs: it reads the transcript, and is told the heard emotion or not
(BLSP-Emo, arXiv 2406.03872, the baselines of its experiments).
"""

from collections.abc import Iterator

from assistant.audio.waveform import Waveform
from assistant.engines.blsp_emo import (
    BlspEmoDialogue,
    ResidentCheckpoint,
    estimate_of,
    failures,
    words_of,
)
from assistant.engines.protocols import (
    Cancel,
    EmotionEstimate,
    Persona,
    Transcript,
)
from assistant.engines.settings import GenerationSettings, ModelSettings
from models.adapters.words import NOTHING_UNDERSTOOD
from models.blsp_emo import BlspEmo
from models.checkpoints.embedded import EMBEDDED
from models.decoding.sampling import Sampling


class CascadeModel(ResidentCheckpoint):
    """A resident checkpoint whose LLM reads what its decoder wrote down; it calls no functions."""

    def __init__(
        self,
        source: str = EMBEDDED,
        run: ModelSettings | None = None,
        generation: GenerationSettings | None = None,
        *,
        tells_emotion: bool = False,
    ) -> None:
        """Loads a checkpoint as `BlspEmoModel` does.

        Args:
            source: `mini`, a folder, a part of the catalogue, or a hub id.
            run: Device, dtype and threads.
            generation: How replies are sampled.
            tells_emotion: Whether the heard emotion is named in the system line.

        Raises:
            EngineUnavailable: The checkpoint cannot be loaded; the message names the remedy.
        """
        super().__init__(source, run, generation)
        self.name = f"{source} (cascade{' with emotion' if tells_emotion else ''})"
        self.tells_emotion = tells_emotion

    def open(self, persona: Persona) -> "CascadeDialogue":
        """Starts a conversation."""
        return CascadeDialogue(self.model, persona, self.sampling, self.tells_emotion)


def cascade_telling_emotion(
    source: str = EMBEDDED,
    run: ModelSettings | None = None,
    generation: GenerationSettings | None = None,
) -> CascadeModel:
    """Returns a cascade that names the heard emotion in the system line; see `CascadeModel`.

    Raises:
        EngineUnavailable: The checkpoint cannot be loaded; the message names the remedy.
    """
    return CascadeModel(source, run, generation, tells_emotion=True)


class CascadeDialogue(BlspEmoDialogue):
    """One conversation; only words enter its KV cache. All but `hear` is as with BLSP-Emo."""

    def __init__(
        self, model: BlspEmo, persona: Persona, sampling: Sampling, tells_emotion: bool
    ) -> None:
        super().__init__(model, persona, sampling)
        self._tells_emotion = tells_emotion

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """Yields the words, which are all that the LLM is given, and then the emotion.

        A hearing that was cancelled leaves the conversation as it was.
        """
        self._has_question = False
        if cancel.is_set():
            return
        with failures():
            heard = self._model.hear(utterance, cancelled=cancel.is_set)
            estimate = estimate_of(heard)
            transcript = words_of(self._model, heard, cancel)
            if cancel.is_set():
                return
            told = self._tells_emotion and not estimate.abstained
            self._read(
                transcript.text or NOTHING_UNDERSTOOD, emotion=estimate.emotion if told else None
            )
            self._has_question = True
        yield transcript
        yield estimate
