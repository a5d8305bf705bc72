"""Scores of replies by a judging LLM behind an OpenAI-compatible server; pinned and recorded."""

import logging
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from models.emotions import Emotion
from train.continuations.writers import post_json
from train.evaluation.answers import Prediction
from train.evaluation.settings import JudgeSettings
from train.metrics import Figure, bootstrap

logger = logging.getLogger(__name__)

ASPECTS = {
    "quality": "how helpful, fitting and coherent the reply is as an answer to the words",
    "empathy": "how well the reply takes up the feeling in the voice of the person",
}
"""The two aspects that SpeechAlpaca is judged on (BLSP-Emo, arXiv 2406.03872, evaluation)."""

QUESTION = (
    "A person said, in a voice that sounded {emotion}:\n{words}\n\n"
    "An assistant replied:\n{reply}\n\n"
    "On a scale from 0 to 10, say {aspect}. Answer with the number alone."
)
SIDE_BY_SIDE = 8


def parse_score(answer: str) -> float | None:
    """Returns the score from 0 to 10 that an answer consists of or begins with; else None."""
    match = re.match(r"\s*(?:score\s*:?\s*)?(\d+(?:\.\d+)?)(?:\s*/\s*10)?(?![\d.])", answer.lower())
    if match is None or not 0 <= float(match[1]) <= 10:
        return None
    return float(match[1])


def judge(answers: Sequence[Prediction], settings: JudgeSettings) -> dict[str, Figure]:
    """Returns the mean score of each aspect; an answer that is no score counts as 0.

    Raises:
        ValueError: There is no judge, or it cannot be reached.
    """
    if not settings.judge:
        raise ValueError("name the judge: --judge http://…/v1 (any OpenAI-compatible server)")
    figures: dict[str, Figure] = {}
    for name, aspect in ASPECTS.items():
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            scores = list(pool.map(lambda a, aspect=aspect: _score(a, aspect, settings), answers))
        unclear = sum(score is None for score in scores)
        if unclear:
            logger.warning("%d of %d answers of the judge were no score", unclear, len(scores))
        values = [score or 0.0 for score in scores]
        figures[f"{name} (judge {settings.judge_model}, 0-10)"] = bootstrap(
            lambda chosen, values=values: sum(values[i] for i in chosen) / len(chosen), len(values)
        )
    return figures


def _score(answer: Prediction, aspect: str, settings: JudgeSettings) -> float | None:
    known = answer.emotion >= 0
    question = QUESTION.format(
        emotion=Emotion(answer.emotion).adjective if known else "neither here nor there",
        words=answer.words,
        reply=answer.reply,
        aspect=aspect,
    )
    body = {
        "model": settings.judge_model,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": 8,
        "temperature": 0,
        "seed": 0,
    }
    url = settings.judge.rstrip("/") + "/chat/completions"
    choice = post_json(url, body, key=settings.key)
    try:
        return parse_score(str(choice["choices"][0]["message"]["content"]))
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"{url} gave an answer without a choice: {choice}") from error
