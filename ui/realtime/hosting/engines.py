"""The engines that all conversations of a process share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assistant.conversation.engines import Engines, close
from assistant.empathy import load_policy
from assistant.engines.protocols import (
    CompletenessScorer,
    SpeechModel,
    TextToSpeech,
    VoiceActivityDetector,
)
from assistant.remembered import RememberedFile
from assistant.safety import HelpFinder
from assistant.turns.settings import TalkSettings
from assistant.worker import Worker
from ui.realtime.hosting.census import Census
from ui.realtime.hosting.replicas import Replicas


def _worker(name: str) -> Callable[[], Worker]:
    return lambda: Worker(name, limit=4_096)


@dataclass(frozen=True, slots=True)
class Resident:
    """Loaded once; each has one thread, which takes a step of each conversation in turn."""

    models: Mapping[str, SpeechModel]
    """By the names that clients choose from; the first is the default."""
    voices: Mapping[str, TextToSpeech]
    """Likewise."""
    open_detector: Callable[[], VoiceActivityDetector]
    """Makes the detector of one conversation."""
    policies: tuple[str, ...] = ("empathetic",)
    """Names of reply policies, likewise."""
    persona: str = ""
    """The system line where a client gives none; empty stands for the model's own."""
    talk: TalkSettings = field(default_factory=TalkSettings)
    judge: CompletenessScorer | None = None
    """Judges by the sound, for all conversations, whether a turn is whole, and keeps no state."""
    judges_words: bool = True
    """Whether each conversation has a judge of its model's beside it, by the words."""
    help_finder: HelpFinder | None = None
    """Finds words that suggest danger to life."""
    records: Path | None = None
    """Folder for the talks of people who agree to be recorded; None where nobody can."""
    remembered: RememberedFile | None = None
    """What is remembered between talks; None where not one person alone can reach the server."""
    shown_records: Path | None = None
    """Folder of recorded talks that whoever reaches this server may see and go on with; None where
    they may not."""
    notice: str | None = None
    """Who answers or speaks instead of whom, and what mends it; the page says it in its head."""
    works_elsewhere: bool = False
    """Whether model and voice are on other machines: a conversation that waits for them then has
    threads of its own, since one thread for all would let them answer one conversation a time."""
    census: Census | None = None
    """Compares with the other gateways of a cluster; None where there are none."""
    replicas: Replicas | None = None
    """Asks the replicas of a cluster how they are; None where there are none."""
    ear_worker: Worker = field(default_factory=_worker("ear"))
    model_worker: Worker = field(default_factory=_worker("speech model"))
    voice_worker: Worker = field(default_factory=_worker("voice"))

    @property
    def default_model(self) -> str:
        """The model of a client that names none, or one of another service."""
        return next(iter(self.models))

    @property
    def default_voice(self) -> str:
        """The voice of a client that names none."""
        return next(iter(self.voices))

    @property
    def sends_words_to(self) -> str | None:
        """Other machines that a model sends the person's words to; None where they stay here."""
        hosts = [model.sends_words_to for model in self.models.values()]
        return ", ".join(dict.fromkeys(host for host in hosts if host)) or None

    def engines(self) -> Engines:
        """Returns what a conversation begins with: the defaults, and a detector of its own."""
        own = self.works_elsewhere
        return Engines(
            self.models[self.default_model],
            self.voices[self.default_voice],
            load_policy(self.policies[0]),
            self.open_detector(),
            self.default_voice,
            self.help_finder,
            judge=self.judge,
            judges_words=self.judges_words,
            remembered=self.remembered,
            ear_worker=self.ear_worker,
            model_worker=Worker("speech model") if own else self.model_worker,
            voice_worker=Worker("voice") if own else self.voice_worker,
        )

    def give_back(self, engines: Engines) -> None:
        """Ends the threads that a conversation had of its own, after what waits there."""
        for worker in (engines.model_worker, engines.voice_worker):
            if worker not in (self.model_worker, self.voice_worker):
                worker.close(wait=False)

    def close(self) -> None:
        """Ends the threads after what they are at, then the engines."""
        for worker in (self.ear_worker, self.model_worker, self.voice_worker):
            worker.close()
        for asking in (self.census, self.replicas):
            if asking is not None:
                asking.close()
        for engine in (*self.voices.values(), *self.models.values()):
            close(engine)
