"""All conversations that a study's server holds, and the engines they share."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Persona
from assistant.errors import AssistantError, InputError
from assistant.records.recording import Consent, Recorder
from assistant.study.design.conditions import Condition
from assistant.study.run.engines import StudyEngines
from assistant.study.run.runner import Runner
from assistant.turns.settings import TalkSettings
from assistant.worker import Worker
from ui.realtime.hosting.engines import Resident
from ui.study.talk import Followers, StudyTalk, TalkPlan
from ui.web.command import rehearse

logger = logging.getLogger(__name__)

SHOWN_S = 900.0
"""How long the experimenter sees a conversation that is over, to correct its last turn."""
FULL = "all places are taken just now: wait a minute, and press Begin again"


class StudyTalks:
    """Opens conversations, one at a time for each participant."""

    def __init__(
        self, runner: Runner, engines: StudyEngines, talk: TalkSettings, *, most: int
    ) -> None:
        """Loads the engines of all conditions.

        Args:
            runner: The study.
            engines: Those of its conditions.
            talk: How turns are taken.
            most: Conversations at one time.

        Raises:
            EngineUnavailable: One cannot be loaded; names the remedy.
            PersonaTooLong: A condition's prompt leaves too little room for the talk.
        """
        self._runner, self._engines, self._talk, self._most = runner, engines, talk, most
        self._ear_worker = Worker("ear", limit=4_096)
        self._workers: dict[int, Worker] = {}
        self._judge = engines.judge()
        self.open: dict[str, StudyTalk] = {}
        self.over: dict[str, StudyTalk] = {}
        """The last conversation of each participant, for a while, until the next one begins."""
        self._finding: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        for condition in self._conditions():
            # A prompt that is too long would else be told of to the first participant.
            engines.model(condition).open(Persona(condition.prompt or None))
            engines.voice(condition)

    def _conditions(self) -> list[Condition]:
        study = self._runner.study
        named = [study.condition(name) for name in study.names()]
        return [Condition.model_validate(study.base), *named]

    async def rehearse(self) -> None:
        """Lets every condition answer once: the first participant must not wait longer than others.

        Raises:
            EngineFailed: An engine cannot answer here.
        """
        for condition in self._conditions():
            await rehearse(self._resident(condition))

    def _worker(self, engine: object) -> Worker:
        """Returns the one thread of an engine, whichever conditions it serves."""
        return self._workers.setdefault(id(engine), Worker("engine", limit=4_096))

    def _resident(self, condition: Condition) -> Resident:
        model, voice = self._engines.model(condition), self._engines.voice(condition)
        return Resident(
            models={model.name: model},
            voices={self._engines.voice_name(condition): voice},
            open_detector=self._engines.detector,
            policies=(condition.policy_source(self._runner.folder.path),),
            persona=condition.prompt,
            talk=self._talk,
            judge=self._judge,
            judges_words=self._engines.judges_words,
            help_finder=self._engines.help_finder,
            ear_worker=self._ear_worker,
            model_worker=self._worker(model.computes_with),
            voice_worker=self._worker(self._engines.own_voice(condition)),
        )

    async def find(self, participant: str, tab: str) -> StudyTalk:
        """Returns the conversation that a participant is at, begun where it is not yet.

        Raises:
            InputError: The participant is not at one, or all places are taken.
            OutputError: It cannot be recorded.
        """
        self._runner.roster.participant(participant)
        # Two connections of one browser at the same time must not begin two conversations.
        async with self._finding[participant]:
            return await self._find(participant, tab)

    async def _find(self, participant: str, tab: str) -> StudyTalk:
        runner = self._runner
        runner.tabs.check(participant, tab)
        going = self.open.get(participant)
        if going is not None and going.reason:
            await going.wait()
        elif going is not None:
            return going
        if len(self.open) >= self._most:
            raise InputError(FULL)
        step = await asyncio.to_thread(runner.talks.begin, participant, tab)
        state = await asyncio.to_thread(runner.roster.participant, participant)
        before = state.talks[step.name]
        attempt = before.attempts
        plan = TalkPlan(
            step,
            attempt,
            runner.talks.condition(step),
            runner.study.talk,
            before,
            runner.talks.record(participant, step, attempt),
            asks=bool(runner.study.talk.probe) and not step.is_practice,
        )
        return self._begin(participant, plan, Consent(**state.consent))

    def _begin(self, participant: str, plan: TalkPlan, consent: Consent) -> StudyTalk:
        runner = self._runner
        recorder = Recorder(plan.record, consent, on_problem=lambda text: broken(text))

        async def ended(turns: int, seconds: float, reason: str) -> None:
            end = partial(runner.talks.end, participant, plan.step)
            end = partial(end, turns=turns, seconds=seconds, reason=reason)
            try:
                await asyncio.to_thread(end)
            except AssistantError as error:  # a full disk, or data deleted meanwhile
                logger.error("%s", error)
            finally:
                self.over[participant] = self.open.pop(participant)
                asyncio.get_running_loop().call_later(SHOWN_S, self._forget, participant, talk)

        async def noted(kind: str, values: dict[str, Any]) -> None:
            if kind == "help" and not consent.words:
                return  # that help was offered tells what was said
            kept = _agreed(values, consent)
            await asyncio.to_thread(partial(runner.roster.note, participant, kind, **kept))

        def broken(text: str) -> None:
            logger.error("%s", text)
            talk.note("recording_stopped")

        talk = StudyTalk(plan, self._resident(plan.condition), recorder, Followers(ended, noted))
        self.over.pop(participant, None)
        self.open[participant] = talk
        return talk

    def _forget(self, participant: str, talk: StudyTalk) -> None:
        if self.over.get(participant) is talk:
            del self.over[participant]

    async def heard(self, sound: Waveform) -> str:
        """Returns the words of something brief, 16 kHz; for the check before the first talk."""
        model = self._engines.model(self._conditions()[0])
        words = await self._worker(model).call(partial(model.transcribe, sound))
        if words is None:
            raise InputError('this model writes nothing down: set attention_word = "" in [sound]')
        return words.text

    async def end_of(self, participant: str, reason: str) -> None:
        """Ends the conversation of a participant, if one is under way, and waits for its log.

        Of what was said nothing is shown any more either: its participant may want it deleted.
        """
        talk = self.open.get(participant)
        if talk is not None:
            talk.end(reason)
            await talk.wait()
        self.over.pop(participant, None)

    async def close(self) -> None:
        """Ends all conversations; they can be gone on with after the next start."""
        talks = list(self.open.values())
        for talk in talks:
            talk.end("lost")
        await asyncio.gather(*(talk.wait() for talk in talks), return_exceptions=True)

    def end_threads(self) -> None:
        """Ends the threads after what they are at; not to be called on the event loop."""
        for worker in (self._ear_worker, *self._workers.values()):
            worker.close()


def _agreed(values: Mapping[str, Any], consent: Consent) -> dict[str, Any]:
    """Returns of a happening what may be written down."""
    barred = {"text": not consent.words, "emotion": not consent.emotion}
    return {name: value for name, value in values.items() if not barred.get(name)}
