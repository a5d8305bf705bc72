"""A conversation of a study in the terminal."""

import asyncio
import time
from contextlib import ExitStack
from functools import partial
from typing import Any

from assistant import events
from assistant.audio.silent_microphone import BACK, SILENT
from assistant.conversation.live.loop import TalkLoop
from assistant.errors import AssistantError, InputError
from assistant.records.recording import Consent, Recorder
from assistant.session import open_talk
from assistant.study.design.conditions import Condition
from assistant.study.run.pages import PageContent
from assistant.study.run.steps import Step
from assistant.study.run.talk_watch import PARTICIPANT, TalkWatch
from ui.study.terminal_context import TAB, Left, PageContext

Turns = asyncio.Queue[int | None]
"""Turns that were answered; None when there will be no more."""


class TerminalTalk:
    """Holds one attempt at a conversation."""

    def __init__(self, context: PageContext) -> None:
        """Holds it with the devices of `context`."""
        self._context = context
        self._reason = ""
        self._loop: TalkLoop | None = None

    def hold(self, page: PageContent) -> dict[str, Any]:
        """Shows the page and holds the conversation, recorded as far as there is consent."""
        context = self._context
        for text in (page["text"], page["task"]):
            if text:
                context.say(text)
        stop = " or ".join(f"“{word}”" for word in page["stop_words"])
        context.say(f"To end the conversation early, say {stop}, or press Ctrl+C.")
        context.ask("Press Enter to begin. ")
        step = context.runner.talks.begin(context.name, TAB)
        asyncio.run(self._hold(step, page["probe"]))
        return {}

    async def _hold(self, step: Step, probe: str) -> None:
        context, talks = self._context, self._context.runner.talks
        state = context.runner.roster.participant(context.name)
        talk, turns = state.talks[step.name], Turns()
        watch = TalkWatch(
            context.runner.study.talk,
            talk,
            is_practice=step.is_practice,
            over=self._end,
            answered=turns.put_nowait,
        )
        record = talks.record(context.name, step, talk.attempts)
        recorder = Recorder(record, Consent(**state.consent), on_problem=context.say)
        asking = asyncio.ensure_future(self._probes(probe, turns))
        try:
            await self._talk(talks.condition(step), watch, recorder)
        finally:
            await asyncio.to_thread(recorder.close)
            turns.put_nowait(None)
            try:
                await asking
            finally:
                reason = self._reason or "failed"
                talks.end(
                    context.name, step, turns=watch.turns, seconds=watch.seconds, reason=reason
                )

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason
        if self._loop is not None:
            self._loop.stop()

    async def _talk(self, condition: Condition, watch: TalkWatch, recorder: Recorder) -> None:
        devices = self._context.devices
        engines = devices.engines.engines(condition)
        told = devices.engines.told(condition, devices.talk)
        with ExitStack() as stack:
            stack.callback(engines.close_workers)
            ends = devices.open_ends(stack, engines.detector.frame_samples)
            self._loop = open_talk(
                engines, ends, devices.talk, persona=told.persona, told=told.effective
            )
            self._loop.follow(recorder.listen, recorder.tap)
            self._loop.follow(watch.listen)
            self._loop.follow(partial(self._show, condition))
            try:
                await self._loop.run()
            except asyncio.CancelledError:
                self._end(PARTICIPANT)  # Ctrl+C ends the conversation, and not the study
            except AssistantError as error:
                self._context.say(str(error))

    async def _probes(self, probe: str, turns: Turns) -> None:
        """Asks what is to be asked after each answer, while the conversation goes on."""
        try:
            while (turn := await turns.get()) is not None:
                while probe and not await self._is_answered(probe, turn):
                    pass
        except Left:
            self._end(PARTICIPANT)  # at once: whoever wants to stop is not talked to any longer
            raise

    async def _is_answered(self, probe: str, turn: int) -> bool:
        context = self._context
        asked_s = time.monotonic()
        typed = await asyncio.to_thread(context.ask, f"{probe} (1 to 7): ")
        try:
            value = int(typed) if typed.isdigit() else None
            seconds = round(time.monotonic() - asked_s, 3)
            context.runner.talks.probe(context.name, TAB, turn, value, seconds)
        except InputError as error:
            context.say(str(error))
            return False
        return True

    def _show(self, condition: Condition, event: events.Event) -> None:
        """Shows what the condition lets the participant see."""
        say = self._context.say
        match event:
            case events.HelpOffered(text=text):
                say(text)
            case events.WordsHeard(transcript=transcript) if condition.captions:
                say(f"You: {transcript.text}")
            case events.ReplyFinished(heard=heard) if condition.captions:
                say(f"Assistant: {heard}")
            case events.EmotionHeard(estimate=estimate) if condition.emotion_shown:
                if not estimate.abstained:
                    say(f"You sound: {estimate.emotion.label}")
            case events.Noticed(message=message) if message in (SILENT, BACK):
                say(f"{message[0].upper()}{message[1:]}.")
            case events.TurnFailed():
                say("The assistant cannot answer just now. Please say it again.")
            case _:
                pass
