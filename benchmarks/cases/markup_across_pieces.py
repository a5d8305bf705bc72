"""Of markup that reaches over sentences nothing is read aloud, and nothing else is swallowed."""

from assistant.voice.sentences import split_sentences
from assistant.voice.speakable import speakable
from benchmarks.cases.case import Case

SAID = {
    "Try this: ```sh\nls\n\ncd /tmp. Now\n``` Done. Have fun!": "Try this: Done. Have fun!",
    "So.\n\n```js\nlet a = 1\n\nlet b = 2\n```\n\nThere you go. Bye!": "So. There you go. Bye!",
    "Read [the guide. It is short](https://a.b/c?d=1.2).": "Read the guide. It is short.",
    "<think>She is angry. Stay calm.</think> I hear you.": "I hear you.",
    "p <q and q> r": "p less than q and q greater than r",
    "We <3 you": "We love you",
    "Well :-( That is hard. ;)": "Well That is hard.",
    "*smiles warmly* Welcome. (chuckles)": "Welcome.",
    "[softly] Good night.": "Good night.",
    "What the f***, you *really* did it": "What the bleep, you really did it",
    "Salt &amp; pepper": "Salt and pepper",
    "A 4*** hotel": "A four star hotel",
}


def run(case: Case) -> None:
    """Gives each to the splitter whole and character by character, and says its pieces."""
    for written, right in SAID.items():
        for name, deltas in {"whole": [written], "by characters": list(written)}.items():
            pieces = list(split_sentences(deltas))
            said = " ".join(spoken for piece in pieces if (spoken := speakable(piece)))
            case.expect(said == right, f"{written!r} ({name}) is {right!r}; said: {said!r}")
            case.expect("".join(pieces) == written, f"{written!r}: the pieces join to the text")
