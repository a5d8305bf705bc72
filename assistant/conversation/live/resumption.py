"""A live talk that goes on from an earlier one: what is told of it to the model and to others."""

from collections.abc import Callable
from functools import partial

from assistant import events
from assistant.conversation.conversation import Conversation
from assistant.conversation.earlier import Earlier
from assistant.errors import EngineFailed
from assistant.worker import Worker


class Resumption:
    """What `conversation` goes on from, if anything."""

    def __init__(self, conversation: Conversation, model_worker: Worker) -> None:
        self._conversation, self._model_worker = conversation, model_worker
        self._tell_model: Callable[[], None] = lambda: None

    @property
    def is_wanted(self) -> bool:
        """Whether there is an earlier talk."""
        return self._conversation.earlier is not None

    def choose(self, earlier: Earlier, tell_model: Callable[[], None]) -> None:
        """Goes on from `earlier`; `tell_model` runs on the model's worker."""
        self._conversation.earlier, self._tell_model = earlier, tell_model

    def announce(self, next_turn: int) -> None:
        """Tells that the talk goes on, and of the danger that the person was in, if any."""
        earlier = self._conversation.earlier
        assert earlier is not None
        emit = self._conversation.emit
        emit(partial(events.TalkContinued, record=earlier.record))
        # Who was in danger when it ended is in danger still, until they say that it is past.
        if (found := self._conversation.memory.recall(earlier.past)) is not None:
            help_ = {"topic": found.topic, "text": found.text}
            emit(partial(events.HelpOffered, turn=next_turn, **help_))

    async def tell_model(self) -> None:
        """Tells the model of the earlier talk; the talk goes on where that fails."""
        try:
            await self._model_worker.call(self._tell_model)
        except EngineFailed as error:
            told = {"message": f"the earlier talk is not known to the model: {error}"}
            self._conversation.emit(partial(events.Noticed, **told, is_warning=True))
