"""The written replies that are the answer to what means the same as what they were written for."""

from collections.abc import Collection, Iterator, Sequence

from models.config import ExamplesConfig
from models.emotions import Emotion
from models.examples.answering import answers, is_question, speaks_of_voice, tells_more
from models.examples.sayings import SAME_EMOTION, SaidNow, WrittenSayings, most_alike
from models.examples.written import Example

AMID_A_TALK = 0.08
"""So much more alike a saying must be amid a talk for its reply to be the answer: much that is said
there hangs on what was said before."""
LESS_FOR_THE_SAD = 0.14
"""By so much less alike a sad saying may be whose reply comforts somebody sad: what an LLM of few
parameters says of a loss hurts more than what it says of a cake."""
NEIGHBOURS, NEARER, MOSTLY = 24, 8, 0.5
"""So many of the most similar sayings tell whether one is sad, the nearer the more, by this power
of their likeness; it is where a larger share of them was said in a sad voice."""
BESIDE_THE_BEST = 0.1
"""By so much an answering saying may be less alike than the one that is most so."""
LEAST_WORDS = 3
"""Fewer words say nothing by themselves amid a talk."""


class WrittenReplies:
    """Chooses the reply of one of `sayings` that answers what was said."""

    def __init__(self, sayings: WrittenSayings) -> None:
        self._sayings = sayings

    def answer(
        self, said: SaidNow, config: ExamplesConfig, *, amid_talk: bool, used: Collection[str]
    ) -> str:
        """Returns the reply; empty where the LLM is to answer.

        Args:
            said: What the person said.
            config: How alike a saying must be.
            amid_talk: Whether something was said before.
            used: Replies that were given in this talk.
        """
        for example in self._fitting(said, config, amid_talk):
            is_other_voice = said.emotion is None or example.emotion != said.emotion
            if example.reply in used or (is_other_voice and speaks_of_voice(example.reply)):
                continue
            return example.reply
        return ""

    def _fitting(self, said: SaidNow, config: ExamplesConfig, amid_talk: bool) -> Iterator[Example]:
        """Yields the examples whose replies answer what was said, the most similar one first."""
        if config.answers_from is None or not config.count:
            return
        if amid_talk and len(said.text.split()) < LEAST_WORDS:
            return
        scores, emotion = said.scores, said.emotion
        least = config.answers_from + (AMID_A_TALK if amid_talk else 0.0)
        # Not what is far less alike than another saying, whose voice or particulars do not suit:
        # "I lost my job" has a better one than "I got my job back".
        least = max(least, float(scores.max(initial=0.0)) - BESIDE_THE_BEST)
        near = scores
        if emotion is not None:
            near = scores + SAME_EMOTION * self._sayings.in_voice(emotion)
        order = most_alike(near)
        examples = self._sayings.examples
        if self._is_sad(said):
            for place in order:
                example = examples[place]
                if scores[place] < least - LESS_FOR_THE_SAD or example.emotion != Emotion.SAD:
                    continue
                if answers(example, said.text) and not tells_more(example, said.text):
                    yield example
        alike = [examples[place] for place in order if scores[place] >= least]
        voices = _voices(said, alike)
        yield from (one for one in alike if one.emotion in voices and answers(one, said.text))

    def _is_sad(self, said: SaidNow) -> bool:
        """Whether somebody tells of something sad, by the voice or by those who said the like."""
        if is_question(said.text):
            return False
        if said.emotion not in (None, Emotion.NEUTRAL):
            return said.emotion == Emotion.SAD
        near = most_alike(said.scores)[:NEIGHBOURS]
        weights = said.scores[near] ** NEARER
        sad = float(weights @ self._sayings.in_voice(Emotion.SAD)[near])
        return sad > MOSTLY * float(weights.sum())


def _voices(said: SaidNow, alike: Sequence[Example]) -> set[Emotion | None]:
    """Returns the voices of which an example may be whose reply is the answer."""
    is_asked = is_question(said.text)
    if said.emotion not in (None, Emotion.NEUTRAL):
        # Of one who sounds sad even a birthday is not what it is for others.
        return {None, Emotion.NEUTRAL, said.emotion} if is_asked else {said.emotion}
    told = {example.emotion for example in alike} - {None, Emotion.NEUTRAL}
    # Typed, or in a voice that tells nothing, words that are said in one voice alone tell of it;
    # what is asked tells nothing.
    is_told = len(told) == 1 and not is_asked
    return {None, Emotion.NEUTRAL, *(told if is_told else ())}
