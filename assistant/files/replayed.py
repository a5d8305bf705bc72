"""A conversation with a recording instead of a microphone, and a WAV file for a loudspeaker."""

import logging
from contextlib import ExitStack
from pathlib import Path

from assistant.audio.file_devices import FileMicrophone, FileSpeaker
from assistant.audio.protocols import Ends
from assistant.audio.soundfiles import AnswerFile, Recording
from assistant.audio.waveform import AudioClip, Waveform
from assistant.errors import InputError, SettingsError

logger = logging.getLogger(__name__)

NO_SPEECH = (
    "no speech was found in {path}: speak closer to the microphone, "
    "or lower --talk.endpointing.start-threshold"
)


def opened_files(recording: Path | None, answers: Path | None) -> "FileEnds | None":
    """Returns the files that stand for microphone and loudspeaker; None where none do.

    Raises:
        InputError: The recording cannot be used.
        SettingsError: Both are the same file, or there is no recording.
    """
    if recording is None:
        if answers is not None:
            raise SettingsError("--output needs --input: name the recording to be answered")
        return None
    return FileEnds(recording, answers)


class FileEnds:
    """The recording that is spoken to the assistant, and the file that it answers into."""

    def __init__(self, recording: Path, answers: Path | None) -> None:
        """Opens the recording; the file of the answers, if any, must be another.

        Raises:
            InputError: The recording cannot be used.
            SettingsError: Both are the same file.
        """
        if answers is not None:
            _check_apart(recording, answers)
        self._recording = Recording(recording)
        if self._recording.notice:
            logger.warning("%s", self._recording.notice)
        self._output = answers

    def open(self, held: ExitStack, *, frame_samples: int, rate_hz: int) -> Ends:
        """Returns the two ends of the conversation; see `ClosedEnds`.

        Raises:
            OutputError: The answers cannot be written.
        """
        answers = held.enter_context(AnswerFile(self._output)) if self._output else None

        def write(played: Waveform) -> None:
            if answers is not None:
                answers.write(AudioClip(played, rate_hz))

        microphone = FileMicrophone(self._recording.blocks(), frame_samples=frame_samples)
        return Ends(microphone, FileSpeaker(write, sample_rate=rate_hz))

    def check(self, turns: int) -> None:
        """Raises `InputError` if the recording was damaged or held no speech."""
        if self._recording.damage:
            raise InputError(self._recording.damage)
        if turns == 0:
            raise InputError(NO_SPEECH.format(path=self._recording.path))


def _check_apart(recording: Path, answers: Path) -> None:
    if answers.suffix.lower() != ".wav":
        raise SettingsError(f"--output {answers}: name a .wav file")
    if recording.exists() and answers.exists() and recording.samefile(answers):
        raise SettingsError(f"{answers} is the input too: choose another --output")
