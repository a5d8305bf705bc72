import pytest

from models.emotions import Emotion
from models.replies.asking import SentenceEnd
from models.replies.wishing import WishlessReply


def said(reply: str, size: int, felt: Emotion | None = None) -> str:
    pieces = [reply[start : start + size] for start in range(0, len(reply), size)]
    wishless = WishlessReply(felt)
    text = "".join(wishless.through(pieces))
    assert text == wishless.passed
    return text


@pytest.mark.parametrize("size", [1, 3, 7, 200])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Only one banana. I hope you get one soon.", "Only one banana."),
        ("Well done! I'm glad you're home.", "Well done!"),
        ("Well done! I’m so glad. Who was there?", "Well done! Who was there?"),
        ('Say "again, please." I hope it helps.', 'Say "again, please."'),
        ("Two cups. I hope so. I am glad. Yes.", "Two cups. Yes."),
    ],
)
def test_wishes_behind_an_answer_are_left_out(reply: str, expected: str, size: int) -> None:
    assert said(reply, size) == expected


@pytest.mark.parametrize("size", [1, 3, 7, 200])
@pytest.mark.parametrize(
    "reply",
    [
        "I hope you get one soon.",
        "Hello! I'm glad you're here.",
        "It's late. I hopped on. I'm gladly here.",
        "About 3.5 litres, I hope.",
        "That's hard. I'm sorry.",
        'You could write: "Get well soon. I hope you are home by May."',
        "Oh no! What did she say? I'm",
        "",
    ],
)
def test_what_is_no_wish_behind_an_answer_is_said_as_it_is(reply: str, size: int) -> None:
    assert said(reply, size) == reply


@pytest.mark.parametrize("size", [1, 4, 200])
def test_who_is_not_heard_to_be_sad_or_angry_is_not_pitied(size: int) -> None:
    reply = "You're in love. I'm sorry. It will be fine."
    assert said(reply, size, Emotion.HAPPY) == "You're in love. It will be fine."
    assert said(reply, size, Emotion.SAD) == reply
    told = "You waited. I'm sorry, I was slow."
    assert said(told, size, Emotion.NEUTRAL) == told, "more than that is said"


def test_a_voice_need_not_wait_while_a_wish_may_come() -> None:
    pieces = list(WishlessReply(None).through(["Well", " done!", " I", "'m", " here", "."]))
    assert pieces == ["Well", " done!", "", " I'm here", "."]
    assert isinstance(pieces[2], SentenceEnd)
