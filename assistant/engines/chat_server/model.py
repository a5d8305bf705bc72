"""Speech model: Attune's ears, and an LLM of one's own that answers by an OpenAI-compatible server.

Of the checkpoint only encoder, decoder and emotion head are loaded. The server is told the words
and, in words, how they sound; sound is never sent.
"""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from assistant.audio.waveform import Waveform
from assistant.background import Background
from assistant.engines.blsp_emo import failures, overheard, prepare_torch
from assistant.engines.brief_thread import on_brief_thread
from assistant.engines.chat_server.asking import Asker, Completion
from assistant.engines.chat_server.finding import open_client
from assistant.engines.chat_server.messages import (
    ChatTurn,
    common_words,
    end_of,
    make_room,
    messages,
    tokens,
    tools_tokens,
)
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeechModel,
    TextDelta,
    Transcript,
)
from assistant.engines.settings import LLM_KEY, GenerationSettings, LlmSettings, ModelSettings
from assistant.engines.tool_calls import COMMON_MARKS
from assistant.errors import EngineFailed, EngineUnavailable, PersonaTooLong
from models.checkpoints.embedded import EMBEDDED
from models.listening.listener import HeardWords, Listener
from models.prompts import NOT_UNDERSTOOD, SPOKEN_PERSONA, VOICE_NOTE, noted
from models.weights import CheckpointError


class ChatServerModel(SpeechModel):
    """Hears by itself and lets a server answer, which serves all conversations of the process."""

    def __init__(
        self,
        source: str = EMBEDDED,
        run: ModelSettings | None = None,
        generation: GenerationSettings | None = None,
        llm: LlmSettings | None = None,
    ) -> None:
        """Finds the server and its LLM, then loads the ears.

        Args:
            source: Whose ears: `mini`, or a checkpoint whose decoder writes the words.
            run: Device, dtype and threads of the ears.
            generation: How long replies may be.
            llm: Which server and which LLM.

        Raises:
            EngineUnavailable: The server does not answer, has no such LLM, or the ears cannot be
                loaded; the message names the remedy.
        """
        llm = llm or LlmSettings()
        self._llm = llm
        generation = generation or GenerationSettings()
        self._longest_tokens = generation.longest_tokens
        self._background = Background("LLM server")
        try:
            key = os.environ.get(LLM_KEY, "")
            client, name = self._background.start(open_client(llm, key)).result()
            self._asker = Asker(client, name, llm, generation)
            self._ears = load_ears(source, run or ModelSettings())
        except BaseException as error:
            self._background.close()
            if isinstance(error, EngineFailed):
                raise EngineUnavailable(str(error)) from error
            raise
        self.name = f"{name} at {client.address.shown}"
        # So that a server which loads its LLM with the first question has it loaded by then.
        self._warming = self._background.start(self._asker.warm(self.system(Persona())))

    @property
    def sends_words_to(self) -> str | None:
        """The server's machine, where that is another one."""
        address = self._asker.client.address
        return None if address.is_here else address.host

    @property
    def call_marks(self) -> tuple[str, str] | None:
        """How calls stand in a reply; None once the server has said that it calls nothing."""
        return COMMON_MARKS if self._asker.calls_functions else None

    def open(self, persona: Persona) -> "ChatServerDialogue":
        """Starts a conversation.

        Raises:
            PersonaTooLong: The persona takes more than half of what the LLM is told.
        """
        return self._opened(persona, ())

    def open_with_tools(
        self, persona: Persona, tools: Sequence[dict[str, Any]]
    ) -> "ChatServerDialogue | None":
        """Starts a conversation in which functions may be called; None where they cannot be.

        Raises:
            PersonaTooLong: Persona and functions take more than half of what the LLM is told.
        """
        return self._opened(persona, tools) if self._asker.calls_functions else None

    def _opened(self, persona: Persona, tools: Sequence[dict[str, Any]]) -> "ChatServerDialogue":
        system, room = self.system(persona), self._llm.context_tokens
        if persona.known and tokens(f"{system}{persona.known}") <= room // 2:
            system = f"{system}\n\n{persona.known}"
        taken = tokens(system) + tools_tokens(tools)
        if taken > room // 2:
            raise PersonaTooLong(
                f"the persona takes about {taken} tokens of the {room} that the LLM is told: "
                "shorten it, or tell it more by --llm-context-tokens"
            )
        return ChatServerDialogue(self, system, tools, room - taken - self._longest_tokens)

    def system(self, persona: Persona) -> str:
        """Returns the system line."""
        line = persona.system or SPOKEN_PERSONA
        return f"{line}\n\n{VOICE_NOTE}" if self._llm.tells_emotion else line

    def hear(self, utterance: Waveform, cancel: Cancel) -> HeardWords:
        """Returns what is heard in an utterance.

        Raises:
            EngineFailed: The ears broke.
        """
        with failures():
            return self._ears.hear(utterance, cancelled=cancel.is_set)

    def said(self, heard: HeardWords) -> str:
        """Returns what the LLM is told of an utterance."""
        if not heard.is_understood:
            return NOT_UNDERSTOOD
        told = self._llm.tells_emotion and not heard.abstained
        return noted(heard.words.text, estimate_of(heard).emotion if told else None)

    def ask(self, told: list[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> Completion:
        """Asks the server for what comes next in a conversation."""
        return Completion(self._background, self._asker, told, tools)

    def transcribe(self, utterance: Waveform) -> Transcript:
        """Returns the words of an utterance that belongs to no conversation.

        Raises:
            EngineFailed: The ears broke.
        """
        return words_of(self.hear(utterance, Cancel()))

    def overhear(self, utterance: Waveform, cancel: Cancel) -> Transcript | None:
        """Returns the words so far of somebody who still speaks; see `SpeechModel.overhear`.

        Raises:
            EngineFailed: The ears broke.
        """
        return overheard(self._ears, utterance, cancel)

    def weigh(self, utterance: Waveform, phrases: Sequence[str]) -> Sequence[float] | None:
        """Returns how well `phrases` fit something brief; None where the model cannot tell.

        Raises:
            EngineFailed: The ears broke.
        """
        with failures():
            return self._ears.phrase_scores(utterance, phrases)

    def close(self) -> None:
        """Closes the connections to the server."""
        self._background.close(self._asker.client.close())


class ChatServerDialogue(Dialogue):
    """One conversation: what was said and heard so far, told to the server with each question."""

    def __init__(
        self,
        model: ChatServerModel,
        system: str,
        tools: Sequence[dict[str, Any]],
        room_tokens: int,
    ) -> None:
        self._model = model
        self._system = system
        self._tools = tools
        self._room_tokens = max(1, room_tokens)
        self._exchanges: list[ChatTurn] = []
        self._has_question = False
        self._is_shortened = False

    @property
    def is_shortened(self) -> bool:
        """Whether only the end of the last question is told."""
        return self._is_shortened

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation as the server is told it."""
        return messages(self._system, self._exchanges)

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """Yields the emotion, then the words.

        A hearing that was cancelled leaves the conversation as it was.
        """
        self._has_question = False
        if cancel.is_set():
            return
        heard = self._model.hear(utterance, cancel)
        if cancel.is_set():
            return
        self._take(self._model.said(heard))
        yield estimate_of(heard)
        yield words_of(heard)

    def read(self, text: str) -> None:
        """Takes a typed utterance."""
        self._take(text)

    def _take(self, said: str) -> None:
        kept = end_of(said, self._room_tokens // 2)
        self._is_shortened = kept != said
        if self._exchanges and self._exchanges[-1].reply is None:
            self._exchanges[-1].said += f"\n{kept}"
        else:
            self._exchanges.append(ChatTurn(kept))
        make_room(self._exchanges, self._room_tokens)
        self._has_question = True

    def withdraw(self) -> None:
        """Forgets the last utterance, and what was begun in answer to it."""
        if self._has_question:
            self._exchanges.pop()
        self._has_question = False

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Yields the reply as it arrives; who closes this closes the connection, too.

        Raises:
            EngineFailed: The server cannot answer; the message names the remedy.
        """
        if not self._exchanges or self._exchanges[-1].reply is not None:
            raise EngineFailed("there is nothing to reply to: say something first")
        exchange, told = self._exchanges[-1], self.messages
        exchange.reply = ""
        question = self._model.ask(told, self._tools)
        try:
            for delta in question.deltas(cancel):
                exchange.reply += delta.text
                yield delta
        finally:
            question.withdraw()

    def replace_reply(self, text: str) -> None:
        """Takes `text` as the reply, although the LLM did not write it.

        Raises:
            EngineFailed: Nothing was said that it could be a reply to.
        """
        if not self._exchanges:
            raise EngineFailed("there is nothing to reply to: say something first")
        self._exchanges[-1].reply = text

    def truncate(self, heard: str) -> None:
        """Keeps of the last reply what was heard of it."""
        if self._exchanges and self._exchanges[-1].reply is not None:
            self._exchanges[-1].reply = common_words(heard, self._exchanges[-1].reply)


def load_ears(source: str, run: ModelSettings) -> Listener:
    """Returns the ears of the checkpoint that `source` names.

    Raises:
        EngineUnavailable: They cannot be loaded; the message names the remedy.
    """
    prepare_torch(run)
    load = partial(Listener.from_pretrained, source, dtype=run.dtype, device=run.device)
    try:
        return on_brief_thread(load)
    except CheckpointError as error:
        raise EngineUnavailable(str(error)) from error


def estimate_of(heard: HeardWords) -> EmotionEstimate:
    """Returns the calibrated estimate of an utterance."""
    return EmotionEstimate(heard.probabilities, abstained=heard.abstained)


def words_of(heard: HeardWords) -> Transcript:
    """Returns the words of an utterance."""
    return Transcript(heard.words.text, heard.words.confidence, heard.words.source)
