"""A judging LLM scores answers, in two orders; pinned, recorded, resumable, failures counted.

A judge leans towards what it reads last, and towards one end of a scale that it reads first. Each
item is therefore judged twice: once with what is known before the answer and the scale upwards,
once the other way round. Its score is the mean, and the mean difference is published beside it.
"""

import hashlib
import json
import logging
import re
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from train.continuations.writers import post_json

logger = logging.getLogger(__name__)

SIDE_BY_SIDE = 8
GIVE_UP_AFTER = 5
"""Items in a row that the judge could not be asked about: it is gone, and the rest is not asked."""
ANSWER_TOKENS = 16

UNREACHED = "the judge could not be asked"
GIVEN_UP = "not asked any more: the judge was gone"
NO_SCORE = "the judge's answer holds no score"
OUTSIDE = "the judge's score lies outside the scale"
ASKED_AGAIN = (UNREACHED, GIVEN_UP)
"""Failures that the next run tries to mend; what the judge did say stays as it is."""

RUBRICS = {
    "factual alignment": (
        "how far what the explanation claims about the speaker's emotion, words and voice agrees "
        "with what is known: every claim that is known to be wrong, and every one that nothing "
        "supports, lowers the score; saying little but right is not punished here"
    ),
    "dialogue quality": (
        "how good the reply is as the next turn of this talk: it takes up what was said before, "
        "makes sense, moves the talk on, and reads like a person who cares"
    ),
    "quality": "how helpful, fitting and coherent the reply is as an answer to the words",
    "empathy": "how well the reply takes up the feeling in the voice of the person",
    "helpfulness": (
        "how well the reply does what the person asked for: right, complete, to the point, and "
        "such that it can be said aloud"
    ),
}
"""What is judged, in our own words, by the measure's name in `rows.toml`."""


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """What is judged."""

    id: str
    known: str
    """What the judge is told beside it: words, feeling, references."""
    answer: str


@dataclass(frozen=True, slots=True)
class JudgeAnswer:
    """One answer of the judge, in one order."""

    id: str
    order: str
    """known-first or answer-first."""
    key: str
    """Of the whole request."""
    said: str = ""
    score: float | None = None
    failure: str = ""
    model: str = ""
    """As the server names the model that answered."""
    fingerprint: str = ""


@dataclass(frozen=True)
class Judgement:
    """Scores of all items, and how far they can be trusted."""

    scores: list[float]
    """Mean of the two orders; the scale's lowest where the judge failed."""
    failures: Counter[str] = field(default_factory=Counter[str])
    order_effect: float = 0.0
    """Mean of (known first minus answer first) over items judged in both orders."""
    judges: tuple[str, ...] = ()
    """Models that answered, as the server named them: more than one means it was exchanged."""


@dataclass(frozen=True, slots=True)
class Judge:
    """An OpenAI-compatible server and the model that is asked there."""

    server: str
    model: str
    key: str = ""

    @property
    def url(self) -> str:
        """Where verdicts are asked for."""
        return self.server.rstrip("/") + "/chat/completions"


ORDERS = ("known-first", "answer-first")


def request_for(
    judge: Judge, measure: str, scale: tuple[float, float], item: JudgedItem, order: str
) -> dict[str, Any]:
    """Returns the body that asks for one score."""
    low, high = scale
    first, last = (low, high) if order == ORDERS[0] else (high, low)
    ends = {low: "the worst", high: "the best"}
    known = f"What is known:\n{item.known}"
    answer = f"What is judged:\n{item.answer or '(nothing was said)'}"
    parts = (known, answer) if order == ORDERS[0] else (answer, known)
    question = (
        f"You judge what an assistant answered to a spoken turn. Judge {RUBRICS[measure]}.\n\n"
        f"{parts[0]}\n\n{parts[1]}\n\n"
        f"Give a whole number from {first:g} ({ends[first]}) to {last:g} ({ends[last]}). "
        "Answer with the number alone."
    )
    return {
        "model": judge.model,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": ANSWER_TOKENS,
        "temperature": 0,
        "seed": 0,
    }


def parse_score(answer: str, scale: tuple[float, float]) -> tuple[float | None, str]:
    """Returns the score that an answer consists of or begins with, and else why there is none."""
    match = re.match(
        r"\W*(?:score|rating)?\W*(-?\d+(?:\.\d+)?)(?:\s*(?:/|out of)\s*\d+)?(?![\w%]|[.,]\d)",
        answer.lower(),
    )
    if match is None or re.match(r"\s*(?:to|or|-|–)\s*\d", answer[match.end() :]):
        return None, NO_SCORE
    value = float(match[1])
    return (value, "") if scale[0] <= value <= scale[1] else (None, OUTSIDE)


def judge_items(
    judge: Judge,
    measure: str,
    scale: tuple[float, float],
    items: Sequence[JudgedItem],
    record: Path,
) -> Judgement:
    """Returns the scores of all items; verdicts in `record` are not asked for again."""
    asking = _Asking(judge, measure, scale, record)
    tasks = [(item, order) for item in items for order in ORDERS]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        verdicts = list(pool.map(lambda task: asking.verdict(*task), tasks))
    return judgement(verdicts, scale)


def judgement(verdicts: Sequence[JudgeAnswer], scale: tuple[float, float]) -> Judgement:
    """Returns what verdicts in pairs, one item's two orders after another, come to."""
    scores: list[float] = []
    effects: list[float] = []
    for first, second in zip(verdicts[::2], verdicts[1::2], strict=True):
        given = [v.score if v.score is not None else scale[0] for v in (first, second)]
        scores.append(sum(given) / 2)
        if first.score is not None and second.score is not None:
            effects.append(first.score - second.score)
    failures = Counter(v.failure for v in verdicts if v.failure)
    names = {f"{v.model} {v.fingerprint}".strip() for v in verdicts if v.model}
    effect = sum(effects) / len(effects) if effects else 0.0
    return Judgement(scores, failures, effect, tuple(sorted(names)))


class _Asking:
    """Verdicts of one run, from the record or from the server; used by several threads."""

    def __init__(
        self, judge: Judge, measure: str, scale: tuple[float, float], record: Path
    ) -> None:
        self._judge, self._measure, self._scale = judge, measure, scale
        self._record = record
        self._known = _read(record)
        self._lock = threading.Lock()  # of the record's file and the count below
        self._unreached = 0

    def verdict(self, item: JudgedItem, order: str) -> JudgeAnswer:
        """Returns the verdict on one item in one order."""
        body = request_for(self._judge, self._measure, self._scale, item, order)
        content = f"{self._judge.url}\n{json.dumps(body)}"
        key = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
        known = self._known.get((item.id, order))
        if known is not None and known.key == key and known.failure not in ASKED_AGAIN:
            return known
        verdict = self._asked(JudgeAnswer(item.id, order, key), body)
        with self._lock:
            self._record.parent.mkdir(parents=True, exist_ok=True)
            with self._record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(verdict), ensure_ascii=False) + "\n")
        return verdict

    def _asked(self, asked: JudgeAnswer, body: dict[str, Any]) -> JudgeAnswer:
        if self._unreached >= GIVE_UP_AFTER:
            return replace(asked, failure=GIVEN_UP)
        try:
            answer = post_json(self._judge.url, body, key=self._judge.key)
        except ValueError as error:
            with self._lock:
                self._unreached += 1
            logger.warning("%s: %s", asked.id, error)
            return replace(asked, failure=UNREACHED)
        self._unreached = 0
        try:
            said = str(answer["choices"][0]["message"]["content"] or "")
        except (KeyError, IndexError, TypeError):
            return replace(asked, failure=NO_SCORE)
        score, failure = parse_score(said, self._scale)
        model, fingerprint = (str(answer.get(n) or "") for n in ("model", "system_fingerprint"))
        return replace(
            asked, said=said, score=score, failure=failure, model=model, fingerprint=fingerprint
        )


def _read(record: Path) -> dict[tuple[str, str], JudgeAnswer]:
    found: dict[tuple[str, str], JudgeAnswer] = {}
    if record.exists():
        content = record.read_bytes()
        for line in content[: content.rfind(b"\n") + 1].splitlines():
            verdict = JudgeAnswer(**json.loads(line))
            found[verdict.id, verdict.order] = verdict
    return found
