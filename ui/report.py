"""What the commands `reply` and `doctor` print: pictures on a terminal, plain lines when piped."""

import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from assistant.audio.devices import DeviceSettings
from assistant.audio.playback import Loudspeaker
from assistant.checks import machine as doctor_checks
from assistant.checks import microphone
from assistant.checks.machine import Check, State
from assistant.engines.parts import bring, default_parts
from assistant.errors import DeviceError
from assistant.records.transcript import (
    ConversationRecord,
    EmotionRecord,
    TurnRecord,
    describe_emotion,
    describe_style,
    shown_help,
)
from assistant.settings import DoctorSettings, EngineSettings, ReplySettings
from command_line.called import as_called, program_name
from ui.parts import shown
from ui.shown import EMOTION_COLOURS, one_line

_BAR_CELLS = 10


class _Seconds(ProgressColumn):
    """How much of a recording is answered; not all formats say how long they are."""

    def render(self, task: Task) -> Text:
        """Returns the seconds that are done, and of how many where that is known."""
        whole = "" if task.total is None else f" of {task.total:.0f}"
        return Text(f"{task.completed:.0f}{whole} s")


class ConsoleReport:
    """Prints a `reply` run: turns to standard output, progress and problems to standard error."""

    def __init__(self, *, json_lines: bool) -> None:
        self._json_lines = json_lines
        self._out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        # On a terminal one console draws both: lines of another would run into its bar.
        is_shared = sys.stdout.isatty() and sys.stderr.isatty()
        self._errors = (
            self._out
            if is_shared
            else Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
        )
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _Seconds(),
            TimeRemainingColumn(compact=True),
            console=self._errors,
            transient=True,
            disable=not self._errors.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Starts the progress display."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Clears the progress display."""
        self._progress.stop()

    def loading(self, what: str) -> None:
        """Says that something is loaded, which may take a while."""
        if self._errors.is_terminal:
            self._errors.print(f"loading {escape(what)} …", style="dim")

    def opened(self, record: ConversationRecord) -> None:
        """Prints the head of a conversation."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        title = ", ".join(record.sources) or "typed question"
        self._task = self._progress.add_task(_shown(title), total=None)
        if self._json_lines:
            self._print_json(record.model_dump_json())
        else:
            self._out.print(
                f"[bold]{_shown(title)}[/bold]  "
                f"[dim](model {escape(record.model)}, voice {escape(record.voice)}, "
                f"policy {escape(record.policy)})[/dim]"
            )

    def progress(self, done_s: float, total_s: float | None) -> None:
        """Moves the bar."""
        if self._task is not None:
            self._progress.update(self._task, completed=done_s, total=total_s)

    def answered(self, record: TurnRecord) -> None:
        """Prints one turn."""
        if self._json_lines:
            self._print_json(record.model_dump_json())
            return
        span = "typed" if record.start_s is None else f"{record.start_s:.2f}-{record.end_s:.2f} s"
        self._out.print(f"\n[dim]{span}[/dim]")
        if record.emotion is not None:
            self._out.print(f"  voice   {_emotion_line(record.emotion)}")
        confidence = record.words_confidence
        sure = "" if confidence is None else f"  [dim]({100 * confidence:.0f} % sure)[/dim]"
        self._out.print(f"  words   {_shown(record.words) or '[dim](none)[/dim]'}{sure}")
        self._out.print(f"  reply   [bold]{_shown(record.reply) or '(none)'}[/bold]")
        self._out.print(f"  style   {describe_style(record.style)}")
        if help_text := shown_help(record):
            self._out.print(f"  help    [bold]{_shown(help_text)}[/bold]")
        marks = ", ".join(
            f"{name.replace('_', ' ')} {value:.0f}" for name, value in record.latency_ms.items()
        )
        self._out.print(f"  [dim]time    {marks} ms[/dim]")

    def problem(self, message: str) -> None:
        """Prints what went wrong with one part of the run."""
        self._errors.print(f"attune: {_shown(message)}", style="red")

    def notice(self, message: str) -> None:
        """Prints what the person should know although nothing went wrong."""
        self._errors.print(f"attune: {_shown(message)}", style="yellow")

    def written(self, paths: list[Path]) -> None:
        """Says where the results are."""
        if self._json_lines:
            return
        self._out.print("\nwritten: " + ", ".join(_shown(str(path)) for path in paths) + "\n")

    def _print_json(self, line: str) -> None:
        self._out.print(line, markup=False, soft_wrap=True, style=None)


def _shown(text: str) -> str:
    """Returns `text` on one line, without what a terminal or the markup would act on."""
    return escape(one_line(text))


def _emotion_line(emotion: EmotionRecord) -> str:
    colour = EMOTION_COLOURS[emotion.label]
    parts = [f"[{colour}]{describe_emotion(emotion)}[/{colour}]"]
    filled = round(_BAR_CELLS * emotion.confidence)
    parts.append(f"[{colour}]{'█' * filled}{'░' * (_BAR_CELLS - filled)}[/{colour}]")
    others = ", ".join(
        f"{label} {100 * value:.0f}"
        for label, value in emotion.probabilities.items()
        if label != emotion.label
    )
    return "  ".join([*parts, f"[dim]{others}[/dim]"])


def reply(settings: ReplySettings) -> int:
    """Runs `reply`; returns the exit status: 0 only if everything was answered."""
    from assistant.assembly import open_engines
    from assistant.engines.paced import paced
    from assistant.files.inputs import ReplyInputs, given_inputs
    from assistant.files.plan import planned
    from assistant.files.reply import Manner, ReplyRun

    with ConsoleReport(json_lines=settings.json_lines) as report, ExitStack() as devices:
        asked = devices.enter_context(given_inputs(ReplyInputs(settings.questions, settings.text)))
        loudspeaker = _loudspeaker(is_wanted=settings.play, if_possible=settings.play_if_possible)
        play = devices.enter_context(loudspeaker).play if loudspeaker else None
        outputs = planned(asked, settings.out, joined=settings.joined, force=settings.force)
        # What stood for other files, a folder or standard input, is told as those.
        given = {"questions": asked.recordings, "text": asked.text}
        told = settings.model_copy(update=given).effective()
        run = ReplyRun(outputs, Manner(settings.endpointing, settings.persona, told), report, play)
        report.loading("model and voice")
        engines = open_engines(settings.part(EngineSettings), shown)
        devices.callback(engines.close)
        engines.voice = paced(engines.voice, settings.speed)
        if engines.notice:
            report.notice(engines.notice)
        return 1 if run.run(engines) else 0


def _loudspeaker(*, is_wanted: bool, if_possible: bool) -> Loudspeaker | None:
    if not (is_wanted or if_possible):
        return None
    try:
        return Loudspeaker()
    except DeviceError:
        if is_wanted:
            raise
        return None


def doctor(settings: DoctorSettings) -> int:
    """Runs `doctor`; returns 0 if everything that a conversation needs works."""
    if settings.fetch:
        bring(default_parts(), shown)
    checks = doctor_checks.examine(settings.llm)
    if settings.mic:
        checks.append(_microphone(settings.devices))
    failed = any(check.state is State.MISSING for check in checks)
    if settings.json_lines:
        print(doctor_checks.as_json(checks))
        return 1 if failed else 0
    Console(highlight=False).print(_doctor_table(checks))
    return 1 if failed else 0


def _microphone(devices: DeviceSettings) -> Check:
    from assistant.engines.table import open_vad

    detector = open_vad("silero")
    seconds = f"{microphone.LISTEN_S:.0f} seconds"
    print(f"Speak now, for {seconds}: nothing is recorded.", file=sys.stderr, flush=True)
    return microphone.examine(devices, detector)


def _doctor_table(checks: list[Check]) -> Table:
    signs = {
        State.WORKS: "[green]ok[/]",
        State.OPTIONAL: "[yellow]--[/]",
        State.MISSING: "[red]NO[/]",
    }
    table = Table(title="What works on this machine", title_justify="left", expand=False)
    table.add_column("part", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("how to mend", overflow="fold")
    called = program_name(sys.argv[0])
    for check in checks:
        remedy = escape(as_called(check.remedy, called))
        table.add_row(check.part, signs[check.state], escape(check.found), remedy)
    return table
