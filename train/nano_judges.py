"""Judges of nano's replies: classifiers trained on the replies that its domain holds."""

from collections.abc import Sequence
from typing import Any

from models.emotions import Emotion
from train.domain import Domain, fill, slots_of
from train.nano_text import spoken_form

ASKED_BACK = "not_understood"
"""What a reply is called that asks what was said."""


class ReplyJudge:
    """Says which intent and which emotion a reply answers, by its words and word pairs.

    Trained on the domain's own replies; fit it once and look at `held_out_accuracy` before its
    verdicts are trusted.
    """

    def __init__(self, domain: Domain) -> None:
        replies, intents, emotions = labelled_replies(domain)
        self._intent = _classifier().fit(replies, intents)
        told = [(r, e) for r, e in zip(replies, emotions, strict=True) if e is not None]
        self._emotion = _classifier().fit([r for r, _ in told], [int(e) for _, e in told])

    def intents(self, replies: Sequence[str]) -> list[str]:
        """Returns the intent of each reply, or `ASKED_BACK`."""
        return [str(name) for name in self._intent.predict(list(replies))] if replies else []

    def emotions(self, replies: Sequence[str]) -> list[Emotion]:
        """Returns the emotion that each reply answers."""
        return [Emotion(int(e)) for e in self._emotion.predict(list(replies))] if replies else []


def labelled_replies(domain: Domain) -> tuple[list[str], list[str], list[Emotion | None]]:
    """Returns all opening replies of the domain with their intents and emotions."""
    replies: list[str] = []
    intents: list[str] = []
    emotions: list[Emotion | None] = []
    for intent in domain.intents:
        for emotion, texts in intent.replies.items():
            for text in texts:
                for values in _some_values(text, intent.slots):
                    replies.append(fill(text, values))
                    intents.append(intent.name)
                    emotions.append(emotion)
    for question in domain.questions:
        replies.append(question)
        intents.append(ASKED_BACK)
        emotions.append(None)
    return replies, intents, emotions


def held_out_accuracy(domain: Domain) -> tuple[float, float]:
    """Returns the accuracies for intent and emotion in five-fold cross-validation."""
    from sklearn.model_selection import cross_val_score

    replies, intents, emotions = labelled_replies(domain)
    told = [(r, int(e)) for r, e in zip(replies, emotions, strict=True) if e is not None]
    by_intent = cross_val_score(_classifier(), replies, intents, cv=5)
    by_emotion = cross_val_score(_classifier(), [r for r, _ in told], [e for _, e in told], cv=5)
    return float(by_intent.mean()), float(by_emotion.mean())


def all_replies(domain: Domain) -> set[str]:
    """Returns the spoken form of every reply and question in the domain, slots filled each way."""
    found = {spoken_form(question) for question in domain.questions}
    for intent in domain.intents:
        tables = [intent.replies, *(follow.replies for follow in intent.follow_ups)]
        for table in tables:
            for texts in table.values():
                for text in texts:
                    found |= {
                        spoken_form(fill(text, values))
                        for values in _all_values(text, intent.slots)
                    }
    found |= {spoken_form(answer) for d in domain.dialogues for _, answer in d.turns}
    return found


def lexicon(domain: Domain) -> set[str]:
    """Returns every word of the domain."""
    words: set[str] = set()
    for text in all_replies(domain):
        words |= set(text.split())
    for intent in domain.intents:
        texts = [*intent.utterances, *(p for f in intent.follow_ups for p in f.person)]
        texts += [value for values in intent.slots.values() for value in values]
        for text in texts:
            words |= set(spoken_form(text).split())
    for dialogue in domain.dialogues:
        for said, _ in dialogue.turns:
            words |= set(spoken_form(said).split())
    return words


def _some_values(text: str, slots: Any) -> list[dict[str, str]]:
    return _all_values(text, slots)[:3]


def _all_values(text: str, slots: Any) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = [{}]
    for name in sorted(slots_of(text)):
        rows = [{**row, name: value} for row in rows for value in slots[name]]
    return rows


def _classifier() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(words, LogisticRegression(C=30.0, max_iter=400))
