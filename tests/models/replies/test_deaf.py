import pytest

from models.replies.deaf import DeafReply


def passed(reply: str, size: int) -> tuple[str, bool]:
    """What is let through of a reply that comes in pieces of `size`, and whether it is deaf."""
    deaf = DeafReply()
    pieces = (reply[n : n + size] for n in range(0, len(reply), size))
    return "".join(deaf.through(pieces)), deaf.is_deaf


@pytest.mark.parametrize("size", [1, 4, 200])
@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, but I can't hear you. Try again?",
        "I’m sorry, I didn’t hear that.",
        "I didn't catch that. What is it?",
        "Sorry, I couldn't hear you.",
        "I'm sorry, I didn't get that.",
        " I'm sorry.  I cannot hear voices.",
    ],
)
def test_a_reply_that_claims_to_have_heard_nothing_is_held_back(reply: str, size: int) -> None:
    assert passed(reply, size) == ("", True)


@pytest.mark.parametrize("size", [1, 4, 200])
@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, that's hard. I didn't hear from him either.",
        "I can hear that you're cross.",
        "I'm sorry to hear that.",
        "I didn't get the job either.",
        "I'm sorry",
        "I can't",
        "",
    ],
)
def test_every_other_reply_is_let_through_as_it_is(reply: str, size: int) -> None:
    assert passed(reply, size) == (reply, False)


def test_only_what_may_be_the_claim_waits() -> None:
    deaf = DeafReply()
    taken: list[str] = []

    def pieces():
        yield "Oh"
        yield ", no!"
        taken.append("third asked for")
        yield " That's"

    told = deaf.through(pieces())
    assert next(told) == "Oh, no!"
    assert taken == []
