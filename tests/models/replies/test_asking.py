import pytest

from models.replies.asking import AskedOn, SentenceEnd


def said(text: str, size: int = 3) -> str:
    """What is let through of `text` that comes in pieces of `size` characters."""
    asked_on = AskedOn()
    pieces = (text[n : n + size] for n in range(0, len(text), size))
    assert "".join(asked_on.through(pieces)) == asked_on.passed
    return asked_on.passed.rstrip()


@pytest.mark.parametrize("size", [1, 3, 200])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("A nest, that's a surprise! What's the bird's name?", "A nest, that's a surprise!"),
        ("Six hours and the wrong thread. And what was it?", "Six hours and the wrong thread."),
        ("He never talks to you. What is he like? Tell me.", "He never talks to you."),
        ("One thing is lost. What’s the story?", "One thing is lost."),
    ],
)
def test_a_question_for_a_thing_behind_a_statement_is_left_out(
    reply: str, expected: str, size: int
) -> None:
    assert said(reply, size) == expected


@pytest.mark.parametrize("size", [1, 3, 200])
@pytest.mark.parametrize(
    "reply",
    [
        "What's the matter?",
        "Hello! What's up?",
        "I'm so sorry about him. How long did you wait?",
        "You won the match! What did you do then?",
        "It was late again. What a pity!",
        "It was late again. What's done is done. Sleep now.",
        "Lisbon is the capital. What else?",
        "I'm sorry to hear that. What's the matter?",
        "You sound sad today. What's happened?",
        "You can't be serious. So what was said is true.",
        "It costs 3.50 at most. And whatever you do, ask first.",
        "",
        "No",
    ],
)
def test_everything_else_is_let_through(reply: str, size: int) -> None:
    assert said(reply, size) == reply


def test_other_sentences_are_not_held_back() -> None:
    asked_on = AskedOn()
    assert asked_on.push("You won the match!") == "You won the match!"
    assert asked_on.push(" How") == " How"
    assert asked_on.push(" did it go?") == " did it go?"
    assert asked_on.push(" W") == ""
    assert asked_on.push("e all") == " We all"


def test_what_was_cut_off_in_the_middle_is_let_through() -> None:
    asked_on = AskedOn()
    assert asked_on.push("You won the match! What's the") == "You won the match!"
    assert asked_on.finish() == " What's the"
    assert not asked_on.is_over


def test_while_a_question_is_held_back_what_passed_is_whole() -> None:
    asked_on = AskedOn()
    assert asked_on.push("A nest, that's a surprise!") and not asked_on.is_holding
    asked_on.push(" What")
    assert asked_on.is_holding
    asked_on.push("ever it is, keep it.")
    assert not asked_on.is_holding, "it was none"
    asked_on.push(" What's its name?")
    asked_on.finish()
    assert not asked_on.is_holding, "it is over"


def test_where_a_question_is_held_back_the_end_of_the_sentence_is_told_once() -> None:
    pieces = ("A nest, that's ", "a surprise!", " What", "'s its", " name", "?")
    let_through = list(AskedOn().through(pieces))
    assert let_through == ["A nest, that's ", "a surprise!", ""]
    assert [isinstance(piece, SentenceEnd) for piece in let_through] == [False, False, True]
