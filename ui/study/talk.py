"""One conversation of a study over a socket: the page's session, under the study's conditions.

It is the same session that the web page holds. Its settings come from the condition and cannot be
changed by the browser, which is told what `ui.study.shown_events` lets through.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from assistant import events
from assistant.audio.silent_microphone import BACK, SILENT
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.history import History, Turn
from assistant.records.recording import Recorder
from assistant.study.design.conditions import Condition
from assistant.study.design.study import TalkLimits
from assistant.study.keeping.participant import TalkSoFar
from assistant.study.run.steps import Step
from assistant.study.run.talk_watch import TalkWatch
from models.emotions import Emotion
from ui.realtime.hosting.engines import Resident
from ui.realtime.recording import ConsentedRecording
from ui.realtime.session import Session
from ui.study.shown_events import FROM_BROWSER, shown_event
from ui.study.wizard import WizardModel

logger = logging.getLogger(__name__)

KEEP_S = 60.0
"""How long a conversation waits for a browser that was reloaded or lost its connection."""
LOOK_S = 0.5
FLUSH_S = 1.0
LOST, FAILED = "lost", "failed"
ELSEWHERE = 4001
"""Close code: the conversation goes on in another window."""
OVER = 1000


@dataclass(frozen=True, slots=True)
class TalkPlan:
    """What one attempt at a conversation is held with."""

    step: Step
    attempt: int
    condition: Condition
    limits: TalkLimits
    before: TalkSoFar
    """What earlier attempts used up."""
    record: Path
    asks: bool
    """Whether something is asked after each answer."""


class StudyRecording(ConsentedRecording):
    """Records a conversation under the consent that was given on the page before."""

    def __init__(self, recorder: Recorder) -> None:
        """Records with `recorder`."""
        super().__init__(None, on_problem=lambda _text: None)
        self._recorder = recorder

    def agree(self, *, words: bool, audio: bool, opening: Sequence[events.Event]) -> None:
        """Consent is no affair of the socket here."""


@dataclass(slots=True)
class Followers:
    """Who is told of a conversation; awaited, because logs are written."""

    ended: Callable[[int, float, str], Awaitable[None]]
    """Of its end: turns, seconds, reason."""
    noted: Callable[[str, dict[str, Any]], Awaitable[None]]
    """Of something for the participant's log: kind and values."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])


class StudyTalk:
    """One attempt at a conversation; browsers may come, go and come again."""

    def __init__(
        self, plan: TalkPlan, resident: Resident, recorder: Recorder, followers: Followers
    ) -> None:
        """Begins it, with or without a browser."""
        self.plan = plan
        self.reason = ""
        self.history = History()
        self.said_to_wizard = ""
        """What the person said, as far as the experimenter has not answered it."""
        self.help = ""
        """The help that was offered because of words of danger to life."""
        self._followers = followers
        self._resident = resident
        self._written: str | None = None
        self._is_held = self._is_in_danger = False
        self._wizard: WizardModel | None = None
        if plan.condition.wizard:
            name = resident.default_model
            self._wizard = WizardModel(resident.models[name])
            resident = replace(resident, models={name: self._wizard})
        self._watch = TalkWatch(
            plan.limits,
            plan.before,
            is_practice=plan.step.is_practice,
            over=self.end,
            answered=self._answered,
        )
        self.session = Session(resident, observer=self._observe, recording=StudyRecording(recorder))
        rate = {"format": {"type": "audio/pcm", "rate": SPEECH_RATE_HZ}}
        turns = {"type": "semantic_vad", "create_response": not plan.condition.wizard}
        self.session.begin_with({"audio": {"input": {**rate, "turn_detection": turns}}})
        self._replaced = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()
        self._leaving: asyncio.TimerHandle | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def is_over(self) -> bool:
        """Whether it has ended, and the log says so."""
        return self._task.done()

    @property
    def turns(self) -> list[Turn]:
        """The turns so far, for the experimenter."""
        return self.history.turns

    def end(self, reason: str) -> None:
        """Ends the conversation."""
        if not self.reason:
            self.reason = reason
            self.session.end()

    async def wait(self) -> None:
        """Waits until it is over and the log says so."""
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        looking = asyncio.ensure_future(self._look())
        holding = asyncio.ensure_future(self.session.run())
        await asyncio.wait({holding})
        looking.cancel()
        # A bug, too, ends in the log: the participant must not be stuck on this page.
        reason = self.reason or FAILED
        if (error := holding.exception()) is not None:
            logger.error("a conversation of a study broke", exc_info=error)
            reason = self.reason = FAILED
        await asyncio.gather(*self._followers.tasks, return_exceptions=True)
        await self._followers.ended(self._watch.turns, self._watch.seconds, reason)
        self.session.outbox.put({"type": "study.over", "reason": reason})

    async def _look(self) -> None:
        """Keeps to the time limit while nobody says anything."""
        while True:
            await asyncio.sleep(LOOK_S)
            self._watch.look(self.session.clock_s)

    def _observe(self, event: events.Event) -> None:
        self.history.apply(event)
        match event:
            case events.TurnHeld(start_s=start_s, end_s=end_s):
                self._is_held = True
                self._do(self._read_to_wizard(self.session.sound(start_s, end_s)))
            case events.UtteranceEnded(turn=turn) if self._written is not None:
                text, self._written = self._written, None
                self.note("wizard", turn=turn, text=text)
            case events.HelpOffered(turn=turn, topic=topic, text=text):
                self.help, self._is_in_danger = text, True
                self.note("help", turn=turn, topic=topic)
            case events.HelpEnded():
                self._is_in_danger = False
            case events.Noticed(message=message) if message in (SILENT, BACK):
                self.session.outbox.put({"type": "study.microphone", "silent": message == SILENT})
            case _:
                pass
        self._watch.listen(event)

    def _answered(self, turn: int) -> None:
        if self.plan.asks:
            self.session.outbox.put(
                {"type": "study.probe", "turn": turn, "attempt": self.plan.attempt}
            )

    async def _read_to_wizard(self, sound: Waveform) -> None:
        """Writes down what the wizard is to answer; it is kept nowhere.

        The stop word, and danger to life, wait for no wizard: that may be slow, or look away.
        """
        model = self._resident.models[self._resident.default_model]
        words = await self._resident.model_worker.call(partial(model.transcribe, sound))
        if words is None:
            return
        self._watch.hear(words.text)
        if not self._is_held:
            return  # answered meanwhile, by a wizard who has ears
        # Whoever goes on before the answer is answered as a whole.
        self.said_to_wizard = f"{self.said_to_wizard} {words.text}".strip()
        finder = self._resident.help_finder
        if self._is_in_danger or (finder is not None and finder.find(words.text) is not None):
            await self._answer_held()

    async def _answer_held(self) -> None:
        self._is_held, self.said_to_wizard = False, ""
        await self.session.receive(json.dumps({"type": "response.create"}))

    # The experimenter.

    async def say(self, text: str) -> None:
        """Lets the assistant say a line of the experimenter's, in answer to what was said last."""
        self._written = text
        if self._wizard is not None and self._is_held:
            self._wizard.lines.append(text)
            await self._answer_held()
        else:
            self.session.say(text)

    async def correct(self, turn: int, emotion: Emotion) -> None:
        """Takes the experimenter's word for how a turn was meant, also once all is over.

        Raises:
            InputError: The participant's data was deleted meanwhile.
            OutputError: It cannot be noted.
        """
        if self.is_over:
            # Its record is closed; the log of the participant says it, and tables follow that.
            at_s = self.session.clock_s
            self.history.apply(events.EmotionCorrected(at_s, turn, emotion, "experimenter"))
        else:
            self.session.correct_emotion(turn, emotion, by="experimenter")
        values = {"turn": turn, "emotion": emotion.label}
        await self._followers.noted("corrected", {**self._place, **values})

    def note(self, kind: str, **values: Any) -> None:
        """Notes in the participant's log what happened in the conversation."""
        self._do(self._followers.noted(kind, {**self._place, **values}))

    @property
    def _place(self) -> dict[str, Any]:
        return {"step": self.plan.step.name, "attempt": self.plan.attempt}

    def _do(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._followers.tasks.add(task)  # pyright: ignore[reportArgumentType]
        task.add_done_callback(self._followers.tasks.discard)  # pyright: ignore[reportArgumentType]

    # The browser.

    async def serve(self, socket: WebSocket) -> None:
        """Connects a browser until it leaves, is replaced, or the conversation is over."""
        self._replaced.set()
        await self._free.wait()  # the window before this one lets go
        self._replaced.clear()
        self._free.clear()
        if self._leaving is not None:
            self._leaving.cancel()
        self.session.attach()
        pumping = asyncio.ensure_future(self.session.outbox.pump(partial(self._send, socket)))
        receiving = asyncio.ensure_future(self._receive(socket))
        replaced = asyncio.ensure_future(self._replaced.wait())
        try:
            await asyncio.wait(
                {pumping, receiving, replaced, self._task}, return_when=asyncio.FIRST_COMPLETED
            )
            if self._task.done():
                # The last messages get out: that the conversation is over is among them.
                await asyncio.wait({pumping}, timeout=FLUSH_S)
        finally:
            for task in (pumping, receiving, replaced):
                task.cancel()
            await asyncio.gather(pumping, receiving, replaced, return_exceptions=True)
            self._let_go()
            code = OVER if self._task.done() else ELSEWHERE
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(code)

    def _let_go(self) -> None:
        self.session.detach()
        self._free.set()
        if not self._task.done() and not self._replaced.is_set():
            loop = asyncio.get_running_loop()
            self._leaving = loop.call_later(KEEP_S, self.end, LOST)

    async def _send(self, socket: WebSocket, message: str) -> None:
        shown = shown_event(json.loads(message), self.plan.condition)
        if shown is not None:
            await socket.send_text(json.dumps(shown))
        if shown is not None and shown["type"] == "study.over":
            raise WebSocketDisconnect(OVER)

    async def _receive(self, socket: WebSocket) -> None:
        while True:
            message = await socket.receive_text()
            try:
                kind: object = json.loads(message).get("type")
            except (ValueError, AttributeError):
                continue
            if kind == "study.end":
                self.end("participant")
            elif kind in FROM_BROWSER:
                await self.session.receive(message)
