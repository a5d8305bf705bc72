"""Streamed text → pieces that a voice can speak: sentences, and an early first clause."""

import re
from collections.abc import Iterable, Iterator

_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st mt sen rep gov gen col capt lt sgt rev hon jr sr vs approx dept est "
    "al inc ltd co corp ave blvd rd e.g i.e cf ca jan feb mar apr jun jul aug sep sept oct nov "
    "dec".split()
)
_BEFORE_DIGITS = frozenset({"no", "fig", "vol", "pp", "p", "ch"})
_DOTTED = re.compile(r"(?:[a-z]\.)+[a-z]")
_LIST_MARKER = re.compile(r"\s*\(?(\d{1,3}|[a-zA-Z])[.)]")
_NEW_LINE_ITEM = re.compile(r"[-*+•]|\d{1,3}[.)]")
_UNFINISHED_ITEM = re.compile(r"\d{1,3}")
_VISIBLE = re.compile(r"\S")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ENDINGS = ".!?…"
_FULL_WIDTH_ENDINGS = "。！？"
_CLOSERS = "\"'”’»)]*_"
_CLAUSE_ENDINGS = ",;:—–"


class SentenceSplitter:
    """Cuts a stream of text into pieces; joined, the pieces are the text.

    How the text is chunked does not change the pieces. A cut waits for the next visible
    character, which tells a full stop from an abbreviation ("e.g. this") or an ellipsis.
    """

    def __init__(self, *, first_clause_words: int = 3, longest_characters: int = 240) -> None:
        """Starts a text.

        Args:
            first_clause_words: The first piece may end at a comma after this many words, so that
                the voice can begin early; 0 keeps whole sentences.
            longest_characters: A sentence longer than this is cut at a clause or a word.
        """
        self._buffer = ""
        self._scanned = 0
        self._is_first = True
        self._first_clause_words = first_clause_words
        self._longest = longest_characters

    def push(self, text: str) -> Iterator[str]:
        """Takes the next characters; yields each piece that they complete."""
        self._buffer += text
        yield from self._pieces(is_end=False)

    def finish(self) -> Iterator[str]:
        """Yields what is left; the splitter then starts anew."""
        yield from self._pieces(is_end=True)
        if self._buffer:
            yield self._buffer
        self._buffer, self._scanned, self._is_first = "", 0, True

    def _pieces(self, *, is_end: bool) -> Iterator[str]:
        while (cut := self._cut(is_end=is_end)) is not None:
            piece, self._buffer = self._buffer[:cut], self._buffer[cut:]
            self._scanned, self._is_first = 0, False
            yield piece

    def _cut(self, *, is_end: bool) -> int | None:
        """Returns where the first piece ends, or None while that cannot be known."""
        text = self._buffer
        for index in range(self._scanned, len(text)):
            self._scanned = index
            if index >= self._longest:
                return _forced_cut(text[: self._longest])
            character = text[index]
            if character in _FULL_WIDTH_ENDINGS:
                if index + 1 == len(text) and not is_end:
                    return None
                if text[index + 1 : index + 2] not in tuple(_FULL_WIDTH_ENDINGS):
                    return index + 1
                continue
            if not character.isspace() or (index and text[index - 1].isspace()):
                continue
            visible = _VISIBLE.search(text, index)
            after = visible.start() if visible else len(text)
            if after == len(text) and not is_end:
                return None if after < self._longest else _forced_cut(text[: self._longest])
            before, gap, rest = text[:index], text[index:after], text[after : after + 8]
            if "\n" in gap and _UNFINISHED_ITEM.fullmatch(rest) and not is_end:
                return None
            if _ends_sentence(before, gap, rest) or self._ends_first_clause(before):
                return after if rest else None
        return None

    def _ends_first_clause(self, before: str) -> bool:
        return (
            self._is_first
            and self._first_clause_words > 0
            and before[-1:] in _CLAUSE_ENDINGS
            and len(_WORD.findall(before)) >= self._first_clause_words
        )


def split_sentences(deltas: Iterable[str], *, first_clause_words: int = 3) -> Iterator[str]:
    """Yields the speakable pieces of the text that `deltas` join to, as early as they are sure."""
    splitter = SentenceSplitter(first_clause_words=first_clause_words)
    for delta in deltas:
        yield from splitter.push(delta)
    yield from splitter.finish()


def _ends_sentence(before: str, gap: str, rest: str) -> bool:
    """Whether a sentence ends with `before`, which is followed by the white space `gap`."""
    body = before.rstrip(_CLOSERS)
    if not body or not any(character.isalnum() for character in body):
        return False
    if "\n" in gap and (gap.count("\n") > 1 or _NEW_LINE_ITEM.match(rest)):
        return True
    if _LIST_MARKER.fullmatch(before) or body[-1] not in _ENDINGS:
        return False
    if rest[:1].islower():
        return body[-1] in "!?" and before == body
    return not (body[-1] == "." and _is_abbreviated(body[:-1], rest))


def _is_abbreviated(body: str, rest: str) -> bool:
    """Whether the full stop between `body` and `rest` belongs to the last word of `body`."""
    word = re.split(r"[\s(\[\"'“‘]", body)[-1].lower()
    if word in _BEFORE_DIGITS and rest[:1].isdigit():
        return True
    is_initial = len(word) == 1 and word.isalpha() and word != "i"
    is_dotted = _DOTTED.fullmatch(word) is not None and word not in {"a.m", "p.m"}
    return word in _ABBREVIATIONS or is_initial or is_dotted


def _forced_cut(text: str) -> int:
    """Returns where to cut an overlong sentence: after a clause, else a word, else anywhere."""
    for pattern in (rf"[{_CLAUSE_ENDINGS}]\s+", r"\s+"):
        cuts = [match.end() for match in re.finditer(pattern, text) if match.end() > len(text) // 3]
        if cuts:
            return cuts[-1]
    return len(text)
