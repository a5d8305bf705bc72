import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.voice.sentences import SentenceSplitter, split_sentences


def pieces(text: str) -> list[str]:
    return list(split_sentences([text], first_clause_words=0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I see. Tell me more!", ["I see. ", "Tell me more!"]),
        ("Dr. Smith paid $3.50. Then he left.", ["Dr. Smith paid $3.50. ", "Then he left."]),
        ("It starts at 5 p.m. Bring tea.", ["It starts at 5 p.m. ", "Bring tea."]),
        ("The U.S. Army, e.g. J. Doe.", ["The U.S. Army, e.g. J. Doe."]),
        ("Well... maybe so. Yes.", ["Well... maybe so. ", "Yes."]),
        ('"Really?" she said. Oh.', ['"Really?" she said. ', "Oh."]),
        ("See No. 5. No. I won't.", ["See No. 5. ", "No. ", "I won't."]),
        ("Try:\n- tea\n- rest\nOk", ["Try:\n", "- tea\n", "- rest\nOk"]),
        ("Try:\n1. Drink tea.\n2. Rest.", ["Try:\n", "1. Drink tea.\n", "2. Rest."]),
        ("One.\n\nTwo", ["One.\n\n", "Two"]),
        ("**Great!** 😊 Go on.", ["**Great!** ", "😊 Go on."]),
        ("你好。我很好！", ["你好。", "我很好！"]),
        ("It is 3.5 km. Go!", ["It is 3.5 km. ", "Go!"]),
        ("He has a Ph.D. Good.", ["He has a Ph.D. Good."]),
        ("What?! No way. “Yes.” He left.", ["What?! ", "No way. ", "“Yes.” ", "He left."]),
        ("Hm… I see. Wait... What?", ["Hm… ", "I see. ", "Wait... ", "What?"]),
        ("II. Next\nWell", ["II. Next\nWell"]),
        ("In the U.S. It is", ["In the U.S. ", "It is"]),
        ("On Oak Dr. It is. Call Dr. So.", ["On Oak Dr. ", "It is. ", "Call Dr. So."]),
        ("We met in Jan. Then he left.", ["We met in Jan. ", "Then he left."]),
        ("Tea etc. Do you? Vitamin C. It is", ["Tea etc. ", "Do you? ", "Vitamin C. ", "It is"]),
        ("E.g. The cat. P.S. I go", ["E.g. The cat. ", "P.S. I go"]),
        ("I can't. Mary won't. Tom", ["I can't. ", "Mary won't. ", "Tom"]),
        ("3! = 6 and Sat. & Sun.", ["3! = 6 and Sat. & Sun."]),
        ("It is Rs. 500 now", ["It is Rs. 500 now"]),
        ("At 5 p.m. EST. At 6 p.m. I", ["At 5 p.m. EST. ", "At 6 p.m. ", "I"]),
        ("See [a. B](x). `c. D` *sighs. Ok*", ["See [a. B](x). ", "`c. D` *sighs. ", "Ok*"]),
        ("Ok. <think>A. B.</think> Go. Now", ["Ok. ", "<think>A. B.</think>", " Go. ", "Now"]),
        ("Sad. Be kind.</think> Oh no. Go", ["Sad. ", "Be kind.</think>", " Oh no. ", "Go"]),
        ("Sad. Be kind.\n</think>\n\nOh no.", ["Sad. ", "Be kind.\n</think>", "\n\nOh no."]),
        ("Sad. <b>Be kind. </b>Hm. </th", ["Sad. ", "<b>Be kind. ", "</b>Hm. ", "</th"]),
        ("See ```a. B\n\nc``` Now. Go", ["See ", "```a. B\n\nc```", " Now. ", "Go"]),
    ],
)
def test_sentences_end_where_a_reader_would_pause(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_first_clause_comes_early_and_only_the_first() -> None:
    text = "I am so sorry to hear that, my friend, truly. Please, if you like, go on."

    assert list(split_sentences([text])) == [
        "I am so sorry to hear that, ",
        "my friend, truly. ",
        "Please, if you like, go on.",
    ]


@pytest.mark.parametrize(
    "text", ["It was on Dec 5, 2024 with Tom", "I like salt &amp; pepper with it"]
)
def test_a_comma_within_a_date_ends_no_clause(text: str) -> None:
    assert list(split_sentences([text])) == [text]


def test_an_overlong_sentence_is_not_cut_within_markup() -> None:
    link = "[a very long text of a link, with commas, and more](http://a.b/c)"
    text = "word " * 40 + link * 3 + " and so on" * 30

    found = pieces(text)

    assert "".join(found) == text
    assert sum(piece.count(link) for piece in found) == 3


def test_short_interjection_is_not_a_clause_of_its_own() -> None:
    assert list(split_sentences(["Oh, I see."])) == ["Oh, I see."]


def test_sentence_is_given_out_before_the_text_ends() -> None:
    splitter = SentenceSplitter()

    assert list(splitter.push("That is good. I")) == ["That is good. "]
    assert list(splitter.finish()) == ["I"]


def test_overlong_text_is_cut_between_words() -> None:
    text = "word and another one, " * 2000

    found = pieces(text)

    assert "".join(found) == text
    assert max(map(len, found)) <= 240
    assert all(piece.endswith(" ") for piece in found[:-1])


def test_overlong_word_is_cut_anywhere() -> None:
    assert max(map(len, pieces("x" * 5000))) <= 240


FRAGMENTS = [*"abI. ,!?…—\"')*1239\n-。😊", "Dr.", " e.g. ", "\n1. ", " p.m. ", "word" * 30]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join) | st.text(max_size=300)


@given(TEXTS, st.lists(st.integers(1, 12), max_size=60), st.integers(0, 4))
def test_pieces_join_back_and_do_not_depend_on_chunking(
    text: str, sizes: list[int], first_clause_words: int
) -> None:
    chunks: list[str] = []
    rest = text
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]

    whole = list(split_sentences([text], first_clause_words=first_clause_words))
    chunked = list(split_sentences([*chunks, rest], first_clause_words=first_clause_words))

    assert "".join(whole) == text
    assert chunked == whole
    assert all(whole)


def test_a_sentence_ends_where_that_is_known_without_what_follows() -> None:
    splitter = SentenceSplitter()
    assert list(splitter.push("That is good. It helps.")) == ["That is good. "]
    assert list(splitter.end_sentence()) == ["It helps."]
    assert list(splitter.end_sentence()) == [], "only once"
    assert list(splitter.push(" What is it?")) == []
    assert list(splitter.finish()) == [" What is it?"]
