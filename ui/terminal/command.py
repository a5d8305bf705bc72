"""The command `talk`: a conversation in the terminal, at the microphone or with a recording."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from assistant import events
from assistant.assembly import check_answering, open_engines
from assistant.audio.card_ends import CardEnds
from assistant.audio.protocols import Ends
from assistant.clock import replay
from assistant.conversation.earlier import Earlier
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.paced import paced
from assistant.errors import OutputError
from assistant.files.replayed import FileEnds, opened_files
from assistant.records.continuing import earlier_talk
from assistant.records.recording import Consent, Recorder
from assistant.records.removal.retention import enforce_retention, forgetting, too_old
from assistant.remembered import RememberedFile
from assistant.session import open_talk, turn_taking
from assistant.settings import EngineSettings, TalkCommandSettings
from assistant.turns.settings import TalkSettings, TurnJudgeSettings
from ui.parts import shown
from ui.saved_talk import saved_talk
from ui.shown import local_time, one_line
from ui.terminal.consent import ask_consent, new_folder
from ui.terminal.display import Display
from ui.terminal.farewell import Farewell, orderly_end
from ui.terminal.healing import heal
from ui.terminal.live import LiveTalk
from ui.terminal.picture import Panel
from ui.terminal.plain import plain_lines, turn_lines
from ui.terminal.save import save
from ui.view import View, disclosure, reduce

SHOWN_EARLIER = 3
"""Turns of the talk that one goes on from which the terminal shows."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A talk that waits for its two ends."""

    engines: Engines
    taking: TalkSettings
    persona: str | None
    told: Callable[[], Mapping[str, Any]]
    earlier: Earlier | None
    recorder: Recorder | None

    def begin(self, ends: Ends) -> TalkLoop:
        """Returns the talk, ready to be followed and run."""
        talk = open_talk(
            self.engines,
            ends,
            self.taking,
            persona=self.persona,
            told=self.told,
            earlier=self.earlier,
        )
        if self.recorder is not None:
            talk.follow(self.recorder.listen, self.recorder.tap)
        return talk

    def open_files(self, files: FileEnds, outputs: ExitStack) -> Ends:
        """Returns files for ends, in the formats of detector and voice; `outputs` closes them."""
        rate_hz, frame = self.engines.voice.sample_rate, self.engines.detector.frame_samples
        return files.open(outputs, rate_hz=rate_hz, frame_samples=frame)


@dataclass(frozen=True, slots=True)
class _Screen:
    """What a live talk is shown on, and where it is left."""

    display: Display
    farewell: Farewell
    saves: Path


def talk(settings: TalkCommandSettings) -> int:
    """Runs `talk`; returns the exit status.

    Raises:
        AssistantError: The conversation cannot be held; says why and what to do.
    """
    heal()
    files = opened_files(settings.input, settings.output)
    source = files or CardEnds(settings.devices, settings.echo)
    # A wrong setting is told before anything is asked or loaded.
    answering = settings.part(EngineSettings)
    check_answering(answering)
    earlier = earlier_talk(settings.records, settings.continues) if settings.continues else None
    remembered = RememberedFile(settings.memory_file)
    held = remembered.read()
    _say(disclosure(settings.llm.sends_words_to))
    if held.told:
        _say(f"Attune remembers of you: {one_line('; '.join(held.facts))}.")
    if earlier is not None:
        _print_earlier(earlier)
    consent = ask_consent(settings.records, is_wanted=settings.record, agreed=settings.consent)
    if sys.stderr.isatty():
        print("loading model and voice …", file=sys.stderr)
    farewell = Farewell(lambda view: _saved(view, settings.saves))
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
        recorder = _recorder(settings.records, consent, display.say if is_live else _say, stack)
        taking = turn_taking(settings.talk, settings.echo)
        prepared = _Prepared(
            engines, taking, settings.persona, settings.effective, earlier, recorder
        )
        if files is None or is_live:
            screen = _Screen(display, farewell, settings.saves)
            view = asyncio.run(_live(prepared, source, screen))
        else:
            view = _replay(prepared, files, counts_work=settings.pace == "counted")
    if files is not None and view.ended == "input ended":
        files.check(len(view.turns))
    return 0


async def _live(prepared: _Prepared, source: FileEnds | CardEnds, screen: _Screen) -> View:
    """Holds a conversation as it goes, with the keys of the terminal."""
    with ExitStack() as outputs:
        if isinstance(source, FileEnds):
            ends = prepared.open_files(source, outputs)
        else:
            ends = source.open(
                outputs,
                frame_samples=prepared.engines.detector.frame_samples,
                # No frame is taken, and no change told, before the talk below is run.
                on_change=lambda message, lost: talk.device_changed(message, lost),
            )
        talk = prepared.begin(ends)
        panel = Panel(
            is_push_to_talk=prepared.taking.turns == "push-to-talk",
            is_recording=prepared.recorder is not None,
            glyphs=screen.display.glyphs,
            sends_words_to=prepared.engines.model.sends_words_to,
        )
        live = LiveTalk(talk, screen.display, screen.farewell, panel, saves=screen.saves)
        return await live.run()


def _print_earlier(earlier: Earlier) -> None:
    """Shows the end of the talk that this one goes on from."""
    begun = local_time(earlier.started_utc)
    _say(f"You go on with the talk {earlier.record}{f', begun {begun}' if begun else ''}. Its end:")
    for line in turn_lines(earlier.turns[-SHOWN_EARLIER:]):
        _say(f"  {line}")


def _recorder(
    records: Path, consent: Consent | None, say: Callable[[str], None], stack: ExitStack
) -> Recorder | None:
    """Returns what records the conversation, if anything may be recorded; `stack` closes it."""
    if consent is None:
        return None
    for receipt, path in enforce_retention(records, forgetting(records, None)):
        _say(too_old(receipt, path))
    recorder = Recorder(new_folder(records), consent, on_problem=say)
    stack.callback(_say, f"The talk is recorded in {recorder.folder}.")
    stack.callback(recorder.close)
    return recorder


def _saved(view: View, saves: Path) -> str:
    """Saves a talk; where that is not possible, it is printed."""
    try:
        return f"Saved to {save(view, saves)}."
    except OutputError as error:
        return f"{saved_talk(view, 'md')}\n{error}"


def _replay(prepared: _Prepared, files: FileEnds, *, counts_work: bool) -> View:
    """Holds a conversation with a recording as fast as it goes; prints plain lines."""
    view = View()

    def listen(event: events.Event) -> None:
        nonlocal view
        view = reduce(view, event)
        for line in plain_lines(view, event):
            _say(f"{event.at_s:7.1f} s  {line}")

    async def hold() -> None:
        with ExitStack() as outputs:
            talk = prepared.begin(prepared.open_files(files, outputs))
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
