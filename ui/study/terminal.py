"""A participant's way through a study in the terminal: the same pages, answered by keys."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from assistant import events
from assistant.devices import check_devices
from assistant.engines.protocols import Transcribes
from assistant.errors import AssistantError, InputError, SettingsError
from assistant.microphone_test import measure, taken
from assistant.recording import Consent, Recorder
from assistant.session import Ends, Watchers, Workers, open_card, open_talk
from assistant.settings import TalkCommandSettings
from assistant.study.conditions import Condition
from assistant.study.engines import StudyEngines
from assistant.study.lock import note_run
from assistant.study.pages import COMPLETED, STOPPED, WITHDRAWN, Page
from assistant.study.runner import Runner
from assistant.study.settings import StudySettings
from assistant.study.steps import Step
from assistant.study.store import StudyFolder
from assistant.study.talk_watch import TalkWatch
from assistant.study.withdrawal import withdraw
from ui.parts import shown

TAB = "terminal"
LISTEN_S = 4.0
LEAVE, WITHDRAW = "stop", "delete"
COMMANDS = f"(at any question: {LEAVE} ends the study, {WITHDRAW} ends it and deletes your data)"
OpenEnds = Callable[[ExitStack, int], Ends]
"""Opens microphone and loudspeaker for frames of so many samples; the stack gives them back."""


class Left(Exception):
    """The participant wants to stop; holds the command."""


def take_part(settings: StudySettings) -> int:
    """Runs one participant through; returns the exit status.

    Raises:
        AssistantError: The study, its engines or the devices cannot be used.
    """
    if not sys.stdin.isatty():
        raise SettingsError("--terminal asks questions: run it in a terminal")
    talk_settings = TalkCommandSettings(talk=settings.talk)
    check_devices(talk_settings.devices)
    runner = Runner(StudyFolder(settings.folder))
    with ExitStack() as stack:
        engines = StudyEngines(settings.folder, settings, scripted=settings.scripted, watch=shown)
        stack.callback(engines.close)
        note_run(runner.folder, runner.study, engines="scripted" if settings.scripted else "real")

        def open_ends(cards: ExitStack, frame_samples: int) -> Ends:
            return open_card(
                talk_settings,
                cards,
                frame_samples=frame_samples,
                on_change=lambda text, _lost: print(text),
            )

        way = TerminalWay(runner, engines, settings, open_ends=open_ends)
        way.go(settings.terminal or "")
    return 0


class TerminalWay:
    """Shows pages and asks their questions."""

    def __init__(
        self,
        runner: Runner,
        engines: StudyEngines,
        settings: StudySettings,
        *,
        open_ends: OpenEnds,
        ask: Callable[[str], str] = input,
        say: Callable[[str], None] = print,
    ) -> None:
        """Takes somebody through `runner`'s study.

        Args:
            runner: The study.
            engines: Of its conditions.
            settings: How turns are taken.
            open_ends: Opens the devices.
            ask: Shows a question and returns the line that is typed.
            say: Shows a line.
        """
        self._runner, self._engines, self._settings = runner, engines, settings
        self._open_ends, self._asked, self._say = open_ends, ask, say
        self._name = ""

    def go(self, participant: str) -> Page:
        """Goes through all pages; returns the last one."""
        page = self._runner.join(participant, {}, TAB)
        self._name = page["participant"]
        self._say(f"{page['title']} (participant {self._name})")
        self._say(COMMANDS)
        while page["kind"] not in (COMPLETED, STOPPED, WITHDRAWN):
            try:
                page = self._page(page)
            except Left as left:
                page = self._leave(str(left))
            except InputError as error:
                self._say(str(error))
                page = self._runner.page(self._name, TAB)
        self._say(page.get("text") or "Thank you for taking part.")
        if page["kind"] == COMPLETED:
            self._say(f"Your completion code: {page['code']}")
        return page

    def _page(self, page: Page) -> Page:
        self._say(f"\n[{page['number']} of {page['of']}]")
        shows: dict[str, Callable[[Page], dict[str, Any]]] = {
            "information": self._information,
            "consent": self._consent,
            "sound": self._sound,
            "talk": self._talk,
            "questions": self._questions,
            "debrief": self._read,
        }
        values = shows[page["kind"]](page)
        return self._runner.done(self._name, TAB, page["step"], values)

    def _leave(self, command: str) -> Page:
        if command == LEAVE:
            return self._runner.leave(self._name, TAB)
        receipt = withdraw(self._runner.folder, self._name, reason="by participant")
        text = f"Your data has been deleted. Receipt: {receipt['receipt']}"
        return {"kind": WITHDRAWN, "text": text}

    def _ask(self, question: str) -> str:
        """Returns what was typed; stops where the person wants to."""
        answer = self._asked(question).strip()
        if answer.casefold() in (LEAVE, WITHDRAW) and self._is_yes(f"Really {answer}?"):
            raise Left(answer.casefold())
        return answer

    def _is_yes(self, question: str) -> bool:
        return self._asked(f"{question} [y/n] ").strip().casefold() in ("y", "yes")

    def _read(self, page: Page) -> dict[str, Any]:
        self._say(page["text"])
        self._ask("Press Enter to go on. ")
        return {}

    def _information(self, page: Page) -> dict[str, Any]:
        for text in (page["disclosure"], page["danger"], f"Questions? {page['contact']}"):
            self._say(text)
        return self._read(page)

    def _consent(self, page: Page) -> dict[str, Any]:
        takes_part = self._is_yes(page["text"])
        if not takes_part:
            return {"take_part": False}
        self._say("Each of these is up to you; you can take part without them.")
        choices = {name: self._is_yes(text) for name, text in page["choices"].items()}
        return {"take_part": True, **choices}

    def _questions(self, page: Page) -> dict[str, Any]:
        if page["text"]:
            self._say(page["text"])
        for number, item in enumerate(page["items"], 1):
            self._item(page, number, item)
        return {}

    def _item(self, page: Page, number: int, item: dict[str, Any]) -> None:
        """Asks one item until its answer is one that it takes."""
        self._say(f"{number}. {item['text']}")
        question = self._hint(item)
        while True:
            typed: Any = self._ask(question) or None
            if item["form"] == "choice" and typed is not None and typed.isdigit():
                place = int(typed) - 1
                typed = item["labels"][place] if 0 <= place < len(item["labels"]) else typed
            try:
                self._runner.answer(self._name, TAB, page["step"], item["name"], typed, None)
            except InputError as error:
                self._say(str(error))
                continue
            if typed is not None or not item["required"]:
                return

    def _hint(self, item: dict[str, Any]) -> str:
        if item["form"] == "choice":
            for number, label in enumerate(item["labels"], 1):
                self._say(f"   {number} {label}")
            return "   number: "
        if item["form"] == "text":
            return "   "
        ends = f" ({item['labels'][0]} … {item['labels'][-1]})" if len(item["labels"]) > 1 else ""
        kind = "x,y, each" if item["form"] == "grid" else ""
        return f"   {kind}{item['minimum']:g} to {item['maximum']:g}{ends}: "

    # Sound.

    def _sound(self, page: Page) -> dict[str, Any]:
        self._say(page["text"])
        if page["trials"] and self._runner.study.sound.headphones == "required":
            raise SettingsError(
                "the headphone check needs two sides of sound, which the browser plays: open the "
                'study there, or set headphones = "asked" in [sound]'
            )
        if page["word"]:
            self._attention(page["word"])
        level = None
        if page["least_db"] is not None and "microphone" not in page["passed"]:
            self._ask("Press Enter, and speak a sentence. ")
            level = asyncio.run(self._levels())
            level = -120.0 if level is None else level
            self._say(f"Your voice: {level:.0f} dB (at least {page['least_db']:.0f})")
        # Nobody can hear the trials here: they count as not passed, which "asked" lets through.
        return {"microphone_db": level, "headphones": [-1] * len(page["trials"])}

    async def _levels(self) -> float | None:
        """Returns the level of the speech of the next seconds, in dB of full scale."""
        detector = self._engines.detector()
        frames = await self._recorded(detector.frame_samples)
        return measure(frames, detector, 0).speech_db

    async def _recorded(self, frame_samples: int) -> list[Any]:
        with ExitStack() as cards:
            ends = self._open_ends(cards, frame_samples)
            return await taken(ends.microphone.frames(), LISTEN_S)

    def _attention(self, word: str) -> None:
        self._ask(f"Press Enter, and say the word “{word}”. ")
        detector = self._engines.detector()
        sound = np.concatenate(asyncio.run(self._recorded(detector.frame_samples)))
        model = self._engines.model(Condition.model_validate(self._runner.study.base))
        heard = model.transcribe(sound).text if isinstance(model, Transcribes) else ""
        if not self._runner.attention(self._name, TAB, heard):
            raise InputError("that was not understood: say it again")

    # Conversation.

    def _talk(self, page: Page) -> dict[str, Any]:
        for text in (page["text"], page["task"]):
            if text:
                self._say(text)
        stop = " or ".join(f"“{word}”" for word in page["stop_words"])
        self._say(f"To end the conversation early, say {stop}, or press Ctrl+C.")
        self._ask("Press Enter to begin. ")
        step = self._runner.begin_talk(self._name, TAB)
        asyncio.run(self._hold(step, probe=page["probe"]))
        return {}

    async def _hold(self, step: Step, *, probe: str) -> None:
        """Holds one attempt at a conversation, recorded as far as there is consent."""
        runner = self._runner
        state = runner.participant(self._name)
        talk = state.talks[step.name]
        folder = runner.folder.talk(self._name, runner.talk_folder(step, talk.attempts))
        recorder = Recorder(folder, Consent(**state.consent), on_problem=self._say)
        probes: asyncio.Queue[int | None] = asyncio.Queue()
        reasons: list[str] = []
        with ExitStack() as stack:
            stack.callback(recorder.close)
            workers = Workers()
            stack.callback(workers.close)
            condition = runner.condition(step)
            engines = self._engines.engines(condition)
            ends = self._open_ends(stack, engines.detector.frame_samples)

            def over(reason: str) -> None:
                reasons.append(reason)
                loop.stop()

            watch = TalkWatch(
                runner.study.talk,
                talk,
                is_practice=step.is_practice,
                over=over,
                answered=probes.put_nowait,
            )
            listeners = (recorder.listen, watch.listen, partial(self._show, condition))
            settings = TalkCommandSettings(
                persona=condition.prompt or None,
                turn_judge="words" if self._engines.scripted else self._settings.turn_judge,
                talk=self._settings.talk,
            )
            loop = open_talk(settings, engines, workers, ends, Watchers(listeners, recorder.tap))
            asking = asyncio.ensure_future(self._probes(probe, probes))
            reason = "failed"
            try:
                await loop.run()
                reason = reasons[0] if reasons else "participant"
            except asyncio.CancelledError:
                reason = "participant"  # Ctrl+C ends the conversation, and not the study
            except AssistantError as error:
                self._say(str(error))
            finally:
                probes.put_nowait(None)
                await asking
                runner.end_talk(
                    self._name, step, turns=watch.turns, seconds=watch.seconds, reason=reason
                )

    async def _probes(self, probe: str, turns: "asyncio.Queue[int | None]") -> None:
        """Asks what is to be asked after each answer, while the conversation goes on."""
        while (turn := await turns.get()) is not None:
            while probe:
                typed = await asyncio.to_thread(self._asked, f"{probe} (1 to 7): ")
                try:
                    value = int(typed) if typed.strip().isdigit() else None
                    self._runner.probe(self._name, TAB, turn, value, None)
                    break
                except InputError as error:
                    self._say(str(error))

    def _show(self, condition: Condition, event: events.Event) -> None:
        """Shows what the condition lets the participant see."""
        match event:
            case events.HelpOffered(text=text):
                self._say(text)
            case events.WordsHeard(transcript=transcript) if condition.captions:
                self._say(f"You: {transcript.text}")
            case events.ReplyFinished(heard=heard) if condition.captions:
                self._say(f"Assistant: {heard}")
            case events.EmotionHeard(estimate=estimate) if condition.emotion_shown:
                if not estimate.abstained:
                    self._say(f"You sound: {estimate.emotion.label}")
            case events.TurnFailed():
                self._say("The assistant cannot answer just now. Please say it again.")
            case _:
                pass
