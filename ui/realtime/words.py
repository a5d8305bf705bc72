"""Words of what the client committed and does not have answered, or not yet."""

import asyncio
from functools import partial

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.engines import Engines
from assistant.engines.protocols import Transcript
from assistant.errors import EngineFailed
from ui.realtime.question import PendingQuestion
from ui.realtime.translation import Translator

AFTER_S = 0.2
"""Most clients order the answer with the commit, and it tells the words itself: the same sound is
not to be read twice before its first word."""


class WordsOfHeld:
    """Has the model write down what waits for its answer, for clients that decide by the words."""

    def __init__(self, engines: Engines, translator: Translator, question: PendingQuestion) -> None:
        """Tells the words by `translator`, of what `question` holds."""
        self._engines = engines
        self._translator = translator
        self._question = question

    def look_for(self, item_id: str, sound: Waveform) -> None:
        """Tells the words of a spoken item (16 kHz) in a moment, if it still waits then."""
        asyncio.get_running_loop().call_later(AFTER_S, self._begin, item_id, sound)

    def _begin(self, item_id: str, sound: Waveform) -> None:
        is_wanted = self._translator.config.audio.input.transcription is not None
        if not is_wanted or not self._question.holds(item_id):
            return

        def deliver(words: Transcript | None, error: BaseException | None) -> None:
            if error is not None and not isinstance(error, EngineFailed):
                raise error
            # Where it cannot be done now, the answer brings the words.
            if words is not None and item_id in self._translator.items:
                self._translator.tell_words(item_id, words.text, len(sound) / SPEECH_RATE_HZ)

        model = self._engines.model
        try:
            self._engines.model_worker.submit(partial(model.transcribe, sound), deliver)
        except EngineFailed:  # too many conversations at once
            return
