"""Whether the written reply to one saying answers another one that means nearly the same.

An LLM of few parameters understands many a saying worse than the writer of an exchange did: "Set
two cups out again this morning" is "a good habit" to it. Where somebody says what another one said
in other words, the written reply is the better answer, as long as it holds no more than was said
here too. What is checked is what differs between sayings that mean alike: particulars, sides,
questions.
"""

import re

from models.examples.written import Example

LEAST_LETTERS = 3
"""Of a word that is a particular."""
STEM = 5
"""Letters by which two forms of a word are the same one."""

MORE = 1
"""Words that a saying may tell of beside what was said; the reply can take up any of them."""

_ENDING = re.compile(r"(?<=[a-z]{3})(?:ing|ed|es|(?<!s)s)$")
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?|\d[\d.,:]*", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:not|no|never|none|nothing|nobody|hardly|without|\w+n['’]t)\b", re.I)
_DISLIKE = re.compile(r"\b(?:hate[sd]?|hating|dread(?:s|ed|ing)?|dislike[sd]?|detest)\b", re.I)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_OPENS_QUESTION = re.compile(
    r"^(?:(?:and|so|but|well|um|hey|please|tell me)[, ]+)*(?:what|who|where|when|which|why|how|do|"
    r"does|did|is|are|was|can|could|should|would|will|have|has|may)\b",
    re.IGNORECASE,
)
_VOICE = re.compile(
    r"\b(?:you(?:'re)? sound|your (?:voice|tone)|you sa(?:y|id) (?:it|that)|said so|by the sound of"
    r"|in that tone|quietly|flatly|evenly|softly)",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\b(?:who|whom|where|when|which)\b[^.!]*\?", re.IGNORECASE)
_NUMBERS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand million half quarter dozen third twice".split()
)
_HE = frozenset(
    "he him his brother father dad daddy husband son uncle nephew grandfather grandad grandpa "
    "boyfriend man boy lad mister king".split()
)
_SHE = frozenset(
    "she her hers sister mother mum mom mummy wife daughter aunt auntie niece grandmother gran nan "
    "granny grandma girlfriend woman girl lady miss queen".split()
)
_ASKING = frozenset("what what's whats who who's where where's when which how why did do".split())
_OF_THE_PERSON = frozenset("i i'm my me mine we our us".split())
_OF_THE_TALK = frozenset("again earlier remember recall told said mentioned name called".split())
_COMMON = frozenset(
    "ago all and any are ask bad big but can day did end few for get got had has her him his how "
    "its let lot may new not now off old our out own put saw say see set she the too try use was "
    "way who why yes yet you don won isn "
    "about after again also always another anything around away back because been before being "
    "both came come comes could didn does doing done down each else even ever every everything "
    "feel feels find first from gets getting give goes going gone good have haven having here "
    "into isn just keep kind know last least left like little long look looks made make makes many "
    "maybe more most much must need never next nobody nothing once only other over people quite "
    "really right said same says seem should since some somebody someone something still such "
    "sure take takes tell than thank that their them then there these they thing things think "
    "this those though time today told took tried very want wants wasn week well went were what "
    "when where which while will with without work would years your yours".split()
)


def answers(example: Example, said: str) -> bool:
    """Whether the reply of `example` may stand as the answer to `said`, which is like it."""
    if is_question(said) != is_question(example.said):
        return False
    for turns in (_NEGATION, _DISLIKE):
        if bool(turns.search(said)) != bool(turns.search(example.said)):
            return False
    if any(_speaks_of(example.reply, who) and not _speaks_of(said, who) for who in (_HE, _SHE)):
        return False
    here, there, replied = (_particulars(text) for text in (said, example.said, example.reply))
    if is_question(said):
        # What was not asked here makes the answer another one.
        return there <= here
    if _ASKS.search(example.reply) and here - there:
        return False  # what it asks may have been told here
    # What the reply took up of its own saying, and what it counts or names, was said here too.
    counted = {word for word in replied if word[0].isdigit() or word in _NUMBERS}
    return (replied & there) | counted | _names(example.reply) <= here


def tells_more(example: Example, said: str) -> bool:
    """Whether the saying of `example` tells of much that `said` does not: its reply may be to that.

    Of a brother buried after a vow to meet more often, the reply speaks of the vow.
    """
    return len(_particulars(example.said) - _particulars(said)) > MORE


def speaks_of_voice(reply: str) -> bool:
    """Whether a reply takes up how something was said: only in that voice it is an answer."""
    return _VOICE.search(reply) is not None


def is_question(text: str) -> bool:
    """Whether `text` asks or tells somebody to do something, by its mark or its first words."""
    last = _SENTENCE.split(text.strip())[-1]
    return text.rstrip().endswith("?") or bool(_OPENS_QUESTION.match(last))


def asks_what_was_told(said: str) -> bool:
    """Whether the answer to `said` may lie in what the person told before in the same talk.

    Others told something else, and an example would say so: "What's my name?" would be answered
    with theirs, or with "You haven't told me."
    """
    words = set(said.lower().replace("’", "'").replace("?", " ").split())
    is_question = "?" in said or bool(words & _ASKING)
    return (is_question and bool(words & _OF_THE_PERSON)) or bool(words & _OF_THE_TALK)


def _speaks_of(text: str, persons: frozenset[str]) -> bool:
    return not persons.isdisjoint(word.lower() for word in _words(text))


def _words(text: str) -> list[str]:
    """Returns the words and numbers of `text`, without what stands behind an apostrophe."""
    return [re.split("['’]", word)[0] for word in _WORD.findall(text)]


def _particulars(text: str) -> frozenset[str]:
    """Returns the words that tell this saying from others, as stems, and its numbers."""
    words = {word.lower() for word in _words(text)}
    numbers = {word for word in words if word[0].isdigit() or word in _NUMBERS}
    others = {word for word in words - numbers - _COMMON if len(word) >= LEAST_LETTERS}
    return frozenset(numbers | {_stem(word) for word in others})


def _stem(word: str) -> str:
    return _ENDING.sub("", word)[:STEM]


def _names(text: str) -> frozenset[str]:
    """Returns the words of `text` that begin with a capital amid a sentence, as stems."""
    return frozenset(
        _stem(word.lower())
        for sentence in _SENTENCE.split(text)
        for word in _words(sentence)[1:]
        if word[0].isupper() and word != "I"
    )
