"""Items of a conversation and one response of it, as the realtime protocol tells them."""

from collections.abc import Callable, Iterator
from typing import Any

from assistant.audio.waveform import Waveform
from ui.realtime.choices import DialogueStart
from ui.realtime.protocol.config import SessionConfig
from ui.realtime.protocol.formats import encoded
from ui.realtime.protocol.messages import Json, ProtocolError, new_id
from ui.realtime.tools import are_one_reply, called, function_text, role_of

Send = Callable[[Json], None]
"""Sends one server event; it gets its `event_id` on the way."""


class Items:
    """The messages of both sides in their order."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._items: dict[str, Json] = {}
        self._words: dict[str, str] = {}

    def __iter__(self) -> Iterator[Json]:
        return iter(self._items.values())

    @property
    def last_id(self) -> str | None:
        """The newest item, after which the next one comes."""
        return next(reversed(self._items), None)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def get(self, item_id: object, param: str = "item_id") -> Json:
        """Returns an item.

        Raises:
            ProtocolError: There is none of this id.
        """
        if not isinstance(item_id, str) or item_id not in self._items:
            raise ProtocolError(
                f"there is no item {str(item_id)[:80]!r}", code="item_not_found", param=param
            )
        return self._items[item_id]

    def place(self, previous_id: object) -> int:
        """Returns where an item belongs that comes after another, None standing for the last one.

        Raises:
            ProtocolError: There is none of this id.
        """
        if previous_id is None:
            return len(self._items)
        if previous_id == "root":
            return 0
        return list(self._items).index(self.get(previous_id, "previous_item_id")["id"]) + 1

    def is_answered(self, place: int) -> bool:
        """Whether an answer comes after this place."""
        return any(map(_answers, list(self)[place:]))

    def after_answers(self) -> list[Json]:
        """Returns what stands after the last answer."""
        items = list(self)
        last = max((place for place, item in enumerate(items) if _answers(item)), default=-1)
        return items[last + 1 :]

    def add(self, item: Json, place: int | None = None) -> None:
        """Adds an item that is under way, at the end or at a place, and tells so."""
        names = list(self._items)
        place = len(names) if place is None else place
        self._items[item["id"]] = item
        # A dict keeps the order of insertion: what comes after the place is taken out and put
        # behind it.
        for name in names[place:]:
            self._items[name] = self._items.pop(name)
        previous = names[place - 1] if place else None
        event = {"previous_item_id": previous, "item": item}
        self._send({"type": "conversation.item.added", **event})

    def done(self, item: Json) -> None:
        """Tells that an item is whole."""
        before = list(self._items)
        place = before.index(item["id"])
        previous = before[place - 1] if place else None
        self._send({"type": "conversation.item.done", "previous_item_id": previous, "item": item})

    def remove(self, item_id: str) -> None:
        """Forgets an item and tells so."""
        if self._items.pop(item_id, None) is not None:
            self._send({"type": "conversation.item.deleted", "item_id": item_id})

    def send_retrieved(self, item: Json) -> None:
        """Tells an item as it is now."""
        self._send({"type": "conversation.item.retrieved", "item": item})

    def know(self, item_id: str, words: str) -> None:
        """Notes the words of a spoken item, whether or not the client wants to be told them."""
        self._words[item_id] = words

    def transcribe(self, item_id: str, words: str) -> None:
        """Writes the words of a spoken item of the person."""
        for part in self._items.get(item_id, {}).get("content", []):
            if part["type"] == "input_audio":
                part["transcript"] = words

    def course(self, instructions: str) -> DialogueStart:
        """Returns what a dialogue begins with that goes on from here; open questions are left out.

        System messages follow the instructions, wherever they stand.
        """
        return course_of([(role_of(item), self.text(item)) for item in self], instructions)

    def text(self, item: Json) -> str:
        """Returns the words of an item, as far as they are known."""
        if (written := function_text(item)) is not None:
            return written
        texts = [part.get("text") or part.get("transcript") for part in item["content"]]
        return " ".join(text for text in texts if text) or self._words.get(item["id"], "")


def _answers(item: Json) -> bool:
    """Whether an item is an answer, if only its beginning; one that was cut off unheard is none."""
    is_unheard = item["status"] == "incomplete" and not any(
        part.get("text") or part.get("transcript") for part in item.get("content", [])
    )
    return role_of(item) == "assistant" and not is_unheard


def course_of(messages: list[tuple[str, str]], instructions: str) -> DialogueStart:
    """Returns what a dialogue begins with in which these (role, text) were said."""
    lines, said, past = [instructions], list[str](), list[tuple[str, str]]()
    for role, text in messages:
        if role == "system":
            lines.append(text)
        elif role == "user":
            said.append(text)
        # Speech and the calls beside it are items of their own, and were one reply of the model.
        elif past and not said and are_one_reply(past[-1][1], text):
            past[-1] = (past[-1][0], f"{past[-1][1]}\n{text}")
        elif text:
            past.append((" ".join(said), text))
            said = []
    return DialogueStart("\n\n".join(line for line in lines if line), tuple(past))


def message(role: str, content: list[Json], *, item_id: str | None = None, status: str) -> Json:
    """Returns a message item."""
    return {
        "id": item_id or new_id("item"),
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": role,
        "content": content,
    }


class Response:
    """One answer on its way: created, filled with text and sound, done."""

    def __init__(
        self,
        send: Send,
        items: Items | None,
        config: SessionConfig,
        conversation_id: str | None,
        metadata: Any,
    ) -> None:
        """Tells that a response has begun; without `items` it stands beside the conversation."""
        self.id = new_id("resp")
        self.item_id = new_id("item")
        self.is_done = False
        self.has_audio = False
        self.sent_s = 0.0
        self.is_cleared = False
        """Whether the rest of its sound was thrown away, which is told once."""
        self.text = ""
        self._send, self._items = send, items
        self.speaks = config.speaks
        self._format = config.audio.output.format
        self._item: Json | None = None
        self._index = 0
        self.output: list[Json] = []
        """Its items: the message, and calls of functions."""
        self._json: Json = {
            "id": self.id,
            "object": "realtime.response",
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "output_modalities": list(config.output_modalities),
            "audio": {"output": config.audio.output.model_dump(include={"format", "voice"})},
            "conversation_id": conversation_id,
            "metadata": metadata,
            "max_output_tokens": config.max_output_tokens,
            "usage": None,
        }
        send({"type": "response.created", "response": dict(self._json)})

    @property
    def is_open(self) -> bool:
        """Whether its item exists."""
        return self._item is not None

    @property
    def has_called(self) -> bool:
        """Whether it called a function."""
        return any(item["type"] == "function_call" for item in self.output)

    def add_text(self, delta: str) -> None:
        """Tells a piece of the answer's text."""
        if self.is_done:
            return
        self._open()
        self.text += delta
        kind = "output_audio_transcript" if self.speaks else "output_text"
        self._part_event(f"response.{kind}.delta", delta=delta)

    def add_audio(self, samples: Waveform) -> None:
        """Sends a piece of the answer's speech."""
        if self.is_done:
            return
        self._open()
        self.has_audio = True
        self.sent_s += len(samples) / self._format.rate
        delta = encoded(samples, self._format.type)
        self._part_event("response.output_audio.delta", delta=delta)

    def call(self, name: str, arguments: str) -> None:
        """Tells that it calls a function; `arguments` are a JSON object."""
        if self.is_done:
            return
        item, index = called(name, arguments), len(self.output)
        self.output.append(item)
        begun = {**item, "status": "in_progress", "arguments": ""}
        self._item_event("response.output_item.added", index, begun)
        if self._items is not None:
            self._items.add(item)
        place = {"response_id": self.id, "item_id": item["id"], "output_index": index}
        place["call_id"] = item["call_id"]
        kind = "response.function_call_arguments.delta"
        self._send({"type": kind, **place, "delta": arguments})
        kind = "response.function_call_arguments.done"
        self._send({"type": kind, **place, "name": name, "arguments": arguments})
        self._item_event("response.output_item.done", index, item)
        if self._items is not None:
            self._items.done(item)

    def finish(self, status: str, *, reason: str | None = None, error: str | None = None) -> None:
        """Tells that it is over: `completed`, `incomplete`, `cancelled` or `failed`."""
        if self.is_done:
            return
        if self._item is not None:
            self._close(self._item, "completed" if status == "completed" else "incomplete")
        self.is_done = True
        details: Json | None = None
        if status != "completed":
            details = {"type": status}
            if reason is not None:
                details["reason"] = reason
            if error is not None:
                details["error"] = {"type": "server_error", "code": "engine", "message": error}
        done = {**self._json, "status": status, "status_details": details}
        done["output"] = self.output
        self._send({"type": "response.done", "response": done})

    def heard(self, words: str) -> None:
        """Keeps of a spoken item what was heard of it; one in text was read as it came."""
        if self._item is not None and self.speaks:
            self._item["content"][0].update(self._content(words))

    def _content(self, words: str) -> Json:
        if self.speaks:
            return {"type": "output_audio", "transcript": words}
        return {"type": "output_text", "text": words}

    def _part(self) -> Json:
        if self.speaks:
            return {"type": "audio", "transcript": self.text}
        return {"type": "text", "text": self.text}

    def _open(self) -> None:
        if self._item is not None:
            return
        item = message("assistant", [], item_id=self.item_id, status="in_progress")
        self._item = item
        self._index = len(self.output)
        self.output.append(item)
        self._item_event("response.output_item.added", self._index, {**item, "content": []})
        if self._items is not None:
            self._items.add(item)
        # After it is told as added: clients hear of its content by `content_part.added`.
        item["content"].append(self._content(""))
        self._part_event("response.content_part.added", part=self._part())

    def _close(self, item: Json, status: str) -> None:
        item["status"] = status
        item["content"][0] = self._content(self.text.strip())
        if self.speaks:
            self._part_event("response.output_audio.done")
            self._part_event("response.output_audio_transcript.done", transcript=self.text.strip())
        else:
            self._part_event("response.output_text.done", text=self.text.strip())
        self._part_event("response.content_part.done", part=self._part())
        self._item_event("response.output_item.done", self._index, item)
        if self._items is not None:
            self._items.done(item)

    def _part_event(self, kind: str, **fields: Any) -> None:
        place = {"response_id": self.id, "item_id": self.item_id, "output_index": self._index}
        self._send({"type": kind, **place, "content_index": 0, **fields})

    def _item_event(self, kind: str, index: int, item: Json) -> None:
        place = {"response_id": self.id, "output_index": index}
        self._send({"type": kind, **place, "item": item})
