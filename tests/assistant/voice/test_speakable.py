import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.voice.speakable import speakable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "It costs $5.50, £3 or €1.",
            "It costs five dollars and fifty cents, three pounds or one euro.",
        ),
        ("$3 million and ¥100", "three million dollars and one hundred yen"),
        ("1,234 of 2,000,000", "one thousand two hundred thirty four of two million"),
        ("3.14 or -4°C", "three point one four or minus four degrees celsius"),
        ("20% off, 5 km away", "twenty percent off, five kilometers away"),
        ("at 5:30pm, 10:05 or 9:00", "at five thirty p m, ten oh five or nine o'clock"),
        ("on 2024-03-12", "on March twelfth, twenty twenty four"),
        ("May 3, 1999 or 2005", "May third, nineteen ninety nine or two thousand five"),
        ("the 1st, 22nd and 30th", "the first, twenty second and thirtieth"),
        ("3-5 people", "three to five people"),
        ("call 0800 007", "call zero eight zero zero zero zero seven"),
        ("See https://www.example.com/a?b=1.", "See example dot com."),
        ("Write to a.b@example.org", "Write to a dot b at example dot org"),
        ("Dr. Lee & Mrs. Oh, e.g. #5", "doctor Lee and missus Oh, for example number five"),
        ("**Bold**, _it_, `code`, [a link](http://x.y)", "Bold, it, code, a link"),
        ("# Title\n- one\n- two", "Title, one, two"),
        ("Yes 😀👍🏽 — “fine”…", 'Yes, "fine"...'),
        ("2*3 and 2 × 3", "two times three and two times three"),
        ("1/2 or 3/4, open 24/7", "one half or three quarters, open twenty four seven"),
        ("version 2.0.1", "version two point zero point one"),
        ("½ a cup", "half a cup"),
        ("```python\nprint()\n```", ""),
        ("😀 … !", ""),
        ("", ""),
        ("\x00\x07hello\u200b", "hello"),
    ],
)
def test_english_is_written_as_it_is_said(text: str, expected: str) -> None:
    assert speakable(text) == expected


def test_other_languages_keep_their_digits() -> None:
    assert speakable("**Um 5 Uhr** 😀", language="de") == "Um 5 Uhr"


@given(st.text(max_size=500))
def test_any_text_becomes_one_line_of_plain_words(text: str) -> None:
    spoken = speakable(text)

    assert "\n" not in spoken
    assert not any(character.isdigit() and character.isascii() for character in spoken)
    assert max(map(len, spoken.split()), default=0) <= 80
    assert not spoken or any(character.isalnum() for character in spoken)


@given(st.from_regex(r"[A-Z][a-z]{0,8}( [a-z]{1,8}){0,8}[.!?]", fullmatch=True))
def test_plain_words_stay_as_they_are(text: str) -> None:
    if not any(unit in text.split() for unit in ("dr.", "mr.", "ms.", "etc.", "vs.", "approx.")):
        assert speakable(text) in {text, text.replace("prof.", "professor")}
