"""The command `talk`: a conversation in the terminal, at the microphone or with a recording."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from assistant import events
from assistant.assembly import open_engines, open_help
from assistant.audio.devices import check_devices
from assistant.audio.protocols import Ends
from assistant.clock import replay
from assistant.conversation.earlier import Earlier
from assistant.conversation.engines import Engines
from assistant.conversation.loop import TalkLoop
from assistant.engines.paced import paced
from assistant.errors import OutputError
from assistant.files.replayed import FileEnds, opened_files
from assistant.records.continuing import earlier_talk
from assistant.records.recording import Consent, Recorder
from assistant.records.removal.retention import enforce_retention, forgetting, too_old
from assistant.remembered import RememberedFile
from assistant.session import open_card, open_talk, turn_taking
from assistant.settings import EngineSettings, HelpSettings, TalkCommandSettings
from assistant.turns.settings import TurnJudgeSettings
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


def talk(settings: TalkCommandSettings) -> int:
    """Runs `talk`; returns the exit status.

    Raises:
        AssistantError: The conversation cannot be held; says why and what to do.
    """
    heal()
    files = opened_files(settings.input, settings.output)
    if files is None:
        check_devices(settings.devices)
    # A wrong setting is told before anything is asked or loaded.
    open_help(settings.part(HelpSettings))
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
        judging = settings.part(TurnJudgeSettings)
        engines = open_engines(settings.part(EngineSettings), shown, judging)
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

        def begin(ends: Ends) -> TalkLoop:
            talk = open_talk(
                engines,
                ends,
                taking,
                persona=settings.persona,
                told=settings.effective,
                earlier=earlier,
            )
            if recorder is not None:
                talk.follow(recorder.listen, recorder.tap)
            return talk

        async def live() -> View:
            with ExitStack() as outputs:
                frame, rate = engines.detector.frame_samples, engines.voice.sample_rate
                if files is not None:
                    ends = files.open(outputs, rate_hz=rate, frame_samples=frame)
                else:
                    ends = open_card(
                        settings.devices,
                        settings.echo,
                        outputs,
                        frame_samples=frame,
                        # No frame is taken, and no change told, before the talk below is run.
                        on_change=lambda message, lost: talk.device_changed(message, lost),
                    )
                talk = begin(ends)
                panel = Panel(
                    is_push_to_talk=taking.turns == "push-to-talk",
                    is_recording=recorder is not None,
                    glyphs=display.glyphs,
                    sends_words_to=engines.model.sends_words_to,
                )
                return await LiveTalk(talk, display, farewell, panel, saves=settings.saves).run()

        if files is None or is_live:
            view = asyncio.run(live())
        else:
            view = _replay(engines, begin, files, counts_work=settings.pace == "counted")
    if files is not None and view.ended == "input ended":
        files.check(len(view.turns))
    return 0


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


def _replay(
    engines: Engines, begin: Callable[[Ends], TalkLoop], files: FileEnds, *, counts_work: bool
) -> View:
    """Holds a conversation with a recording as fast as it goes; prints plain lines."""
    view = View()

    def listen(event: events.Event) -> None:
        nonlocal view
        view = reduce(view, event)
        for line in plain_lines(view, event):
            _say(f"{event.at_s:7.1f} s  {line}")

    async def hold() -> None:
        with ExitStack() as outputs:
            frame, rate = engines.detector.frame_samples, engines.voice.sample_rate
            talk = begin(files.open(outputs, rate_hz=rate, frame_samples=frame))
            talk.follow(listen)
            await talk.run()

    replay(hold(), workers=engines.workers, counts_work=counts_work)
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
