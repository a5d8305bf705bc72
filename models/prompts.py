"""Chat markup, system lines and instructions: the only place where prompts are worded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.emotions import Emotion
from models.tokenizer import END_OF_TEXT, TURN_END, Tokenizer

TRANSCRIBE = "Write down the words of the speech below, and nothing else.\n\nSpeech: "
"""Instruction for the words of an utterance where no decoder fits the encoder."""

CONTINUE = "Continue the following sentence in a coherent style: "
"""Semantic alignment: the LLM writes what could follow the words."""

RECOGNISE_EMOTION = (
    "Please identify the emotion tone of the speech provided below. Select from the following "
    "options: neutral, sad, angry, happy, or surprise.\n\nSpeech: "
)
"""Evaluation: the LLM names the emotion of the speech."""

SPOKEN_PERSONA = (
    "You are Attune, a warm and attentive listener. You talk with a person by voice: answer in one "
    "to three short sentences as people speak them, without lists, headings, emoji or any markup. "
    "Take up what was said and how; ask one question at most."
)
"""System line for an LLM that was never taught to talk by voice."""

VOICE_NOTE = (
    "A remark in round brackets before the person's words says how their voice sounds. Let your "
    "answer fit it without repeating it, and stay calm where they are angry. Write no such remarks."
)
"""Tells such an LLM what `noted` adds."""

NOT_UNDERSTOOD = "(The person said something that could not be understood.)"
"""What such an LLM is told in place of words."""

PUBLISHED_PERSONA = (
    "You are a helpful assistant. Your response should fulfill requests with empathy toward "
    "user's emotion tone."
)
"""System line that the published checkpoint was trained with."""

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Template of checkpoints that bring none."""


def emotion_sentence(emotion: Emotion) -> str:
    """Returns the sentence that tells a text-only LLM how the person sounds."""
    return f"The person sounds {emotion.adjective}."


def noted(words: str, emotion: Emotion | None) -> str:
    """Returns the person's words, and before them how the person sounds where that is something."""
    if emotion in (None, Emotion.NEUTRAL):
        return words
    return f"({emotion_sentence(emotion)}) {words}"


def system_line(persona: str, emotion: Emotion | None = None) -> str:
    """Returns the system line; with `emotion` it is the text view of a heard utterance."""
    return persona if emotion is None else f"{persona} {emotion_sentence(emotion)}"


@dataclass(frozen=True, slots=True)
class ChatMarkup:
    """What stands around the contents of a conversation, read off a chat template."""

    before_system: str
    """Empty, with `system_to_user`, where the template knows no system line."""
    system_to_user: str
    user_to_assistant: str
    assistant_to_user: str


@dataclass(frozen=True, slots=True)
class ChatPrompts:
    """The pieces of a conversation as token ids.

    A conversation is `opening`, content, `reply_header`, reply, `next_turn`, content,
    `reply_header`, and so on, where a content is text (`content`) or speech embeddings.
    """

    tokenizer: Tokenizer
    markup: ChatMarkup

    def opening(self, system: str) -> list[int]:
        """Returns the ids from the start to where the first content of the person belongs."""
        encode, markup = self.tokenizer.encode, self.markup
        ids = encode(markup.before_system, markup=True) + encode(system)
        return ids + encode(markup.system_to_user, markup=True)

    def content(self, text: str) -> list[int]:
        """Returns the ids of what somebody said; markup in it stays plain text."""
        return self.tokenizer.encode(text)

    def reply_header(self) -> list[int]:
        """Returns the ids that close the person's turn and open the assistant's."""
        return self.tokenizer.encode(self.markup.user_to_assistant, markup=True)

    def next_turn(self) -> list[int]:
        """Returns the ids that close a reply and open the person's next turn."""
        return self.tokenizer.encode(self.markup.assistant_to_user, markup=True)

    def reply_ending(self) -> list[int]:
        """Returns the ids that teach the model to end a reply."""
        turn_end = self.tokenizer.special_id(TURN_END)
        end_of_text = self.tokenizer.special_id(END_OF_TEXT)
        if turn_end is not None and end_of_text is not None:
            return [turn_end, *self.tokenizer.encode("\n"), end_of_text]
        return list(self.tokenizer.end_ids[:1])

    def conversation(
        self, system: str, turns: Sequence[tuple[str, str]], question: str
    ) -> list[int]:
        """Returns the ids of a whole written conversation, up to where the reply begins.

        Args:
            system: The system line.
            turns: Earlier (person, assistant) contents.
            question: What the person says now.
        """
        ids = self.opening(system) + self.turns(turns)
        return ids + self.content(question) + self.reply_header()

    def turns(self, turns: Sequence[tuple[str, str]]) -> list[int]:
        """Returns the ids of (person, assistant) contents, up to where the next one belongs."""
        ids: list[int] = []
        for said, replied in turns:
            ids += self.content(said) + self.reply_header() + self.content(replied)
            ids += self.next_turn()
        return ids


def chat_prompts(tokenizer: Tokenizer) -> ChatPrompts:
    """Returns the prompts of a checkpoint in its own chat template, ChatML if it has none.

    Raises:
        ValueError: The template cannot be rendered, or changes what people say.
    """
    template = tokenizer.chat_template or CHATML
    return ChatPrompts(tokenizer, read_template(template, start_token=tokenizer.start_token))


def read_template(template: str, *, start_token: str = "") -> ChatMarkup:
    """Returns the markup that `template` puts around contents.

    Renders a conversation of placeholders with it and cuts at these.

    Args:
        template: Jinja, as checkpoints bring it.
        start_token: What the template knows as `bos_token`.

    Raises:
        ValueError: The template cannot be rendered, or changes what people say.
    """
    marks = [f"\ue000{index}\ue001" for index in range(4)]
    system, said, replied, said_again = marks
    turns = [("user", said), ("assistant", replied), ("user", said_again)]
    try:
        text = _render(template, [("system", system), *turns], start_token)
    except ValueError:
        text = ""
    # Some templates know no system line, and say so or leave it out: then it opens the first turn.
    if system not in text:
        turns[0] = ("user", f"{system}\n\n{said}")
        text = _render(template, turns, start_token)
    pieces: list[str] = []
    for mark in marks:
        before, found, text = text.partition(mark)
        if not found:
            raise ValueError("the chat template of this model leaves out or changes what is said")
        pieces.append(before)
    return ChatMarkup(
        before_system=pieces[0],
        system_to_user=pieces[1],
        user_to_assistant=text,
        assistant_to_user=pieces[3],
    )


def _render(template: str, turns: Sequence[tuple[str, str]], start_token: str) -> str:
    """Returns `template` rendered in jinja2's sandbox with the names that templates expect."""
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise ValueError(message)

    environment: Any = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.globals["raise_exception"] = refuse
    messages: list[Mapping[str, Any]] = [{"role": r, "content": c} for r, c in turns]
    try:
        return environment.from_string(template).render(
            messages=messages,
            add_generation_prompt=True,
            enable_thinking=False,
            bos_token=start_token,
            eos_token="",
        )
    except TemplateError as error:
        raise ValueError(f"the chat template of this model cannot be rendered: {error}") from error
