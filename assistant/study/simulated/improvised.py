"""What a simulated participant says, made up by a language model from what was answered."""

import itertools
from collections.abc import Callable

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Cancel, Persona, SpeechModel

PERSON = (
    "You are a person who talks with a voice assistant about your own day. {task} Answer what it "
    "says in one short spoken sentence, as a person would."
)
MOST_TOKENS = 40
MOST_WORDS = 25
FALLBACK = "I do not know what to say to that."


class Improviser:
    """Makes up one conversation's sentences; it shares nothing with the dialogue that answers."""

    def __init__(self, model: SpeechModel, task: str, speak: Callable[[str], Waveform]) -> None:
        """Begins.

        Args:
            model: Whose language model makes them up.
            task: What the participant was asked to talk about.
            speak: Says a sentence, 16 kHz.
        """
        self._dialogue = model.open(Persona(PERSON.format(task=task)))
        self._speak = speak

    def answer(self, heard: str) -> Waveform:
        """Returns what is said to `heard`."""
        self._dialogue.read(heard)
        deltas = itertools.islice(self._dialogue.reply(Cancel()), MOST_TOKENS)
        return self._speak(sentence("".join(delta.text for delta in deltas)))


def sentence(text: str) -> str:
    """Returns the first sentence of what a model wrote, fit to be said."""
    words = text.replace("\n", " ").split()[:MOST_WORDS]
    ends = [n for n, word in enumerate(words, 1) if word.endswith((".", "!", "?"))]
    said = " ".join(words[: ends[0]] if ends else words)
    return said if any(letter.isalpha() for letter in said) else FALLBACK
