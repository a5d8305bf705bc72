"""What the command `voices` prints and does."""

import json
import sys
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assistant.assembly import open_chosen_model, open_chosen_voice
from assistant.audio.playback import Loudspeaker
from assistant.audio.soundfiles import AnswerFile
from assistant.audio.waveform import AudioClip
from assistant.checks.voices import (
    StyleCheck,
    VoiceEntry,
    check_voice,
    close_voice,
    list_voices,
    own_voices,
)
from assistant.empathy import load_policy
from assistant.engines.protocols import Cancel, SpeechModel
from assistant.engines.settings import SpeechModelSettings
from assistant.engines.table import AUTO_VOICES, NO_VOICE
from assistant.errors import DeviceError, EngineUnavailable, InputError, SettingsError
from assistant.settings import VoicesSettings
from assistant.voice.scripts import nothing_said
from assistant.voice.voice_folder import add_clips, remove_voice
from assistant.voice.voice_names import KnownVoice, known_voice
from command_line.called import as_called, program_name
from models.emotions import emotion_from_label
from ui.parts import shown

SAMPLE = "I am glad that you are here. Take your time, and tell me how your day was."


def voices(settings: VoicesSettings) -> int:
    """Runs `voices`; returns the exit status: 1 if a checked voice does not follow a style."""
    actions: dict[str, Callable[[VoicesSettings], int]] = {
        "list": _list,
        "say": _say,
        "sample": _sample,
        "check": _check,
        "add": _add,
        "remove": _remove,
    }
    if settings.action == "list" and settings.items:
        raise SettingsError(
            f"voices list takes no names, not {settings.items[0]!r}: leave it out, or hear one by "
            "`app.py voices sample NAME`"
        )
    if settings.out is not None:
        _check_out(settings.action, settings.out)
    return actions[settings.action](settings)


def _check_out(action: str, out: Path) -> None:
    if action not in ("say", "sample"):
        raise SettingsError(f"voices {action} writes no sound: leave --out out, or say something")
    if out.suffix.lower() != ".wav":
        raise SettingsError(f"--out {out}: name a .wav file")


def _console() -> Console:
    return Console(highlight=False)


def _list(settings: VoicesSettings) -> int:
    entries = list(list_voices())
    if settings.json_lines:
        for entry in entries:
            print(json.dumps(_entry_json(entry)))
        return 0
    order = ", ".join(AUTO_VOICES)
    called = program_name(sys.argv[0])
    table = Table(
        title="Voices of this machine",
        title_justify="left",
        caption=f"auto takes the first of {order} that can be had, and fetches piper's voice once. "
        f"`{called} voices sample NAME` plays how one sounds.",
        caption_justify="left",
    )
    table.add_column("--voice", no_wrap=True)
    table.add_column("")
    for head in ("called", "sex", "accent", "quality", "licence", ""):
        table.add_column(head, overflow="fold")
    for entry in entries:
        sign = "[green]ok[/]" if entry.is_usable else "[yellow]--[/]"
        known = known_voice(entry.voice)
        about = _about(known) if known else ("", "", "", "your own", "")
        detail = escape(as_called(entry.detail, called))
        table.add_row(escape(entry.voice), sign, *about, detail)
    _console().print(table)
    return 0


def _about(known: KnownVoice) -> tuple[str, ...]:
    return known.title, known.sex, known.accent, known.quality, known.licence


def _entry_json(entry: VoiceEntry) -> dict[str, object]:
    told: dict[str, object] = {"voice": entry.voice, "usable": entry.is_usable, "is": entry.detail}
    known = known_voice(entry.voice)
    if known is None:
        return told
    names = ("called", "sex", "accent", "quality", "licence")
    return told | dict(zip(names, _about(known), strict=True))


def _sample(settings: VoicesSettings) -> int:
    """Plays one sentence in each voice, which says its name first."""
    names = settings.items or tuple(entry.voice for entry in list_voices() if entry.is_usable)
    if settings.out is not None and len(names) > 1:
        raise SettingsError("voices sample: name one voice with --out, or leave it out")
    for name in names:
        if settings.out is None:
            print(name, flush=True)
        known = known_voice(name)
        said = known.title if known else (name.partition(":")[2] or name).capitalize()
        sentence = f"This is {said}. {SAMPLE}"
        _say(settings.model_copy(update={"voice": name, "items": (sentence,)}))
    return 0


def _say(settings: VoicesSettings) -> int:
    text = " ".join(settings.items)
    if not text.strip():
        raise SettingsError("voices say: give the text, as in `app.py voices say 'Good morning.'`")
    style = load_policy(settings.policy).style_for(emotion_from_label(settings.emotion))
    opened = open_chosen_voice(settings.voice, shown)
    voice = opened.engine
    if opened.reason:
        print(f"{opened.name} speaks instead of {opened.meant}: {opened.reason}", file=sys.stderr)
    try:
        clips = iter(voice.synthesize(text, style, Cancel()))
        first = next(clips, None)
        if first is None:
            raise InputError(nothing_said(text, opened.name))
        clips = chain([first], clips)
        if settings.out is not None:
            with AnswerFile(settings.out) as file:
                for clip in clips:
                    file.write(clip)
                print(f"{settings.out}: {file.duration_s:.1f} s")
        else:
            _play(clips)
    finally:
        close_voice(voice)
    return 0


def _play(clips: Iterable[AudioClip]) -> None:
    try:
        loudspeaker = Loudspeaker()
    except DeviceError as error:
        raise DeviceError(f"{error}; or write the speech to a file with --out") from error
    with loudspeaker:
        for clip in clips:
            loudspeaker.play(clip)


def _add(settings: VoicesSettings) -> int:
    if len(settings.items) < 2:
        raise SettingsError(
            "voices add: give a name and at least one clip, as in "
            "`app.py voices add anna --emotion sad clip.wav`"
        )
    name, *clips = settings.items
    folder = add_clips(
        name,
        emotion_from_label(settings.emotion),
        [Path(clip) for clip in clips],
        model=settings.xtts,
        language=settings.language,
    )
    (entry,) = (entry for entry in own_voices() if entry.voice == f"coqui:{name}")
    if entry.is_usable:
        print(f"{folder}: use it with --voice {entry.voice}")
    else:
        print(f"{folder}: added, but it cannot speak yet: {entry.detail}")
    return 0


def _remove(settings: VoicesSettings) -> int:
    if not settings.items:
        raise SettingsError("voices remove: name the voices, as in `app.py voices remove anna`")
    for name in settings.items:
        print(f"{name}: removed from {remove_voice(name.removeprefix('coqui:')).parent}")
    return 0


def _check(settings: VoicesSettings) -> int:
    names = settings.items or tuple(entry.voice for entry in list_voices() if entry.is_usable)
    if not names:
        raise EngineUnavailable(NO_VOICE)
    policy = load_policy(settings.policy)
    judge = _open_judge(settings.judge)
    checks: list[tuple[str, StyleCheck]] = []
    for name in names:
        voice = open_chosen_voice(name, shown).engine
        try:
            checks += [(name, check) for check in check_voice(voice, policy, judge=judge)]
        finally:
            close_voice(voice)
    if settings.json_lines:
        for name, check in checks:
            print(json.dumps(_as_json(name, check)))
    else:
        _console().print(_check_table(checks, policy.name))
    return 1 if any(check.problems for _, check in checks) else 0


def _open_judge(model: str | None) -> SpeechModel | None:
    if model is None:
        return None
    return open_chosen_model(SpeechModelSettings(model=model), shown)


def _check_table(checks: list[tuple[str, StyleCheck]], policy: str) -> Table:
    table = Table(
        title=f"Voices under the policy {policy} (words a minute, semitones)", title_justify="left"
    )
    heads = ["voice", "to", "pitch", "spread", "words", "level", "heard as", ""]
    has_judge = any(check.heard is not None for _, check in checks)
    if not has_judge:
        heads.remove("heard as")
    for head in heads:
        table.add_column(head, no_wrap=bool(head), overflow="fold")
    for name, check in checks:
        delivery = check.delivery
        heard: list[str] = []
        if check.heard is not None:
            heard = [f"{check.heard.emotion.label} {100 * check.heard.confidence:.0f}%"]
        verdict = f"[red]{', '.join(check.problems)}[/]" if check.problems else "[green]ok[/]"
        table.add_row(
            escape(name),
            check.person.label,
            f"{delivery.pitch_hz:.0f} Hz",
            f"{delivery.pitch_spread:.1f} st",
            f"{delivery.words_a_minute:.0f}",
            f"{delivery.level_db:.1f} dB",
            *heard,
            verdict,
        )
    return table


def _as_json(name: str, check: StyleCheck) -> dict[str, object]:
    delivery = check.delivery
    return {
        "voice": name,
        "person": check.person.label,
        "pitch_hz": round(delivery.pitch_hz, 1),
        "pitch_spread_semitones": round(delivery.pitch_spread, 2),
        "words_a_minute": round(delivery.words_a_minute, 1),
        "level_db": round(delivery.level_db, 2),
        "longest_pause_s": round(delivery.longest_pause_s, 3),
        "heard": None if check.heard is None else check.heard.emotion.label,
        "heard_confidence": None if check.heard is None else round(check.heard.confidence, 3),
        "problems": list(check.problems),
    }
