from dataclasses import replace

import pytest

from models.config import ExamplesConfig
from models.emotions import Emotion
from models.examples.answering import answers, is_question, tells_more
from models.examples.book import Fitting
from models.examples.written import Example
from tests.models.examples.by_words import book_of

SHOP = Example("The shop is closing. My father opened it.", "It was his life's work. I'm sorry.")
CONFIG = ExamplesConfig(count=2, least=0.1, answers_from=0.6)


@pytest.mark.parametrize(
    ("said", "written", "reply"),
    [
        ("We're closing the shop my father had.", SHOP.said, SHOP.reply),
        ("Don't tell me to breathe, please.", "Don't tell me to breathe!", "I won't."),
        ("How do you spell rhythm, quickly?", "How do you spell rhythm?", "R, H, Y, T, H, M."),
        ("Three cakes! I ate three cakes.", "I ate three cakes.", "Three whole cakes!"),
        ("Who hears what I say?", "Who can hear what I say?", "Nobody but this computer."),
        ("Gran called me.", "My friend called.", "What did she want?"),
    ],
)
def test_a_written_reply_answers_what_means_the_same(said: str, written: str, reply: str) -> None:
    assert answers(Example(written, reply), said)


@pytest.mark.parametrize(
    ("said", "written", "reply"),
    [
        ("I had a fight with my wife.", "I had a fight.", "Who was it with?"),
        ("My cat died.", "My dog died.", "Your dog died. I'm so sorry."),
        ("They cut the big tree.", "They cut all trees on our avenue!", "A whole avenue!"),
        ("I slept well.", "I didn't sleep well.", "What kept you awake?"),
        ("I like my night shift.", "I don't like my night shift.", "It must be lonely."),
        ("What's the capital of Chad?", "What's the capital of Peru?", "Lima."),
        ("How many miles is 80 kilometres?", "How many miles is 42 kilometres?", "About 26."),
        ("I ate cakes.", "I ate cakes today.", "Two of them?"),
        ("My brother called.", "My brother called.", "How is Tom?"),
        ("The tree came down.", "The tree came down.", "There was so much of him in it."),
        ("I painted the hall.", "I painted the hall.", "Does she know yet?"),
        ("I love Mondays.", "I hate Mondays.", "Mondays are hard."),
        ("I boil an egg.", "How do I boil an egg?", "Six minutes."),
        ("Tell me, is it late?", "It is late.", "Time for bed."),
    ],
)
def test_what_was_not_said_or_asked_here_is_no_answer(said: str, written: str, reply: str) -> None:
    assert not answers(Example(written, reply), said)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Is it late?", True),
        ("how do i whistle", True),
        ("So, um, what's a quasar", True),
        ("Testing, one two.", False),
        ("I wonder what it is.", False),
        ("It rained. Will it stop", True),
        ("", False),
    ],
)
def test_questions_are_known_without_their_mark(text: str, expected: bool) -> None:
    assert is_question(text) is expected


def test_what_is_alike_enough_is_answered_and_nothing_is_shown() -> None:
    found = book_of([SHOP]).find("The shop is closing. My father opened it", None, CONFIG)
    assert (found.answer, found.shown) == (SHOP.reply, ())


def test_what_may_only_answer_is_not_shown() -> None:
    book = book_of([replace(SHOP, is_shown=False)])
    assert book.find(SHOP.said, None, CONFIG).answer == SHOP.reply
    assert book.find("The shop is open", None, CONFIG) == Fitting([])


def test_what_is_less_alike_is_shown_to_the_llm() -> None:
    found = book_of([SHOP]).find("The shop is open", None, CONFIG)
    assert (found.answer, found.shown) == ("", [SHOP])


def test_a_far_less_similar_saying_answers_nothing() -> None:
    lost = Example("I lost my old job today.", "I'm sorry.")
    back = Example("I have my old job.", "So it's good to be back?")
    lenient = ExamplesConfig(count=2, answers_from=0.3)
    assert book_of([back]).find(lost.said, None, lenient).answer == back.reply
    asked = Example("Have I lost my old job today?", "No.")
    assert book_of([asked, back]).find(lost.said, None, lenient).answer == "", "far less alike"


def test_a_saying_that_tells_of_more_than_was_said_is_known() -> None:
    vow = Example(
        "I see my brother at funerals now. We vowed to meet more, and did, last month.", ""
    )
    assert tells_more(vow, "I buried my brother on Thursday.")
    assert not tells_more(Example("My brother was buried.", ""), "I buried my brother on Thursday.")


def test_a_checkpoint_that_asks_for_none_gets_no_answer() -> None:
    for config in (ExamplesConfig(count=2), ExamplesConfig(count=0, answers_from=0.1)):
        assert book_of([SHOP]).find(SHOP.said, None, config).answer == ""


def test_amid_a_talk_more_must_be_alike_and_words_alone_are_none() -> None:
    near, short = "The shop is closing. My father opened", Example("Right.", "Go on.")
    book = book_of([SHOP, short])
    strict = ExamplesConfig(count=2, answers_from=0.85)
    assert book.find(near, None, strict).answer == SHOP.reply
    assert book.find(near, None, strict, amid_talk=True).answer == ""
    assert book.find(SHOP.said, None, strict, amid_talk=True).answer == SHOP.reply
    assert book.find("Right.", None, CONFIG).answer == "Go on."
    assert book.find("Right.", None, CONFIG, amid_talk=True).answer == ""


def test_who_is_sad_is_comforted_by_what_is_less_alike() -> None:
    sad = Example("We lost the baby in spring.", "I'm so very sorry.", Emotion.SAD)
    cake = Example("We had the baby in spring.", "Congratulations!", Emotion.HAPPY)
    said = "We lost the baby at last."
    strict = ExamplesConfig(count=2, answers_from=0.7)
    assert book_of([sad, cake]).find(said, Emotion.SAD, strict).answer == ""
    lenient = ExamplesConfig(count=2, answers_from=0.6)
    assert book_of([sad, cake]).find(said, Emotion.SAD, lenient).answer == sad.reply
    assert book_of([sad]).find(said, None, lenient).answer == sad.reply, "those alike were sad"
    glad = Example("We lost the baby in spring!", "Well done!", Emotion.HAPPY)
    assert book_of([sad, glad, glad]).find(said, None, lenient).answer == ""
    assert book_of([sad]).find(said, Emotion.HAPPY, lenient).answer == ""
    assert book_of([sad]).find("Did we lose the baby at last?", None, lenient).answer == ""


def test_of_the_voice_speaks_only_what_was_written_for_it() -> None:
    calm = Example("The cat died today.", "You say it very evenly.", Emotion.NEUTRAL)
    book = book_of([calm])
    assert book.find(calm.said, Emotion.NEUTRAL, CONFIG).answer == calm.reply
    assert book.find(calm.said, None, CONFIG).answer == "", "typed, it has no voice"


def test_no_answer_is_given_twice() -> None:
    other = Example("The shop is closing, my father opened it", "What a loss.")
    book = book_of([SHOP, other])
    assert book.find(SHOP.said, None, CONFIG, used=[SHOP.reply]).answer == other.reply
    found = book.find(SHOP.said, None, CONFIG, used=[SHOP.reply, other.reply])
    assert found.answer == "" and found.shown


def test_the_voice_must_be_the_same_and_typed_words_are_said_in_one() -> None:
    glad = Example("She left me today", "Then you're free!", Emotion.HAPPY)
    sad = Example("She left me today.", "I'm so sorry.", Emotion.SAD)
    both, said = book_of([glad, sad]), "She left me today"
    assert both.find(said, Emotion.SAD, CONFIG).answer == sad.reply
    assert both.find(said, Emotion.ANGRY, CONFIG).answer == ""
    plain = Example("It's my birthday today.", "Happy birthday!")
    assert book_of([plain]).find(plain.said, Emotion.SAD, CONFIG).answer == ""
    asked = Example("What's the time?", "I have no clock.")
    assert book_of([asked]).find(asked.said, Emotion.SAD, CONFIG).answer == asked.reply
    assert both.find(said, None, CONFIG).answer == "", "typed, it may be either"
    for typed_or_plain in (None, Emotion.NEUTRAL):
        assert book_of([sad]).find(said, typed_or_plain, CONFIG).answer == sad.reply
    cross = Example("How do you spell rhythm?", "No wonder you're cross.", Emotion.ANGRY)
    assert book_of([cross]).find(cross.said, None, CONFIG).answer == ""
