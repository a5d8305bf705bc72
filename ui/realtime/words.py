"""Words of what the client committed and does not have answered, or not yet."""

import asyncio
from functools import partial

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.engines import Engines
from assistant.engines.protocols import Transcript
from assistant.errors import EngineFailed
from assistant.worker import Due
from ui.realtime.orders.question import PendingQuestion
from ui.realtime.translation import Translator

AFTER_S = 0.2
"""Most clients order the answer with the commit, and it tells the words itself: the same sound is
not to be read twice before its first word."""

WITH_AN_ANSWER_S = 2.0
"""How long words may take that are told beside an answer."""
NO_WORDS = "this model writes no words down: choose another one"


class WordsOfHeld:
    """Has the model write down what waits for its answer, for clients that decide by the words."""

    def __init__(self, engines: Engines, translator: Translator, question: PendingQuestion) -> None:
        """Tells the words by `translator`, of what `question` holds."""
        self._engines = engines
        self._translator = translator
        self._question = question

    def look_for(self, item_id: str, sound: Waveform) -> None:
        """Tells the words of a spoken item (16 kHz) in a moment, if it still waits then.

        Where nothing is answered they are looked for at once, and what is not found is told too.
        """
        if self._translator.config.answers:
            asyncio.get_running_loop().call_later(AFTER_S, self._look_if_held, item_id, sound)
        else:
            self._look(item_id, sound, is_last_chance=True)

    def look_apart(self, sounds: dict[str, Waveform]) -> None:
        """Tells the words of several spoken items that are answered together, each by itself."""
        loop = asyncio.get_running_loop()
        for item_id, sound in sounds.items():
            # Their answer, which reads the same sound, goes before.
            due_s = loop.time() + WITH_AN_ANSWER_S
            self._look(item_id, sound, is_last_chance=True, due=lambda due_s=due_s: due_s)

    def _look_if_held(self, item_id: str, sound: Waveform) -> None:
        if self._question.holds(item_id):
            self._look(item_id, sound, is_last_chance=False)

    def _look(
        self, item_id: str, sound: Waveform, *, is_last_chance: bool, due: Due | None = None
    ) -> None:
        translator, model = self._translator, self._engines.model
        is_wanted = translator.config.audio.input.transcription is not None
        if not is_wanted or translator.has_told_words(item_id):
            return

        def deliver(words: Transcript | None, error: BaseException | None) -> None:
            if error is not None and not isinstance(error, EngineFailed):
                raise error
            if item_id not in translator.items:
                return
            if words is not None:
                translator.tell_words(item_id, words.text, len(sound) / SPEECH_RATE_HZ)
            # Else the answer brings the words.
            elif is_last_chance:
                translator.tell_no_words(item_id, str(error or NO_WORDS))

        try:
            self._engines.model_worker.submit(partial(model.transcribe, sound), deliver, due=due)
        except EngineFailed as error:  # too many conversations at once
            deliver(None, error)
