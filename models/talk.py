"""One conversation with the model: turns heard or read, replies streamed, barge-ins cut."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property

from torch import Tensor

from models.blsp_emo import BlspEmo, HeardSpeech
from models.decoding.sampling import Sampling
from models.dialogue_text import DialogueText
from models.emotions import Emotion
from models.examples.answering import asks_what_was_told
from models.examples.book import Fitting
from models.examples.expected import ExpectedExamples
from models.generation import CachedText, Guidance, Piece, generate
from models.replies.asking import AskedOn
from models.replies.deaf import DeafReply
from models.replies.sounding import SoundingReply
from models.replies.wishing import WishlessReply
from models.tokenizer import IncrementalDecoder
from models.words.turn_end import END_MARKS, log_odds_of_end, probability

SENTENCE_ENDS = (". ", "! ", "? ")


class SystemLineTooLong(ValueError):
    """A system line that leaves the talk too little of the context."""


class TalkSession:
    """A conversation that owns its KV cache; the model is shared and may serve others.

    The course of a turn is `listen` or `read`, then `reply`, then perhaps `truncate`. `withdraw`
    takes the last `listen` or `read` back before it is answered.

    Args:
        model: Loaded, in eval mode.
        persona: The system line; None takes the one the model was trained with.
        known: What is known of the person from earlier talks; it stands behind the system line.
        sampling: How replies are generated.

    Raises:
        SystemLineTooLong: The system line takes more than half of the longest talk.
    """

    def __init__(
        self,
        model: BlspEmo,
        *,
        persona: str | None = None,
        known: str = "",
        sampling: Sampling | None = None,
    ) -> None:
        self._model = model
        self._prompts = model.prompts
        self._persona = "\n\n".join(filter(None, (persona or model.config.persona, known)))
        self._knows = bool(known)
        if persona or known:  # the checkpoint's own was trained with, and fits
            self._check_persona()
        self.sampling = sampling or Sampling()
        # Those of the checkpoint talk as its own persona does, and refuse what another one may be
        # able to do, such as to call a function.
        self._examples = None if persona else model.examples
        self._asks_for_things = bool(persona) or model.config.asks_for_things
        self._wishes = bool(persona) or model.config.wishes
        self._dialogue = DialogueText(model, self._persona)
        self._text = self._dialogue.text
        self._expected = ExpectedExamples()
        self._reply_ids: list[int] = []
        self._is_replying = False
        self._was_read = False
        """Whether what is waiting was begun by `read`."""
        self._told: Tensor | None = None
        """Of a turn whose feeling the LLM is told: what was said without it."""
        self._felt: Emotion | None = None
        """In which voice what is waiting was said, as far as that is known."""
        self._as_said: SoundingReply | WishlessReply | None = None
        """The LLM's answer as it is said, which is not always as it was written."""
        self.is_cut = False
        """Whether the last reply ended at its longest length and not by itself."""

    def _check_persona(self) -> None:
        # Not of all that the LLM was made for: beyond the longest talk it was never taught to
        # answer speech, and every turn would push the one before out of it.
        taken, limit = len(self._prompts.opening(self._persona)), self._model.config.longest_talk
        if taken > limit // 2:
            fitting = len(self._persona) * (limit // 2) // taken
            raise SystemLineTooLong(
                f"the persona has {len(self._persona)} characters, and this model has room for "
                f"about {fitting} beside the talk: shorten it"
            )

    @property
    def position(self) -> int:
        """Positions of the LLM that the conversation takes."""
        return len(self._text)

    @property
    def longest_turn(self) -> int:
        """Positions that one turn of the person may take."""
        return self._model.config.longest_turn

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The conversation as the LLM is given it."""
        return self._text.pieces

    @property
    def is_waiting(self) -> bool:
        """Whether something was heard or read that has no reply yet."""
        return self._dialogue.is_waiting

    @property
    def forgotten_turns(self) -> int:
        """Oldest turns dropped because the conversation outgrew what the model follows."""
        return self._dialogue.forgotten_turns

    def fitting(self, text: str) -> str:
        """Returns `text`, or as much of its end as one turn may hold: what was said last counts.

        It begins with a whole sentence where one begins early in it, else with a whole word.
        """
        content, longest = self._prompts.content, self.longest_turn
        if len(ids := content(text)) <= longest:
            return text
        # The first token that is kept may be the rest of a character, and has no text by itself.
        end = self._model.tokenizer.decode(ids[-longest:]).lstrip("\ufffd")
        begins = [end.find(mark) + len(mark) for mark in SENTENCE_ENDS if mark in end]
        whole = [begin for begin in begins if begin < len(end) // 2]
        end = end[min(whole) if whole else end.find(" ") + 1 :]
        # Cut elsewhere, the same text can take more tokens than it did within the whole.
        while len(content(end)) > longest:
            end = end[1:]
        return end

    def fitting_speech(self, heard: HeardSpeech) -> HeardSpeech:
        """Returns `heard` with as much of its end as the turn still has room for."""
        room = max(1, self._dialogue.turn_room)
        untold = None if heard.untold is None else heard.untold[-room:]
        return replace(heard, speech_embeddings=heard.speech_embeddings[-room:], untold=untold)

    @property
    def is_written(self) -> bool:
        """Whether the reply to the last turn is one of the written exchanges, and not the LLM's."""
        turns = self._dialogue.turns
        return bool(turns) and bool(turns[-1].answer)

    def listen(self, heard: HeardSpeech) -> None:
        """Takes what was heard as the person's turn; two in a row become one turn.

        Where no feeling was heard the LLM is told of none ("You got home, and you're neutral"),
        unless something is asked about what was heard.

        Raises:
            ValueError: It is longer than `longest_turn`.
        """
        felt = None if heard.abstained else Emotion(_largest(heard.probabilities))
        is_clear = heard.words is not None and self._model.understands(heard.words)
        found = self._find(heard.words.text, felt) if heard.words and is_clear else Fitting()
        found = self._expected.met_by(found)
        given, told = heard.speech_embeddings, None
        is_asked = self.is_waiting and self._was_read
        if heard.untold is not None and not is_asked:
            if heard.is_plain(self._model.config.calibration):
                given = heard.untold
            elif not self.is_waiting:
                told = heard.untold
        self._was_read = is_asked
        self._open_turn(int(given.shape[0]), None, found)
        self._told, self._felt = told, felt
        self._text.append_speech(given)

    def read(self, text: str, *, emotion: Emotion | None = None) -> None:
        """Takes a typed (or transcribed) turn.

        Args:
            text: What the person said; chat markup in it stays plain text.
            emotion: How the person sounds, told to the LLM in its system line (the cascade). When
                it changes, the conversation is computed anew.

        Raises:
            ValueError: It is longer than `longest_turn`.
        """
        ids = self._prompts.content(text)
        self._open_turn(len(ids), emotion, self._expected.met_by(self._find(text, emotion)))
        self._told, self._felt, self._was_read = None, emotion, True
        self._text.append_ids(ids)

    def withdraw(self) -> None:
        """Forgets the turn that has no reply yet, if there is one."""
        if self.is_waiting:
            self._expected.expect(self._dialogue.forget_last())

    def take_back(self) -> None:
        """Forgets the last turn with whatever was begun in answer to it, if there is one."""
        if self._dialogue.turns:
            self._expected.expect(self._dialogue.forget_last())
            self._reply_ids = []

    def prefill(self) -> Iterator[None]:
        """Computes a long system line before the first turn, a part with each step.

        It ends early where a turn begins meanwhile, which computes the rest.
        """
        return self._dialogue.prefill()

    def expect(
        self, words: str, *, gives_way: Callable[[], bool] = lambda: False
    ) -> Iterator[None]:
        """Computes what an answer to `words` would begin with, a part with each step.

        For somebody who still speaks: most of what is computed serves the answer to all they say.

        Args:
            words: What they said so far.
            gives_way: Where it turns true a step ends early, and is taken again with the next one.
        """
        if self.is_waiting or self._is_replying:
            return
        expected = self._expected.expect(self._find(words, None))
        yield from self._dialogue.expect(expected, gives_way)

    def compute(self) -> None:
        """Computes what was listened to, read and replied so far, so that nothing waits for it."""
        if not self.is_waiting:
            self._dialogue.forget_examples()
        if len(self._text):
            self._text.logits()

    def completeness(self, words: str) -> float:
        """Returns the probability in [0, 1] that a person who pauses after `words` is done.

        It is the LLM's own, given the conversation so far, which stays as it was; calibrated, as
        people are often done where a sentence could go on.
        """
        turn_end = self._model.config.turn_end
        return probability(turn_end.slope * self.end_log_odds(words) + turn_end.offset)

    def end_log_odds(self, words: str) -> float:
        """Returns the LLM's log-odds that the person may be done after `words`, not calibrated.

        See `models.words.turn_end`.
        """
        said = self._prompts.content(self.fitting(words.rstrip(END_MARKS)))
        return log_odds_of_end(self._dialogue.logits_after(said).double(), self._prompts)

    def reply(self, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Yields the reply in pieces of text as it is generated; the cache keeps it.

        A piece that is a `SentenceEnd` is empty: a sentence ends there, and more takes a while.
        A reply that was cancelled stays as far as it was yielded; `truncate` cuts it further.

        Raises:
            ValueError: Nothing was heard or read since the last reply.
        """
        self._open_reply()
        self._is_replying = True
        try:
            yield from self._said(cancelled)
        finally:
            self._is_replying = False

    def _said(self, cancelled: Callable[[], bool]) -> Generator[str]:
        if answer := self._dialogue.turns[-1].answer:
            self._reply_ids = self._prompts.content(answer)
            self._text.append_ids(self._reply_ids)
            self.is_cut = False
            yield answer
            return
        with closing(self._worded(cancelled)) as texts:
            if self._asks_for_things:
                yield from texts
                self._take_as_said()
                return
            asked_on = AskedOn()
            yield from asked_on.through(texts)
        self._take_as_said()
        if asked_on.is_over:
            # The talk must hold what was said, and no more.
            self.is_cut = False
            self.truncate(asked_on.passed)

    def _worded(self, cancelled: Callable[[], bool]) -> Generator[str]:
        """Yields the LLM's answer without what it wishes behind it, where it does not wish."""
        with closing(self._heard_out(cancelled)) as texts:
            if self._wishes:
                yield from texts
                return
            wishless = WishlessReply(self._felt)
            self._as_said = wishless
            yield from wishless.through(texts)

    def _heard_out(self, cancelled: Callable[[], bool]) -> Generator[str]:
        """Yields the LLM's answer; one that claims to have heard nothing is begun once more.

        Then without how the person sounds, which is what it answered so, or without examples.
        """
        if self._told is None and not self._dialogue.turns[-1].examples_length:
            yield from self._generated(cancelled)
            return
        deaf = DeafReply()
        sounding = None if self._told is None else SoundingReply()
        self._as_said = self._as_said or sounding
        with closing(self._generated(cancelled)) as texts:
            heard = deaf.through(texts)
            yield from heard if sounding is None else sounding.through(heard)
        if deaf.is_deaf:
            if self._as_said is sounding:
                self._as_said = None
            if self._told is None:
                self._show_no_examples()
            else:
                self._tell_no_feeling(self._told)
            yield from self._generated(cancelled)

    def _show_no_examples(self) -> None:
        self._text.crop(self._dialogue.turns[-1].reply_start)
        self._dialogue.forget_examples()
        self._reply_ids = []

    def _take_as_said(self) -> None:
        """The talk holds the answer as it was said, where that is not how the LLM goes on."""
        as_said, self._as_said = self._as_said, None
        if as_said is None or _plain(self._decode(len(self._reply_ids))) == _plain(as_said.passed):
            return
        self._text.crop(self._dialogue.turns[-1].reply_start)
        self._reply_ids = self._prompts.content(as_said.passed)
        self._text.append_ids(self._reply_ids)

    def _tell_no_feeling(self, untold: Tensor) -> None:
        as_said = self._as_said
        found = self._dialogue.forget_last()
        self._open_turn(int(untold.shape[0]), None, found)
        self._told = None
        self._text.append_speech(untold)
        self._open_reply()
        self._as_said = as_said

    def _open_reply(self) -> None:
        self._dialogue.open_reply()
        self._reply_ids = []
        self._as_said = None

    def _generated(self, cancelled: Callable[[], bool]) -> Generator[str]:
        """Yields all that the LLM says in answer, in pieces of text."""
        room = max(1, self._model.config.context_tokens - len(self._text) - 1)
        sampling = replace(self.sampling, max_new_tokens=min(self.sampling.max_new_tokens, room))
        tokenizer = self._model.tokenizer
        decoder = IncrementalDecoder(tokenizer)
        for token in generate(
            self._text,
            sampling,
            stop_ids=tokenizer.end_ids,
            cancelled=cancelled,
            guidance=self._guidance,
        ):
            # Before it is yielded: whoever stops reading there truncates to what was heard, and
            # every token that is in the cache must be known then.
            self._reply_ids.append(token)
            if delta := decoder.push([token]):
                yield delta
        self.is_cut = len(self._reply_ids) == sampling.max_new_tokens
        if rest := decoder.finish():
            yield rest

    @cached_property
    def _guidance(self) -> Guidance | None:
        """What replies are led away from, where the checkpoint asks for it."""
        config = self._model.config.guidance
        if not config.weight:
            return None
        unasked = CachedText(self._model.llm, self._model.steps)
        unasked.append_ids(self._prompts.opening(self._persona))
        unasked.append_ids(self._prompts.content(config.question) + self._prompts.reply_header())
        return Guidance(unasked, config.weight, config.plausible)

    def replace_reply(self, text: str) -> None:
        """Takes `text` as the assistant's reply to what is waiting, or instead of the last one.

        What of it is too long for the context is left out.

        Raises:
            ValueError: There is no turn to reply to.
        """
        if self._dialogue.turns and not self.is_waiting:
            self._text.crop(self._dialogue.turns[-1].reply_start)
        else:
            self._open_reply()
        room = max(0, self._model.config.context_tokens - len(self._text) - 1)
        self._reply_ids = self._prompts.content(text)[:room]
        self._text.append_ids(self._reply_ids)

    def truncate(self, heard: str) -> None:
        """Keeps of the last reply only `heard`, the part of its text that was played.

        The cache is cropped to the tokens that lie within `heard`; a word that was cut inside a
        token is written anew. White space does not matter. Text that is not the beginning of the
        reply is kept as far as both agree in whole tokens.
        """
        if not self._dialogue.turns or self.is_waiting:
            return
        self._take_as_said()
        heard = _plain(heard)
        keep = self._tokens_within(heard)
        self._text.crop(self._dialogue.turns[-1].reply_start + keep)
        kept = _plain(self._decode(keep))
        # Written anew only where it is the beginning of this reply: a text that differs was never
        # said by the model, and would be put into its mouth.
        belongs = _plain(self._decode(len(self._reply_ids))).startswith(heard)
        extra = self._prompts.content(heard[len(kept) :]) if belongs and heard != kept else []
        self._text.append_ids(extra)
        self._reply_ids = [*self._reply_ids[:keep], *extra]

    def _decode(self, count: int) -> str:
        return self._model.tokenizer.decode(self._reply_ids[:count])

    def _tokens_within(self, heard: str) -> int:
        """Returns how many tokens of the reply lie wholly within `heard`, no space after it."""
        # Decoded from the start each time, since the text of a token depends on those before it.
        texts = [_plain(self._decode(count)) for count in range(len(self._reply_ids) + 1)]
        longest = max((text for text in texts if heard.startswith(text)), key=len)
        # The first of equal texts: a token of white space alone belongs to what follows it.
        return texts.index(longest)

    def _open_turn(self, length: int, emotion: Emotion | None, found: Fitting) -> None:
        reply_tokens = self.sampling.max_new_tokens
        self._dialogue.open_turn(length, emotion, found, reply_tokens=reply_tokens)

    def _find(self, said: str, emotion: Emotion | None) -> Fitting:
        """Returns what written exchanges have for what is said now."""
        # What goes on from a waiting turn has those that the turn was opened with.
        if self._examples is None or self.is_waiting:
            return Fitting()
        turns = self._dialogue.turns
        if (turns or self._knows) and asks_what_was_told(said):
            return Fitting()
        config = self._model.config.examples
        if self.sampling.examples is not None:
            config = replace(config, count=self.sampling.examples)
        used = {turn.answer for turn in turns}
        amid_talk = bool(turns) or self.forgotten_turns > 0
        return self._examples.find(said, emotion, config, amid_talk=amid_talk, used=used)


def _largest(values: Sequence[float]) -> int:
    """Returns the place of the largest of `values`."""
    return max(range(len(values)), key=values.__getitem__)


def _plain(text: str) -> str:
    """Returns `text` with single spaces and none at its ends."""
    return " ".join(text.split())
