"""Streamed text → pieces that a voice can speak: sentences, and an early first clause."""

import re
from collections.abc import Iterable, Iterator

from assistant.voice.constructs import Construct, Waiting, construct_at, ends_thought, next_opening

_NEVER_LAST = frozenset(
    "mr mrs ms mx messrs prof mt sen rep gov gen col capt lt sgt rev hon vs approx e.g i.e cf ca "
    "ft p.s w.r.t".split()
)
_ABBREVIATIONS = _NEVER_LAST | frozenset(
    "dr st jr sr dept est al inc ltd co corp ave blvd rd jan feb mar apr jun jul aug sep sept oct "
    "nov dec mon tue tues wed thu thur thurs fri ph.d m.sc b.sc hwy pl ct ln e.u".split()
)
_BEFORE_DIGITS = frozenset(
    "no nos nr fig vol pp p ch apt ext tel rm ste sec art pt op rs kr bldg".split()
)
BEGINNERS = frozenset(
    "i it it's i'm he she he's she's we you they that that's this these those there there's the my "
    "your his her our their its what when where why how which but and so then if because "
    "although while after before since once also maybe perhaps please thanks do does did is are "
    "was were can could would should have has had let let's in on at for from with as an".split()
)
"""Words that begin sentences and no names: before them, "the U.S." can end one."""
_BEFORE_WORD = re.compile(r"[\s(\[\"“‘]|(?<!\w)'")
_HAS_NAME = re.compile(r"\s[A-Z][a-z]+\s\w+\.$")
"""A street has its name before it, a doctor behind."""
_LONGEST_BEGINNER = max(map(len, BEGINNERS))
_HALF_DAY = re.compile(r"\b[ap]\.m\.$", re.IGNORECASE)
_ZONE = re.compile(r"[A-Z]{2,4}(?![A-Za-z])")
_MAYBE_ZONE = re.compile(r"[A-Z]{1,4}")
"""After "5 p.m." a time zone may follow, which belongs to the sentence."""
_FIRST_WORD = re.compile(r"[\"'“‘(*_]*([A-Z](?:[a-z]|['’](?=[a-z]))*)")
_DOTTED = re.compile(r"(?:[a-z]\.)+[a-z]")
_LIST_MARKER = re.compile(r"\s*\(?(\d{1,3}|[a-zA-Z]|[ivxIVX]{1,4})[.)]")
_NEW_LINE_ITEM = re.compile(r"[-*+•]|\d{1,3}[.)]")
_UNFINISHED_ITEM = re.compile(r"\d{1,3}")
_VISIBLE = re.compile(r"\S")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ENDINGS = ".!?…"
_FULL_WIDTH_ENDINGS = "。！？"
_CLOSERS = "\"'”’»)]*_`"
_ENTITY_END = re.compile(r"&[#\w]{2,30};$")
_CLAUSE_ENDINGS = ",;:—–"


class SentenceSplitter:
    """Cuts a stream of text into pieces; joined, the pieces are the text.

    How the text is chunked does not change the pieces. None of them ends within a link, a stage
    direction or other markup; code and hidden thoughts are pieces of their own. A thought whose
    beginning is not marked is one with the sentence before its end: what came before that was
    handed on already. A cut waits for
    the next visible character, which tells a full stop from an abbreviation ("e.g. this") or an
    ellipsis.
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
        self._whole: list[tuple[int, int]] = []
        self._first_clause_words = first_clause_words
        self._longest = longest_characters

    def push(self, text: str) -> Iterator[str]:
        """Takes the next characters; yields each piece that they complete."""
        self._buffer += text
        yield from self._pieces(is_end=False)

    def end_sentence(self) -> Iterator[str]:
        """Yields what came so far: a sentence ends here, whatever comes after it."""
        yield from self._pieces(is_end=True)
        if self._buffer.strip():
            yield self._buffer
            self._buffer, self._scanned, self._is_first, self._whole = "", 0, False, []

    def finish(self) -> Iterator[str]:
        """Yields what is left; the splitter then starts anew."""
        yield from self._pieces(is_end=True)
        if self._buffer:
            yield self._buffer
        self._buffer, self._scanned, self._is_first, self._whole = "", 0, True, []

    def _pieces(self, *, is_end: bool) -> Iterator[str]:
        while (cut := self._cut(is_end=is_end)) is not None:
            piece, self._buffer = self._buffer[:cut], self._buffer[cut:]
            self._scanned, self._is_first, self._whole = 0, False, []
            yield piece

    def _cut(self, *, is_end: bool) -> int | None:
        """Returns where the first piece ends, or None while that cannot be known."""
        text, index = self._buffer, self._scanned
        opening = next_opening(text, index)
        while index < len(text):
            # Kept from push to push: a reply comes token by token, and only what is new is looked
            # at.
            self._scanned = index
            if index >= self._longest:
                return self._forced_cut()
            if index == opening:
                construct = construct_at(text, index, is_end=is_end)
                if isinstance(construct, Waiting):
                    return None
                if construct is not None and construct.is_block:
                    return self._block_cut(index, construct)
                if construct is not None:
                    self._whole.append((index, construct.end))
                index = index + 1 if construct is None else construct.end
                opening = next_opening(text, index)
                continue
            is_known, cut = self._cut_at(index, is_end=is_end)
            if cut is not None and (end := ends_thought(text, cut)) is not None:
                # Not handed to the voice yet, the sentence before it is left out with it.
                if end > cut:
                    return end
                is_known, cut = is_end, cut if is_end else None
            if cut is not None or not is_known:
                return cut
            index += 1
        self._scanned = index
        return None

    def _block_cut(self, start: int, block: Construct) -> int:
        """A block stands apart, so that what is said before it need not wait for its end."""
        has_words = any(character.isalnum() for character in self._buffer[:start])
        if block.ends_thought:
            return block.end  # what stands before it is thought too
        return start if has_words else block.end

    def _cut_at(self, index: int, *, is_end: bool) -> tuple[bool, int | None]:
        """Returns whether it is known if the piece ends with `index`, and where the next begins."""
        text = self._buffer
        if text[index] in _FULL_WIDTH_ENDINGS:
            # Another may follow, as in "？！", and belongs to the same sentence.
            if index + 1 == len(text) and not is_end:
                return False, None
            goes_on = text[index + 1 : index + 2] in tuple(_FULL_WIDTH_ENDINGS)
            return True, None if goes_on else index + 1
        if not text[index].isspace() or (index and text[index - 1].isspace()):
            return True, None
        visible = _VISIBLE.search(text, index)
        after = visible.start() if visible else len(text)
        if after == len(text) and not is_end:
            return False, None if after < self._longest else self._forced_cut()
        before, gap, rest = text[:index], text[index:after], text[after : after + 16]
        # A number on a new line may become the "1." of a list, which begins a sentence, or go on
        # with this one.
        if "\n" in gap and _UNFINISHED_ITEM.fullmatch(rest) and not is_end:
            return False, None
        if not is_end and _is_abbreviated(before.rstrip(_CLOSERS), rest) and _may_grow(rest):
            return False, None
        if not is_end and _MAYBE_ZONE.fullmatch(rest) and _HALF_DAY.search(before):
            return False, None
        if rest and (_ends_sentence(before, gap, rest) or self._ends_first_clause(before, rest)):
            return True, after
        return True, None

    def _forced_cut(self) -> int:
        """Returns where to cut an overlong sentence: after a clause, else a word, else anywhere."""
        text = self._buffer[: self._longest]
        for pattern in (rf"[{_CLAUSE_ENDINGS}]\s+", r"\s+"):
            ends = (match.end() for match in re.finditer(pattern, text))
            # Not in the first third, which would leave a short piece; the last of them, so that
            # much is said in one breath.
            cuts = [end for end in ends if end > len(text) // 3 and not self._within(end)]
            if cuts:
                return cuts[-1]
        if (whole := self._within(len(text))) is None:
            return len(text)
        return whole[0] or whole[1]

    def _within(self, index: int) -> tuple[int, int] | None:
        """Returns the markup that a cut at `index` would break."""
        return next((whole for whole in self._whole if whole[0] < index < whole[1]), None)

    def _ends_first_clause(self, before: str, rest: str) -> bool:
        return (
            self._is_first
            and self._first_clause_words > 0
            and before[-1:] in _CLAUSE_ENDINGS
            and not (before[-2:-1].isdigit() and rest[:1].isdigit())
            and not _ENTITY_END.search(before)
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
    if rest[:1] in ("=", "&"):
        return False  # "3! = 6", "Sat. & Sun."
    if rest[:1].islower():
        # Behind a quotation the sentence goes on: "Really?" she said.
        return body[-1] in "!?" and before == body
    return not _is_abbreviated(body, rest) or (_can_be_last(body) and _begins_sentence(rest))


def _is_abbreviated(body: str, rest: str) -> bool:
    """Whether `body` ends with a full stop that belongs to its last word."""
    if body[-1:] != ".":
        return False
    word = _last_word(body)
    if word in _BEFORE_DIGITS and rest[:1].isdigit():
        return True
    # Of single letters "I" ends a sentence as a word does; so do "a.m." and "p.m." of dotted ones.
    is_initial = len(word) == 1 and word.isalpha() and word != "i"
    is_dotted = _DOTTED.fullmatch(word) is not None and (
        word not in {"a.m", "p.m"} or _ZONE.match(rest) is not None
    )
    return word in _ABBREVIATIONS or is_initial or is_dotted


def _last_word(body: str) -> str:
    return _BEFORE_WORD.split(body[:-1])[-1].lower()


def _can_be_last(body: str) -> bool:
    """Whether a sentence may end with this abbreviation: "in the U.S.", "on Oak Dr."."""
    word = _last_word(body)
    return word not in _NEVER_LAST and (
        word not in {"dr", "st"} or _HAS_NAME.search(body) is not None
    )


def _begins_sentence(rest: str) -> bool:
    first = _FIRST_WORD.match(rest)
    return first is not None and first[1].lower().replace("’", "'") in BEGINNERS


def _may_grow(rest: str) -> bool:
    """Whether the first word of `rest` may still become another one."""
    first = _FIRST_WORD.match(rest)
    return (
        first is not None
        and first.end() >= len(rest.rstrip("'’"))
        and len(first[1]) <= _LONGEST_BEGINNER
    )
