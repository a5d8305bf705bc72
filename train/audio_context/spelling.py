"""Words of a corpus as Whisper would write them: its decoder is not to learn another spelling."""

import re

_I = re.compile(r"\bi\b(?=$|[ '])")


def as_written(words: str) -> str:
    """Returns words as a sentence, where a corpus gives them without capitals or marks.

    Text with both is left as it is.
    """
    words = words.strip()
    if not words.isupper() and not words.islower():
        return words
    sentence = _I.sub("I", words.lower())
    sentence = sentence[0].upper() + sentence[1:]
    return sentence if sentence[-1] in ".?!" else f"{sentence}."
