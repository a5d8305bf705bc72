"""A participant's way through a study in the terminal: the same pages, answered by keys."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from assistant.audio.card_ends import CardEnds
from assistant.audio.devices import DeviceSettings
from assistant.audio.protocols import Ends
from assistant.audio.two_sides import play_two_sides
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.errors import InputError, SettingsError
from assistant.study.keeping.lock import conditions_of, note_run
from assistant.study.keeping.store import StudyFolder
from assistant.study.keeping.withdrawal import withdraw
from assistant.study.run.engines import StudyEngines
from assistant.study.run.pages import COMPLETED, STOPPED, WITHDRAWN, PageContent
from assistant.study.run.runner import Runner
from assistant.study.settings import StudyEngineSettings, StudyRunSettings, running
from ui.parts import shown
from ui.study.terminal_context import TAB, Devices, Left, PageContext
from ui.study.terminal_sound import TerminalSound
from ui.study.terminal_talk import TerminalTalk
from ui.terminal.screen import HeldErrors

LEAVE, WITHDRAW = "stop", "delete"
COMMANDS = f"(at any question: {LEAVE} ends the study, {WITHDRAW} ends it and deletes your data)"


def take_part(settings: StudyRunSettings, participant: str) -> int:
    """Runs the participant of this id through; returns the exit status.

    Raises:
        AssistantError: The study, its engines or the devices cannot be used.
    """
    if not sys.stdin.isatty():
        raise SettingsError("--terminal asks questions: run it in a terminal")
    card = CardEnds(DeviceSettings(), "cancel")
    runner = Runner(StudyFolder(settings.folder))
    if any(condition.wizard for condition in conditions_of(runner.study).values()):
        raise SettingsError(
            "a condition of this study has a wizard, who needs the experimenter's page: open the "
            "study in the browser, without --terminal"
        )
    with ExitStack() as stack:
        asked_for = settings.part(StudyEngineSettings)
        engines = StudyEngines(settings.folder, asked_for, scripted=settings.scripted, watch=shown)
        stack.callback(engines.close)
        kind = "scripted" if settings.scripted else "real"
        shared = running(asked_for, settings.talk)
        note_run(runner.folder, runner.study, engines=kind, settings=shared)

        def open_ends(cards: ExitStack, frame_samples: int) -> Ends:
            ends = card.open(cards, frame_samples=frame_samples, rate_hz=SPEECH_RATE_HZ)
            ends.follow_changes(lambda text, _lost: print(text))
            return ends

        play_sides = partial(play_two_sides, settings=card.devices)
        devices = Devices(engines, settings.talk, open_ends, play_sides)
        # Sound libraries print a line for each gap, between the questions that somebody reads.
        stack.enter_context(HeldErrors())
        way = TerminalWay(runner, devices, ask=asked)
        way.go(participant)
    return 0


def asked(question: str) -> str:
    """Returns the line that is typed to a question, which Python itself prints as an error."""
    print(question, end="", flush=True)
    return input()


class TerminalWay:
    """Shows pages and asks their questions."""

    def __init__(
        self,
        runner: Runner,
        devices: Devices,
        *,
        ask: Callable[[str], str] = input,
        say: Callable[[str], None] = print,
    ) -> None:
        """Takes somebody through `runner`'s study.

        Args:
            runner: The study.
            devices: What sound goes through.
            ask: Shows a question and returns the line that is typed.
            say: Shows a line.
        """
        self._runner, self._asked, self._say = runner, ask, say
        self._devices = devices
        self._name = ""
        self._shown_s = 0.0

    @property
    def _context(self) -> PageContext:
        return PageContext(self._runner, self._name, self._devices, self._ask, self._say)

    def go(self, participant: str) -> PageContent:
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
            if page["link"]:
                self._say(f"Finish here: {page['link']}")
        return page

    def _page(self, page: PageContent) -> PageContent:
        self._say(f"\n[{page['number']} of {page['of']}]")
        self._shown_s = time.monotonic()
        shows: dict[str, Callable[[PageContent], dict[str, Any]]] = {
            "information": self._information,
            "consent": self._consent,
            "sound": TerminalSound(self._context).check,
            "talk": TerminalTalk(self._context).hold,
            "questions": self._questions,
            "debrief": self._read,
        }
        values = shows[page["kind"]](page)
        return self._runner.done(self._name, TAB, page["step"], values)

    def _leave(self, command: str) -> PageContent:
        if command == LEAVE:
            return self._runner.leave(self._name, TAB)
        receipt = withdraw(self._runner.folder, self._name, reason="by participant")
        text = f"Your data has been deleted. Receipt: {receipt['receipt']}"
        return {"kind": WITHDRAWN, "text": text}

    def _ask(self, question: str) -> str:
        """Returns what was typed; stops where the person wants to."""
        answer = self._asked(question).strip()
        command = answer.casefold()
        if command in (LEAVE, WITHDRAW) and self._is_yes(f"Really {answer}?", self._asked):
            raise Left(command)
        return answer

    def _is_yes(self, question: str, ask: Callable[[str], str] | None = None) -> bool:
        # A key pressed once too often must not be taken for a refusal, which ends the study.
        while True:
            answer = (ask or self._ask)(f"{question} [y/n] ").strip().casefold()
            if answer in ("y", "yes", "n", "no"):
                return answer.startswith("y")
            self._say("Type y or n.")

    def _read(self, page: PageContent) -> dict[str, Any]:
        self._say(page["text"])
        self._ask("Press Enter to go on. ")
        return {}

    def _information(self, page: PageContent) -> dict[str, Any]:
        for text in (page["disclosure"], page["danger"], f"Questions? {page['contact']}"):
            self._say(text)
        return self._read(page)

    def _consent(self, page: PageContent) -> dict[str, Any]:
        takes_part = self._is_yes(page["text"])
        if not takes_part:
            return {"take_part": False}
        self._say("Each of these is up to you; you can take part without them.")
        choices = {name: self._is_yes(text) for name, text in page["choices"].items()}
        return {"take_part": True, **choices}

    def _questions(self, page: PageContent) -> dict[str, Any]:
        if page["text"]:
            self._say(page["text"])
        for number, item in enumerate(page["items"], 1):
            self._item(page, number, item)
        return {}

    def _item(self, page: PageContent, number: int, item: dict[str, Any]) -> None:
        """Asks one item until its answer is one that it takes."""
        optional = "" if item["required"] else " (may be left out: press Enter)"
        # A differential may be nothing but its two ends.
        self._say(f"{number}. {item['text'] or ' – '.join(item['labels'])}{optional}")
        question = self._hint(item)
        while True:
            typed: Any = self._ask(question) or None
            if item["form"] == "choice" and typed is not None and typed.isdigit():
                place = int(typed) - 1
                typed = item["labels"][place] if 0 <= place < len(item["labels"]) else typed
            seconds = time.monotonic() - self._shown_s
            try:
                self._runner.answer(self._name, TAB, page["step"], item["name"], typed, seconds)
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
            return "   > "
        ends = f" ({item['labels'][0]} … {item['labels'][-1]})" if len(item["labels"]) > 1 else ""
        kind = "x,y, each" if item["form"] == "grid" else ""
        return f"   {kind}{item['minimum']:g} to {item['maximum']:g}{ends}: "
