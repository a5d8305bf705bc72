"""`records play`: the sound of a record on the loudspeaker, with the words as they are said."""

from collections.abc import Iterator
from pathlib import Path

import soundfile

from assistant.audio.playback import Loudspeaker
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip
from assistant.errors import DeviceError, InputError
from assistant.records.reading import Record, RecordFolder, read_record
from assistant.records.turns import passages, recorded_turns
from ui.shown import one_line

CLIP_S = 0.25


def play(found: RecordFolder, turn: int | None) -> int:
    """Plays a record to its end, from a turn on where one is named; returns the exit status.

    Raises:
        InputError: It has no sound, or no such turn.
        DeviceError: There is no loudspeaker.
    """
    record = read_record(found)
    audio = record.audio
    if audio is None:
        raise InputError(f"{found.id} was recorded without sound: show it instead")
    start_s = _start_s(record, turn)
    waiting = [one for one in passages(record) if one.end_s > start_s]
    with _loudspeaker() as loudspeaker:
        for at_s, clip in _clips(audio, start_s):
            while waiting and waiting[0].start_s <= at_s:
                passage = waiting.pop(0)
                print(f"{passage.speaker}: {one_line(passage.text)}", flush=True)
            loudspeaker.play(clip)
    return 0


def _loudspeaker() -> Loudspeaker:
    try:
        return Loudspeaker()
    except DeviceError as error:
        raise DeviceError(
            "no loudspeaker can be used here: connect one or start the sound server; "
            "`records export ID` makes a page to listen to elsewhere"
        ) from error


def _start_s(record: Record, turn: int | None) -> float:
    if turn is None:
        return 0.0
    turns = recorded_turns(record)
    if turn > len(turns):
        raise InputError(f"{record.id} has {len(turns)} turns: there is no turn {turn}")
    return turns[turn - 1].start_s


def _clips(path: Path, start_s: float) -> Iterator[tuple[float, AudioClip]]:
    """Yields both sides mixed, from `start_s` on, each clip with its time."""
    try:
        with soundfile.SoundFile(path) as sound:
            sound.seek(min(sound.frames, round(start_s * SPEECH_RATE_HZ)))
            blocks = sound.blocks(round(CLIP_S * sound.samplerate), dtype="float32", always_2d=True)
            for number, block in enumerate(blocks):
                clip = AudioClip(block.mean(axis=1), sound.samplerate)
                yield start_s + number * CLIP_S, clip
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(f"{path} cannot be read as sound: {error}") from error
