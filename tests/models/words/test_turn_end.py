"""An LLM expects a sentence to close where a person may be done."""

import torch

from models.prompts import chat_prompts
from models.words.turn_end import log_odds_of_end
from tests.models.small import byte_tokenizer

PROMPTS = chat_prompts(byte_tokenizer())


def odds(**likely: float) -> float:
    """Returns the odds where the tokens that `likely` texts begin with have these logits."""
    logits = torch.zeros(byte_tokenizer().size, dtype=torch.float64)
    for text, logit in likely.items():
        logits[PROMPTS.content(MARKS.get(text, text))[0]] = logit
    return log_odds_of_end(logits, PROMPTS)


MARKS = {"stop": ".", "question": "?", "comma": ","}


def test_a_closing_mark_says_as_much_as_the_end_of_the_turn() -> None:
    assert odds(stop=20.0) > 5.0
    assert odds(question=20.0) > 5.0
    logits = torch.zeros(byte_tokenizer().size, dtype=torch.float64)
    logits[PROMPTS.reply_header()[0]] = 20.0
    assert log_odds_of_end(logits, PROMPTS) > 5.0


def test_a_comma_or_another_word_says_that_the_person_goes_on() -> None:
    assert odds(comma=20.0) < -5.0
    assert odds(a=20.0) < -5.0


def test_where_the_end_is_sure_the_odds_are_finite() -> None:
    assert 900.0 < odds(stop=1_000.0) < 1_100.0
