"""A conversation of a simulated participant: the real loop, on a clock that skips all waits."""

from assistant import events
from assistant.audio.file_devices import FileSpeaker
from assistant.audio.protocols import Ends
from assistant.clock import replay
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.records.recording import Recorder
from assistant.session import open_talk
from assistant.study.design.conditions import Condition
from assistant.study.run.engines import StudyEngines
from assistant.study.run.talk_watch import TalkWatch
from assistant.study.simulated.person import SimulatedPerson
from assistant.turns.settings import TalkSettings

LONGEST_S = 1_800.0
"""On the conversation's own clock: then something is wrong, and it ends as failed."""


class SimulatedTalk:
    """Holds one attempt at a conversation."""

    def __init__(self, engines: StudyEngines, talk: TalkSettings, person: SimulatedPerson) -> None:
        """Prepares it with `person` at the microphone."""
        self.reason = "failed"
        """Why it ended."""
        self.answered: list[int] = []
        """The turns that were answered."""
        self._engines, self._talk = engines, talk
        self._person = person
        self._loop: TalkLoop | None = None

    def over(self, reason: str) -> None:
        """Ends it; what watches its limits says so."""
        self.reason = reason
        if self._loop is not None:
            self._loop.stop()

    def hold(self, condition: Condition, watch: TalkWatch, recorder: Recorder) -> None:
        """Holds it under `condition` until `watch` ends it."""

        def listen(event: events.Event) -> None:
            recorder.listen(event)
            self._person.listen(event)
            watch.listen(event)
            if event.at_s > LONGEST_S:
                self.over("failed")

        engines = self._engines.engines(condition)
        self._loop = self._open(condition, engines)
        self._loop.follow(listen, recorder.tap)
        try:
            replay(self._loop.run(), workers=engines.workers)
        finally:
            engines.close_workers()

    def _open(self, condition: Condition, engines: Engines) -> TalkLoop:
        told = self._engines.told(condition, self._talk)
        ends = Ends(self._person, FileSpeaker())
        return open_talk(engines, ends, self._talk, persona=told.persona, told=told.effective)
