"""What a client orders of items and answers; each order is obeyed or refused with a reason."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from assistant import events
from assistant.conversation.live.loop import TalkLoop
from ui.realtime.choices import STILL_THERE, ChosenDialogue
from ui.realtime.items import Response, course_of, message
from ui.realtime.orders.later import Later, ResponseRequest
from ui.realtime.orders.question import (
    FunctionOutput,
    PendingQuestion,
    QuestionPart,
    SpokenPart,
    TypedQuestion,
    shown_part,
    together,
)
from ui.realtime.orders.reading import TEXT_OF, OrderReader, read_by_model
from ui.realtime.protocol.config import SessionConfig
from ui.realtime.protocol.known import usual_item
from ui.realtime.protocol.messages import Handler, Json, ProtocolError, new_id
from ui.realtime.settings.possible import warning
from ui.realtime.tools import (
    FUNCTION_ITEMS,
    function_item,
    offers_alike,
    role_of,
    with_tools,
)
from ui.realtime.translation import Translator

UNDER_WAY = "conversation_already_has_active_response"
CALL = "function_call"


class Orders:
    """Obeys `conversation.item.create`, `delete`, `retrieve`, `response.create` and `cancel`."""

    def __init__(
        self,
        loop: TalkLoop,
        translator: Translator,
        dialogue: ChosenDialogue,
        question: PendingQuestion,
        answer_with: Callable[[SessionConfig], None],
    ) -> None:
        """Orders of `loop`; `answer_with` puts settings in force for the next answer alone."""
        self._loop = loop
        self._translator = translator
        self._dialogue = dialogue
        self._question = question
        self._answer_with = answer_with
        self._reader = OrderReader(loop, translator, dialogue)
        self._later = Later(loop.at_rest, self._begin_late)
        self.handlers: dict[str, Handler] = {
            "conversation.item.create": self._create,
            "conversation.item.retrieve": self._retrieve,
            "conversation.item.delete": self._delete,
            "response.create": self._respond,
            "response.cancel": self._cancel,
        }

    def end(self) -> None:
        """The client is gone, and nobody waits for its answers."""
        for order in self._later.end():
            self._leave(order)

    def follow(self, event: events.Event) -> None:
        """Tells a dialogue that begins anew how the conversation went meanwhile."""
        response = self._translator.response
        # The model takes of an interrupted answer what was heard, and nothing of text was.
        # A call was made, however little was heard of what was spoken beside it.
        is_read = (
            isinstance(event, events.Interrupted)
            and response
            and (not response.speaks or response.has_called)
        )
        if self._dialogue.is_stale or is_read:
            self.begin_anew()

    def begin_anew(self) -> None:
        """The next turn goes on from the items as they are now."""
        config, items = self._translator.config, self._translator.items
        self._dialogue.begin_with(with_tools(items.course(config.instructions), config))

    def ask_who_is_there(self, start_s: float, end_s: float) -> bool:
        """Speaks into a silence of these bounds, unless the client has something to ask first."""
        if self._translator.is_responding or self._question.parts:
            return False
        item_id = new_id("item")
        self._translator.send(
            {
                "type": "input_audio_buffer.timeout_triggered",
                "audio_start_ms": round(1_000 * start_s),
                "audio_end_ms": round(1_000 * end_s),
                "item_id": item_id,
            }
        )
        self._translator.commit(item_id=item_id)
        self._dialogue.say_once(STILL_THERE)
        self._loop.type_text("")
        return True

    async def _create(self, event: Json) -> None:
        items, self._question.was_tried = self._translator.items, True
        given = usual_item(event.get("item"))
        role, parts = await self._reader.message(given, "item")
        item_id = cast(Json, given).get("id")
        if item_id is not None and (not isinstance(item_id, str) or item_id in items):
            raise ProtocolError("the id is taken or no string", param="item.id")
        if item_id in ("", "root"):
            raise ProtocolError(
                "the id cannot be empty, nor 'root', which stands for the beginning",
                param="item.id",
            )
        place = items.place(event.get("previous_item_id"))
        item = self._shown(cast(Json, given), role, parts)
        item["id"] = item_id or item["id"]
        # Put in before an answer that is there, it was answered by that.
        if role == "user" and not items.is_answered(place):
            self._question.add(item["id"], parts)
        # An answer that the client wrote itself, at the end: what waited is answered.
        if role == "assistant" and place == len(list(items)):
            self._question.forget()
        self._translator.add(item, place)
        self._question.arrange([it["id"] for it in items])
        # The model takes what is said as it comes. What is put in between, or stands for its own
        # words, it learns by a dialogue that begins anew.
        if role != "user" or items.is_answered(place):
            self.begin_anew()

    def _shown(self, given: Json, role: str, parts: list[QuestionPart]) -> Json:
        """Returns an item as it stands in the conversation."""
        if given["type"] in FUNCTION_ITEMS:
            item = function_item(given, "item")
            calls = [it["call_id"] for it in self._translator.items if it["type"] == CALL]
            if given["type"] != CALL and item["call_id"] not in calls:
                raise ProtocolError(
                    "there is no call of this id: name one of this conversation",
                    code="item_not_found",
                    param="item.call_id",
                )
            return item
        content = [{**shown_part(part)} for part in parts]
        for part in content:
            part["type"] = TEXT_OF[role] if "text" in part else part["type"]
        return message(role, content, status="completed")

    def _retrieve(self, event: Json) -> None:
        items = self._translator.items
        items.send_retrieved(items.get(event.get("item_id")))

    def _delete(self, event: Json) -> None:
        response, items = self._translator.response, self._translator.items
        item_id = items.get(event.get("item_id"))["id"]
        if self._translator.is_responding and response and response.item_id == item_id:
            raise ProtocolError(
                "this item is being spoken: cancel the response first", code="item_in_use"
            )
        self._question.forget(item_id)
        items.remove(item_id)
        self.begin_anew()

    async def _respond(self, event: Json) -> None:
        try:
            order = await self._reader.order(event)
            if not self._has_to_wait(order):
                await self._begin(order)
                return
        except ProtocolError as error:
            if error.code != UNDER_WAY:
                self._question.refuse()
            raise
        if self._asks_itself(order):
            # What the person is saying is another turn: it is no part of what was ordered.
            order = replace(order, taken=self._question.take())
        self._later.add(order)

    def _asks_itself(self, order: ResponseRequest) -> bool:
        """Whether an answer is to what waits of the person's, typed or said."""
        parts = self._question.parts if order.messages is None and not order.is_apart else []
        return any(not isinstance(part, FunctionOutput) for part in parts)

    def _has_to_wait(self, order: ResponseRequest) -> bool:
        """Whether an answer begins when the one before was heard; else it begins at once.

        What the person asks cuts off what is being said. An answer beside the conversation, or to
        what came of a function that the words still being heard announce, does not. No answer cuts
        off the person.

        Raises:
            ProtocolError: It may not even wait: one is wanted at a time.
        """
        is_responding = self._translator.is_responding or self._later.holds_own
        if self._later.is_full or (is_responding and not order.is_apart):
            raise ProtocolError(
                "a response is under way: wait for response.done or cancel it", code=UNDER_WAY
            )
        is_heard = self._translator.is_playing and not self._asks_itself(order)
        return is_responding or is_heard or self._loop.is_spoken_to

    async def _begin_late(self, order: ResponseRequest) -> None:
        try:
            await self._begin(order)
        except ProtocolError as error:
            self._leave(order)
            if order.taken is None:
                self._question.refuse()
            self._translator.send(error.event(order.event_id))

    def _leave(self, order: ResponseRequest) -> None:
        """An answer that was ordered is not begun: what was given for it can be asked again."""
        if order.taken is not None:
            self._question.ask(order.taken)

    async def _begin(self, order: ResponseRequest) -> None:
        if order.messages is None and order.taken is None and not self._question.parts:
            # What is asked again may still be on its way into the model: that would be twice.
            await self._loop.settled()
        # All of it is read before anything changes: what is refused leaves no trace in the
        # settings.
        question, translator = self._prepared(order), self._translator
        if order.ignored:
            translator.send(warning([], order.ignored, order.event_id))
        translator.metadata, translator.is_apart = order.metadata, order.is_apart
        translator.cancelled_by_client = True
        self._answer_with(order.config)
        if isinstance(question, TypedQuestion):
            self._loop.type_text(question.text, question.words)
        else:
            await self._loop.ask(question.sound, said=question.said, is_spoken=True)

    def _cancel(self, event: Json) -> None:
        response, wanted = self._translator.response, event.get("response_id")
        is_other = response is not None and wanted is not None and wanted != response.id
        if self._translator.is_responding and not is_other:
            self._translator.cancelled_by_client = True
            self._loop.interrupt()
        elif wanted is None and (order := self._later.take_back()) is not None:
            translator = self._translator
            self._leave(order)
            conversation, metadata = translator.conversation_id, order.metadata
            late = Response(translator.send, None, order.config, conversation, metadata)
            late.finish("cancelled", reason="client_cancelled")
        else:
            raise ProtocolError(
                "there is no such response under way", code="response_cancel_not_active"
            )

    def _prepared(self, order: ResponseRequest) -> SpokenPart | TypedQuestion:
        """Returns what is to be answered, and tells the dialogue what it is answered from."""
        translator, dialogue = self._translator, self._dialogue
        config, items = order.config, translator.items
        taken = order.taken.among(items) if order.taken is not None else None
        if taken is not None:
            parts, course = taken.parts, items.course(config.instructions)
        elif order.messages is None:
            parts = self._question.parts or self._open_parts()
            course = items.course(config.instructions)
        else:
            parts, before = _split(order.messages)
            course = course_of(before, config.instructions)
        course = with_tools(course, config)
        question = together(parts)
        cue = self._cue(order) if not parts else ""
        is_own = order.messages is not None or order.is_apart
        has_own_tools = not offers_alike(config, translator.config)
        if is_own or has_own_tools or (order.instructions is not None and parts):
            # The dialogue of this answer alone is no part of the conversation, the answer is: the
            # usual one goes on from the items.
            dialogue.answer_once(course, cue)
            if not order.is_apart:
                self.begin_anew()
        else:
            dialogue.answer_once(None, cue)
        if is_own:
            translator.ask_apart()
        elif taken is None:
            self._question.ask(self._question.take())
        else:
            if taken.entries:
                # The person's turn, which it waited for, came after what it answers.
                translator.ask_again(taken.entries[-1][0])
            self._question.ask(taken)
        return question

    def _open_parts(self) -> list[QuestionPart]:
        """Returns what was asked last where no answer to it stands, so that it is asked again.

        It was cancelled before a word was heard, it failed, or the client deleted it.
        """
        items, asked = self._translator.items, self._question.asked
        said = [item for item in items.after_answers() if role_of(item) == "user"]
        texts = {item["id"]: [read_by_model(item, items.text(item))] for item in said}
        parts = [part for key in texts for part in asked.get(key, texts[key])]
        if {isinstance(part, str) for part in parts} == {True, False}:
            parts = [part for key in texts for part in texts[key]]
        parts = [part for part in parts if part and (isinstance(part, str) or len(part.sound))]
        if parts:
            self._translator.ask_again(said[-1]["id"])
            # The model may have taken it in already.
            self.begin_anew()
        return parts

    def _cue(self, order: ResponseRequest) -> str:
        """Returns what a model is told that is to speak although nobody asked anything."""
        if order.instructions is not None:
            return order.instructions
        items = self._translator.items
        lines = [items.text(it) for it in items.after_answers() if role_of(it) == "system"]
        if lines and order.messages is None:
            # Nobody asked, but the client told the model what there is to speak of.
            return "\n".join(lines)
        has_spoken = any(role_of(item) == "assistant" for item in items)
        # A question in which no speech was found is not answered by a greeting.
        if has_spoken or order.messages is not None or self._question.was_tried:
            raise ProtocolError(
                "there is nothing to answer: commit audio or create a user message first, or say "
                "by response.instructions what to say",
                code="nothing_to_answer",
            )
        return ""


def _split(
    messages: list[tuple[str, list[QuestionPart]]],
) -> tuple[list[QuestionPart], list[tuple[str, str]]]:
    """Returns the question that stands last, and what was said before it."""
    answered = max((n for n, (role, _) in enumerate(messages) if role == "assistant"), default=-1)
    last = messages[answered + 1 :]
    question = [part for role, parts in last if role == "user" for part in parts]
    # Of what stands after the last answer the system's lines are no question: they hold for it.
    before = [*messages[: answered + 1], *(entry for entry in last if entry[0] == "system")]
    return question, [
        (role, " ".join(part for part in parts if isinstance(part, str))) for role, parts in before
    ]
