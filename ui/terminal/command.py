"""The command `talk`: a conversation in the terminal, at the microphone or with a recording."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console

from assistant import events
from assistant.assembly import check_answering, open_engines
from assistant.audio.card_ends import CardEnds
from assistant.audio.devices import DeviceSettings
from assistant.audio.protocols import ClosedEnds
from assistant.clock import replay
from assistant.conversation.earlier import Earlier
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.paced import paced
from assistant.errors import SettingsError
from assistant.files.replayed import opened_files
from assistant.records.continuing import earlier_talk
from assistant.records.recording import Recorder
from assistant.remembered import RememberedFile
from assistant.session import open_talk, turn_taking
from assistant.settings import EngineSettings, TalkCommandSettings
from assistant.turns.settings import TalkSettings, TurnJudgeSettings
from ui.parts import shown
from ui.shown import one_line
from ui.terminal.consent import ask_consent
from ui.terminal.display import Display
from ui.terminal.farewell import Farewell, orderly_end
from ui.terminal.healing import heal
from ui.terminal.live import LiveTalk
from ui.terminal.picture import Panel
from ui.terminal.plain import earlier_lines, plain_lines
from ui.terminal.save import Save, save
from ui.view import View, disclosure, reduce


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A talk that waits for its two ends."""

    engines: Engines
    taking: TalkSettings
    persona: str | None
    told: Callable[[], Mapping[str, Any]]
    earlier: Earlier | None
    recorder: Recorder | None

    def begin(self, ends: ClosedEnds, held: ExitStack) -> TalkLoop:
        """Returns the talk, ready to be followed and run; `held` closes its ends."""
        engines = self.engines
        opened = ends.open(
            held,
            frame_samples=engines.detector.frame_samples,
            rate_hz=engines.voice.sample_rate,
        )
        talk = open_talk(
            engines,
            opened,
            self.taking,
            persona=self.persona,
            told=self.told,
            earlier=self.earlier,
        )
        if self.recorder is not None:
            talk.follow(self.recorder.listen, self.recorder.tap)
        return talk


@dataclass(frozen=True, slots=True)
class _Screen:
    """What a live talk is shown on, and where it is left."""

    display: Display
    farewell: Farewell
    save: Save


def talk(settings: TalkCommandSettings) -> int:
    """Runs `talk`; returns the exit status.

    Raises:
        AssistantError: The conversation cannot be held; says why and what to do.
    """
    heal()
    files = opened_files(settings.input, settings.output)
    if files is None and settings.pace != "counted":
        raise SettingsError(
            f"--pace {settings.pace} needs --input: name the recording to be played"
        )
    ends = files or CardEnds(settings.devices, settings.echo)
    # A wrong setting is told before anything is asked or loaded.
    answering = settings.part(EngineSettings)
    check_answering(answering)
    earlier = earlier_talk(settings.records, settings.continues) if settings.continues else None
    remembered = RememberedFile(settings.memory_file)
    held = remembered.read()
    told = [disclosure(settings.llm.sends_words_to)]
    if held.told:
        told.append(f"Attune remembers of you: {one_line('; '.join(held.facts))}.")
    if earlier is not None:
        told += earlier_lines(earlier)
    if files is not None:
        told += _unused(settings.devices)
    for line in told:
        _say(line)
    recording = ask_consent(settings.records, is_wanted=settings.record, agreed=settings.consent)
    if sys.stderr.isatty():
        print("loading model and voice …", file=sys.stderr)
    saving = partial(save, folder=settings.saves)
    farewell = Farewell(saving)
    with orderly_end(), ExitStack() as stack:
        stack.callback(farewell.offer)
        engines = open_engines(answering, shown, settings.part(TurnJudgeSettings))
        stack.callback(engines.close)
        engines.remembered = remembered
        engines.voice = paced(engines.voice, settings.speed)
        if engines.notice:
            _say(engines.notice)
        display = Display(plain=settings.plain)
        stack.callback(display.close)
        is_live = files is None or settings.pace == "real"
        on_problem = display.say if is_live else _say
        recorder = recording and recording.open(stack, say=_say, on_problem=on_problem)
        taking = turn_taking(settings.talk, settings.echo)
        prepared = _Prepared(
            engines, taking, settings.persona, settings.effective, earlier, recorder
        )
        if is_live:
            screen = _Screen(display, farewell, saving)
            view = asyncio.run(_live(prepared, ends, screen))
        else:
            view = _replay(prepared, ends, counts_work=settings.pace == "counted")
    if files is not None and view.ended == "input ended":
        files.check(len(view.turns))
    return 0


def _unused(devices: DeviceSettings) -> list[str]:
    """Returns a line for each device that was chosen, where a recording stands in its place."""
    chosen = {"microphone": devices.microphone, "speaker": devices.speaker}
    return [
        f"The {name} {one_line(device)} is not used: --input stands in its place."
        for name, device in chosen.items()
        if device is not None
    ]


async def _live(prepared: _Prepared, ends: ClosedEnds, screen: _Screen) -> View:
    """Holds a conversation as it goes, with the keys of the terminal."""
    with ExitStack() as held:
        talk = prepared.begin(ends, held)
        panel = Panel(
            is_push_to_talk=prepared.taking.turns == "push-to-talk",
            is_recording=prepared.recorder is not None,
            glyphs=screen.display.glyphs,
            sends_words_to=prepared.engines.model.sends_words_to,
        )
        live = LiveTalk(talk, screen.display, screen.farewell, panel, save=screen.save)
        return await live.run()


def _replay(prepared: _Prepared, ends: ClosedEnds, *, counts_work: bool) -> View:
    """Holds a conversation with a recording as fast as it goes; prints plain lines."""
    view = View()

    def listen(event: events.Event) -> None:
        nonlocal view
        view = reduce(view, event)
        for line in plain_lines(view, event):
            _say(f"{event.at_s:7.1f} s  {line}")

    async def hold() -> None:
        with ExitStack() as held:
            talk = prepared.begin(ends, held)
            talk.follow(listen)
            await talk.run()

    replay(hold(), workers=prepared.engines.workers, counts_work=counts_work)
    return view


def _say(line: str) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=not sys.stdout.isatty())
    try:
        console.print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:
        pass  # the terminal was closed; the hang-up ends the talk
