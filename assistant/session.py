"""One conversation put together: engines, workers and devices in, a loop to run out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assistant.assembly import Engines
from assistant.audio.echo import open_canceller
from assistant.audio.protocols import EchoCanceller, Microphone, Speaker
from assistant.audio.sound_card import SoundCard
from assistant.conversation.in_force import SettingsInForce
from assistant.conversation.loop import Listener, TalkLoop, TalkParts, Tap
from assistant.conversation.reply_parts import ReplyParts, Styles
from assistant.engines.protocols import Dialogue, JudgesTurns, Persona, TextToSpeech, Transcribes
from assistant.engines.table import open_turn_judge
from assistant.events import ConversationStarted, Event
from assistant.safety import HelpFinder, SafetyWatch
from assistant.settings import TalkCommandSettings
from assistant.turns.ear import Ear
from assistant.turns.judges import TurnJudges
from assistant.turns.settings import TalkSettings
from assistant.worker import Worker


@dataclass(frozen=True, slots=True)
class Workers:
    """The threads of a conversation's engines; model and voice may serve several conversations."""

    ear: Worker = field(default_factory=lambda: Worker("ear"))
    model: Worker = field(default_factory=lambda: Worker("model"))
    voice: Worker = field(default_factory=lambda: Worker("voice"))

    def __iter__(self) -> Iterator[Worker]:
        return iter((self.ear, self.model, self.voice))

    def close(self) -> None:
        """Ends the threads after what waits there; not to be called on the event loop."""
        for worker in self:
            worker.close()


@dataclass(frozen=True, slots=True)
class Ends:
    """Where sound comes from and goes to."""

    microphone: Microphone
    speaker: Speaker
    canceller: EchoCanceller | None = None
    """None where no echo reaches the microphone."""


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who follows a conversation."""

    listeners: tuple[Listener, ...] = ()
    """Get every event, in this order."""
    tap: Tap | None = None

    def with_listener(self, listener: Listener) -> "Watchers":
        """Returns these and one listener more."""
        return replace(self, listeners=(*self.listeners, listener))

    def listen(self, event: Event) -> None:
        """Passes an event on to all."""
        for listener in self.listeners:
            listener(event)


def open_talk(
    settings: TalkCommandSettings,
    engines: Engines,
    workers: Workers,
    ends: Ends,
    watchers: Watchers,
) -> TalkLoop:
    """Returns a conversation that is ready to run; its first event has been published.

    To be called on the event loop that will run it.
    The detector of `engines` must not be in use by another conversation.

    Raises:
        EngineUnavailable: The file that is to judge the ends of turns cannot be used.
    """
    parts = talk_parts(
        ends,
        Ear(engines.detector, ends.canceller),
        workers,
        dialogue=engines.model.open(Persona(settings.persona)),
        voice=engines.voice,
        policy=engines.policy,
        judges=_open_judges(settings, engines),
        transcriber=engines.model if isinstance(engines.model, Transcribes) else None,
        help_finder=engines.help_finder,
    )
    taking = turn_taking(settings)
    in_force = SettingsInForce(
        watchers.listen,
        {
            "model": engines.model.name,
            "voice": engines.voice_name,
            "policy": engines.policy.name,
            "patience": taking.patience.base,
            "turns": taking.turns,
        },
    )
    watchers.listen(started(settings, engines, in_force))
    return TalkLoop(
        parts,
        taking,
        listener=in_force.listen,
        tap=watchers.tap,
    )


def talk_parts(
    ends: Ends,
    ear: Ear,
    workers: Workers,
    *,
    dialogue: Dialogue,
    voice: TextToSpeech,
    policy: Styles,
    judges: TurnJudges | None = None,
    transcriber: Transcribes | None = None,
    help_finder: HelpFinder | None = None,
) -> TalkParts:
    """Returns what one conversation is held with."""
    return TalkParts(
        microphone=ends.microphone,
        speaker=ends.speaker,
        ear=ear,
        ear_worker=workers.ear,
        reply=ReplyParts(
            dialogue=dialogue,
            voice=voice,
            policy=policy,
            speaker=ends.speaker,
            model_worker=workers.model,
            voice_worker=workers.voice,
            judges=judges or TurnJudges(),
            transcriber=transcriber,
            safety=SafetyWatch(help_finder),
        ),
    )


def _open_judges(settings: TalkCommandSettings, engines: Engines) -> TurnJudges:
    chosen, model = settings.turn_judge, engines.model
    return TurnJudges(
        by_sound=open_turn_judge(settings.turn_model) if chosen != "words" else None,
        by_words=model.scorer() if chosen != "sound" and isinstance(model, JudgesTurns) else None,
    )


def turn_taking(settings: TalkCommandSettings) -> TalkSettings:
    """Returns how turns are taken under `settings`."""
    if settings.echo == "push-to-talk":
        return settings.talk.model_copy(update={"turns": "push-to-talk"})
    return settings.talk


def open_card(
    settings: TalkCommandSettings,
    cards: ExitStack,
    *,
    frame_samples: int,
    on_change: Callable[[str, bool], None],
) -> Ends:
    """Returns the microphone and the loudspeaker of this machine; `cards` gives them back.

    Raises:
        DeviceError: One is missing or cannot be opened; the message names the remedy.
    """
    canceller = open_canceller(settings.echo)
    card = SoundCard(settings.devices, on_change=on_change, frame_samples=frame_samples)
    cards.callback(card.close)
    return Ends(card, card.speaker, canceller)


def started(
    settings: TalkCommandSettings, engines: Engines, in_force: SettingsInForce
) -> ConversationStarted:
    """Returns the first event of a conversation under `settings`."""
    return ConversationStarted(
        at_s=0.0,
        model=engines.model.name,
        voice=engines.voice_name,
        policy=engines.policy.name,
        utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
        settings=settings.effective(),
        in_force=in_force.settings,
    )
