import pytest

from models.replies.sounding import SoundingReply


def said(reply: str, size: int) -> SoundingReply:
    """What becomes of a reply that comes in pieces of `size` characters."""
    sounding = SoundingReply()
    pieces = (reply[n : n + size] for n in range(0, len(reply), size))
    assert "".join(sounding.through(pieces)) == sounding.passed
    return sounding


@pytest.mark.parametrize("size", [1, 3, 200])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("A meeting at nine, and you're angry.", "A meeting at nine, and you sound angry."),
        ("You’re happy! What happened?", "You sound happy! What happened?"),
        ("It's late. You are sad, so rest.", "It's late. You sound sad, so rest."),
        (
            "He left, you're surprised, and you're sad",
            "He left, you sound surprised, and you sound sad",
        ),
    ],
)
def test_a_feeling_is_said_as_it_was_heard(reply: str, expected: str, size: int) -> None:
    sounding = said(reply, size)
    assert sounding.passed == expected
    assert sounding.is_changed


@pytest.mark.parametrize("size", [1, 3, 200])
@pytest.mark.parametrize(
    "reply",
    [
        "I'm glad you're happy.",
        "If you're happy, so am I.",
        "Your sister, and you're going with her.",
        "Thank you, you're kind. Are you angry?",
        "You're sadly mistaken, and you are",
        "No, it's you",
        "",
    ],
)
def test_all_else_is_said_as_it_is(reply: str, size: int) -> None:
    sounding = said(reply, size)
    assert sounding.passed == reply
    assert not sounding.is_changed


def test_only_what_may_become_a_claim_waits() -> None:
    asked: list[str] = []

    def pieces():
        for piece in ("A long day", ", and you", "'re", " tired", "."):
            asked.append(piece)
            yield piece

    told = SoundingReply().through(pieces())
    assert next(told) == "A long day" and len(asked) == 1
    assert next(told) == ", and " and len(asked) == 2
    assert next(told) == "you're tired." and len(asked) == 5
