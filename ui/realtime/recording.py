"""Recording over a socket: only where the operator offers it and the person agrees."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from assistant import events
from assistant.audio.waveform import Waveform
from assistant.errors import OutputError
from assistant.records.recording import Consent, Recorder
from ui.realtime.protocol.changes import Changes
from ui.realtime.protocol.config import SessionConfig
from ui.realtime.protocol.messages import ProtocolError, new_id

logger = logging.getLogger(__name__)


class ConsentedRecording:
    """What is kept of one conversation; nothing until the person agrees."""

    def __init__(self, folder: Path | None, *, on_problem: Callable[[str], None]) -> None:
        """Keeps below `folder`, or never; `on_problem` is told in words for the person."""
        self._folder = folder
        self._tell = on_problem
        self._recorder: Recorder | None = None
        self._agreed = (False, False)
        self.recorded: list[str] = []
        """Ids of the records that were begun."""

    def agree_by(
        self, changes: Changes, old: SessionConfig, opening: Sequence[events.Event]
    ) -> None:
        """Keeps what changed settings agree to; where it cannot, that of them is refused."""
        keep = changes.config.attune
        try:
            self.agree(words=keep.keep_words, audio=keep.keep_audio, opening=opening)
        except ProtocolError as error:
            changes.refused.append(error)
            kept = {"keep_words": old.attune.keep_words, "keep_audio": old.attune.keep_audio}
            attune = keep.model_copy(update=kept)
            changes.config = changes.config.model_copy(update={"attune": attune})
            changes.applied -= keep.keep_words + keep.keep_audio

    def agree(self, *, words: bool, audio: bool, opening: Sequence[events.Event]) -> None:
        """The person's consent from now on; a change of mind closes what was begun.

        Raises:
            ProtocolError: This server keeps nothing, or cannot.
        """
        if (words, audio) == self._agreed:
            return
        if self._folder is None:
            raise ProtocolError("this server keeps nothing", code="unsupported")
        self._close_soon()
        if words or audio:
            moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            consent = Consent(audio=audio, words=words, emotion=words)
            try:
                self._recorder = Recorder(
                    self._folder / f"{moment}-{new_id('talk')}",
                    consent,
                    on_problem=self._on_problem,
                )
            except OutputError as error:
                logger.error("%s", error)
                raise ProtocolError(
                    "this talk cannot be recorded now, and nothing of it is kept",
                    code="not_recorded",
                ) from error
            self.recorded.append(self._recorder.folder.name)
            for event in opening:
                self._recorder.listen(event)
        self._agreed = (words, audio)

    def listen(self, event: events.Event) -> None:
        """Takes what happened."""
        if self._recorder is not None:
            self._recorder.listen(event)

    def tap(self, person: Waveform, assistant: Waveform) -> None:
        """Takes one frame of both sides."""
        if self._recorder is not None:
            self._recorder.tap(person, assistant)

    async def close(self) -> None:
        """Writes what is left."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            await asyncio.to_thread(_close, recorder)

    def _on_problem(self, text: str) -> None:
        """The host reads where and why; a visitor need not know the host's folders."""
        logger.error("%s", text)
        self._tell("the recording of this talk has stopped: what follows is not kept")

    def _close_soon(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            asyncio.get_running_loop().run_in_executor(None, _close, recorder)


def _close(recorder: Recorder) -> None:
    try:
        recorder.close()
    except OutputError as error:
        logger.error("%s", error)
