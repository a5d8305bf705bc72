"""What answers: the model, the voice and all else that conversations of one process share."""

from dataclasses import dataclass, field

from assistant.empathy import ReplyPolicy
from assistant.engines.protocols import (
    CompletenessScorer,
    SpeechModel,
    TextToSpeech,
    VoiceActivityDetector,
)
from assistant.remembered import RememberedFile
from assistant.safety import HelpFinder
from assistant.worker import Worker


@dataclass(slots=True)
class Engines:
    """What a conversation is answered with, and the threads on which it works.

    Not frozen: who holds a conversation may exchange model, voice or policy of its own copy
    (`dataclasses.replace`) between two answers, and the next answer is made with the new one.
    """

    model: SpeechModel
    voice: TextToSpeech
    policy: ReplyPolicy
    detector: VoiceActivityDetector
    """It holds state: a copy for a conversation beside others has a fresh one."""
    voice_name: str
    """The engine that speaks, such as `flite`, also where `auto` chose it."""
    help_finder: HelpFinder | None = None
    """Finds danger to life in the person's words; None for engines that talk to nobody."""
    remembered: RememberedFile | None = None
    """What the person lets Attune remember between talks; None where that is not offered."""
    notice: str | None = None
    """Who answers or speaks instead of whom, and what mends it; None where nobody does."""
    judge: CompletenessScorer | None = None
    """Judges by the sound whether a turn is whole; keeps no state."""
    judges_words: bool = True
    """Whether the model, where it can, judges by the words as well."""
    ear_worker: Worker = field(default_factory=lambda: Worker("ear"))
    model_worker: Worker = field(default_factory=lambda: Worker("model"))
    voice_worker: Worker = field(default_factory=lambda: Worker("voice"))

    @property
    def workers(self) -> list[Worker]:
        """The threads of the engines, which copies share."""
        return [self.ear_worker, self.model_worker, self.voice_worker]

    def close_workers(self) -> None:
        """Ends the threads after what waits there; not to be called on the event loop."""
        for worker in self.workers:
            worker.close()

    def close(self) -> None:
        """Ends the threads, then the engines; not to be called on the event loop.

        In this order: a step that still waits would else find its engine gone.
        """
        self.close_workers()
        for engine in (self.voice, self.model, self.detector):
            close(engine)


def close(engine: object) -> None:
    """Ends the threads and processes of an engine, if it has any."""
    end = getattr(engine, "close", None)
    if end is not None:
        end()
