"""Examples in a talk: shown for one reply, and no part of what was said."""

from collections.abc import Generator
from copy import copy
from dataclasses import replace

import pytest
import torch

from models.blsp_emo import BlspEmo, HeardSpeech
from models.config import ExamplesConfig
from models.decoding.sampling import Sampling
from models.emotions import Emotion
from models.examples.written import Example
from models.talk import TalkSession
from models.words.written import Words
from tests.models.examples.by_words import book_of
from tests.models.small import counted_positions, tiny_model, tone

TRAIN = Example("My train is late.", "How late?")
SAD_TRAIN = Example("My train is late.", "I'm sorry.", Emotion.SAD)
BREAD = Example("I bake bread.", "What kind?")
SHORT = Sampling(max_new_tokens=8)


@pytest.fixture(scope="module")
def model() -> BlspEmo:
    torch.set_num_threads(1)
    made = tiny_model(seed=7)
    made.examples = book_of([TRAIN, SAD_TRAIN, BREAD])
    made.config = replace(made.config, examples=ExamplesConfig(count=1, longest=100, least=0.05))
    return made


@pytest.fixture
def talk(model: BlspEmo) -> TalkSession:
    return TalkSession(model, sampling=SHORT)


def ids_of(talk: TalkSession) -> list[int]:
    return [token for piece in talk.pieces for token in (piece.ids or [-1] * len(piece))]


def prompt(model: BlspEmo, turns: list[tuple[str, str]], question: str) -> list[int]:
    return model.prompts.conversation(model.config.persona, turns, question)


def heard(model: BlspEmo, text: str, emotion: Emotion, *, abstained: bool = False) -> HeardSpeech:
    told = model.hear(tone(0.4))
    chances = tuple(0.8 if each == emotion else 0.05 for each in Emotion)
    words = Words(text, 0.9, "decoder")
    return replace(told, words=words, probabilities=chances, abstained=abstained)


def without_examples(model: BlspEmo) -> TalkSession:
    return TalkSession(model, sampling=replace(SHORT, examples=0))


def shown(model: BlspEmo, talk: TalkSession) -> str:
    assert talk.pieces[0].ids
    return model.tokenizer.decode(list(talk.pieces[0].ids))


def test_a_reply_is_made_after_an_example(model: BlspEmo, talk: TalkSession) -> None:
    talk.read("The train?")
    list(talk.reply())
    expected = prompt(model, [(TRAIN.said, TRAIN.reply)], "The train?")
    assert ids_of(talk)[: len(expected)] == expected


def test_examples_leave_the_talk_before_its_next_turn(model: BlspEmo, talk: TalkSession) -> None:
    talk.read("The train?")
    list(talk.reply())
    talk.replace_reply("Late.")
    talk.read("And bread?")
    list(talk.reply())
    turns = [("The train?", "Late."), (BREAD.said, BREAD.reply)]
    expected = prompt(model, turns, "And bread?")
    assert ids_of(talk)[: len(expected)] == expected


def test_a_talk_with_examples_equals_a_fresh_run(model: BlspEmo, talk: TalkSession) -> None:
    talk.read("The train?")
    list(talk.reply())
    talk.replace_reply("Late.")
    talk.read("And bread?")
    second = "".join(talk.reply())
    fresh = TalkSession(model, sampling=SHORT)
    fresh.read("The train?")
    fresh.replace_reply("Late.")
    fresh.read("And bread?")
    assert "".join(fresh.reply()) == second
    assert ids_of(fresh) == ids_of(talk)


def test_what_is_computed_ahead_is_the_talk_without_its_examples(
    model: BlspEmo, talk: TalkSession
) -> None:
    talk.read("The train?")
    talk.replace_reply("Which train is it?")
    talk.compute()
    assert "How late?" not in shown(model, talk)
    talk.truncate("Which train")
    talk.read("Hm")
    talk.replace_reply("Yes.")
    expected = prompt(model, [("The train?", "Which train")], "Hm")
    assert ids_of(talk)[: len(expected)] == expected


def test_truncating_after_the_examples_left_keeps_what_was_heard(
    model: BlspEmo, talk: TalkSession
) -> None:
    talk.read("The train?")
    talk.replace_reply("Which train is it?")
    talk.truncate("Which train")
    talk.read("Hm")
    talk.replace_reply("Yes.")
    expected = prompt(model, [("The train?", "Which train")], "Hm")
    assert ids_of(talk)[: len(expected)] == expected


def test_the_heard_voice_chooses(model: BlspEmo) -> None:
    replies = {}
    for emotion in (Emotion.SAD, Emotion.NEUTRAL):
        talk = TalkSession(model, sampling=SHORT)
        talk.listen(heard(model, "My train is late", emotion))
        replies[emotion] = shown(model, talk)
    assert "I'm sorry." in replies[Emotion.SAD]
    assert "How late?" in replies[Emotion.NEUTRAL]


def test_an_estimate_that_abstained_does_not_choose(model: BlspEmo, talk: TalkSession) -> None:
    talk.listen(heard(model, "My train is late", Emotion.SAD, abstained=True))
    assert "How late?" in shown(model, talk)


def test_words_that_were_not_understood_get_none(model: BlspEmo, talk: TalkSession) -> None:
    told = heard(model, "My train is late", Emotion.SAD)
    talk.listen(replace(told, words=Words("", None, "decoder")))
    assert "train" not in shown(model, talk)


def test_another_persona_and_nought_get_none(model: BlspEmo) -> None:
    pirate = TalkSession(model, persona="Be a pirate.", sampling=SHORT)
    for talk in (pirate, without_examples(model)):
        talk.read("The train?")
        assert "late" not in shown(model, talk)


def test_what_was_told_before_is_not_answered_by_others(model: BlspEmo, talk: TalkSession) -> None:
    talk.read("Hm")
    talk.replace_reply("Yes.")
    talk.read("Where does my train go?")
    list(talk.reply())
    expected = prompt(model, [("Hm", "Yes.")], "Where does my train go?")
    assert ids_of(talk)[: len(expected)] == expected


def test_what_is_known_from_earlier_talks_keeps_examples_but_not_for_itself(
    model: BlspEmo,
) -> None:
    for question, is_shown in (("The train?", True), ("Where does my train go?", False)):
        talk = TalkSession(model, known="My train goes to Leeds.", sampling=SHORT)
        talk.read(question)
        assert "to Leeds" in shown(model, talk)
        assert ("late" in shown(model, talk)) is is_shown


def test_a_turn_that_is_taken_back_leaves_no_example(model: BlspEmo, talk: TalkSession) -> None:
    talk.read("The train?")
    talk.withdraw()
    talk.read("Hm")
    list(talk.reply())
    expected = prompt(model, [], "Hm")
    assert ids_of(talk)[: len(expected)] == expected


def expect(talk: TalkSession, words: str) -> None:
    for _step in talk.expect(words):
        pass


@pytest.mark.parametrize("words", ["My train", "I bake bread", "Hm hm hm"])
def test_a_talk_is_what_it_would_be_without_what_was_expected(model: BlspEmo, words: str) -> None:
    talk, plain = TalkSession(model, sampling=SHORT), TalkSession(model, sampling=SHORT)
    for said in ("The train?", "Bread?"):
        expect(talk, words)
        talk.read(said)
        plain.read(said)
        assert list(talk.reply()) == list(plain.reply())
        assert ids_of(talk) == ids_of(plain)


def test_the_examples_of_the_words_so_far_are_there_when_they_are_needed(
    model: BlspEmo, talk: TalkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(talk, "My train")
    computed = counted_positions(model, monkeypatch)
    talk.read("My train")
    next(talk.reply())
    said = len(model.prompts.content("My train") + model.prompts.reply_header())
    assert computed[0] == said
    # Who goes on after a pause is shown the same again, and does not wait for it again.
    talk.take_back()
    computed.clear()
    talk.read("My train is")
    next(talk.reply())
    assert computed[0] <= len(model.prompts.content("My train is") + model.prompts.reply_header())


def test_examples_that_were_expected_stay_before_those_of_all_the_words(model: BlspEmo) -> None:
    both = copy(model)
    both.config = replace(model.config, examples=ExamplesConfig(count=2, longest=100, least=0.05))
    talk = TalkSession(both, sampling=SHORT)
    expect(talk, "I bake bread")
    talk.read("My train brought bread")
    assert shown(model, talk).index("bake") < shown(model, talk).index("late")


def test_nothing_is_expected_amid_a_reply_or_a_turn(model: BlspEmo, talk: TalkSession) -> None:
    talk.read("The train?")
    assert list(talk.expect("I bake bread")) == []
    reply = talk.reply()
    next(reply)
    assert list(talk.expect("I bake bread")) == []
    assert "late" in shown(model, talk), "its examples are still needed"


def saying(*answers: str):  # type: ignore[no-untyped-def]
    """Returns what stands for the LLM: it says one answer after the other."""
    left = list(answers)

    def generated(talk: TalkSession, cancelled: object) -> Generator[str]:
        answer = left.pop(0)
        talk._reply_ids = talk._prompts.content(answer)
        talk._text.append_ids(talk._reply_ids)
        yield answer

    return generated


def test_who_wrote_is_not_told_that_nothing_was_heard(
    model: BlspEmo, talk: TalkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = saying("I'm sorry, I didn't hear that.", "At ten.", "I didn't catch that.")
    monkeypatch.setattr(TalkSession, "_generated", answers)
    talk.read("The train?")
    assert "".join(talk.reply()) == "At ten."
    assert ids_of(talk) == prompt(model, [], "The train?") + model.prompts.content("At ten.")
    # Without examples there is nothing else that could be asked.
    talk.read("Hm")
    assert "".join(talk.reply()) == "I didn't catch that."


def test_the_talk_holds_an_answer_without_what_it_wishes(
    model: BlspEmo, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy(model)
    other.config = replace(model.config, wishes=False)
    answers = saying("I didn't hear that.", "At ten. I hope you catch it. Which one?")
    monkeypatch.setattr(TalkSession, "_generated", answers)
    talk = TalkSession(other, sampling=SHORT)
    talk.read("The train?")
    assert "".join(talk.reply()) == "At ten. Which one?"
    wanted = prompt(other, [], "The train?") + other.prompts.content("At ten. Which one?")
    assert ids_of(talk) == wanted
    talk.truncate("At ten.")
    assert ids_of(talk) == prompt(other, [], "The train?") + other.prompts.content("At ten.")


def test_examples_take_nothing_of_the_room_of_a_turn(model: BlspEmo) -> None:
    plain = without_examples(model)
    talk = TalkSession(model, sampling=SHORT)
    for each in (plain, talk):
        each.listen(heard(model, "My train is late", Emotion.SAD))
    assert talk.position > plain.position
    long = replace(heard(model, "", Emotion.SAD), speech_embeddings=torch.zeros(999, 32))
    kept = talk.fitting_speech(long).speech_embeddings
    assert len(kept) == len(plain.fitting_speech(long).speech_embeddings)
    talk.listen(replace(long, speech_embeddings=kept))


def test_a_model_of_short_talks_is_shown_none_that_fill_them(model: BlspEmo) -> None:
    other = copy(model)
    other.config = replace(model.config, talk_tokens=150)
    talk = TalkSession(other, sampling=SHORT)
    talk.read("The train?")
    assert "late" not in shown(other, talk)


def test_an_old_talk_makes_room_for_examples(model: BlspEmo, talk: TalkSession) -> None:
    for _ in range(30):
        talk.read("The train, and the train, and the train?")
        list(talk.reply())
        assert talk.position <= model.config.longest_talk
    assert talk.forgotten_turns > 0


@pytest.fixture
def answering(model: BlspEmo) -> BlspEmo:
    made = copy(model)
    made.config = replace(
        model.config, examples=replace(model.config.examples, count=2, answers_from=0.9)
    )
    return made


def test_a_written_reply_is_said_and_stays_in_the_talk(answering: BlspEmo) -> None:
    talk = TalkSession(answering, sampling=SHORT)
    talk.read(BREAD.said)
    assert list(talk.reply()) == [BREAD.reply]
    assert talk.is_written
    assert ids_of(talk) == [
        *prompt(answering, [], BREAD.said),
        *answering.prompts.content(BREAD.reply),
    ], "no example stood before it"
    talk.truncate("What")
    talk.read("Rye.")
    assert "".join(talk.reply())
    assert not talk.is_written
    assert (
        ids_of(talk)[: len(wanted := prompt(answering, [(BREAD.said, "What")], "Rye."))] == wanted
    )


def test_the_same_saying_is_answered_otherwise_the_second_time(answering: BlspEmo) -> None:
    talk = TalkSession(answering, sampling=SHORT)
    talk.read(BREAD.said)
    "".join(talk.reply())
    talk.read(BREAD.said)
    assert list(talk.reply()) != [BREAD.reply]
    talk.take_back()
    talk.take_back()
    talk.read(BREAD.said)
    assert list(talk.reply()) == [BREAD.reply], "what was taken back was not said"


def test_who_goes_on_is_not_answered_by_the_first_half(answering: BlspEmo) -> None:
    talk = TalkSession(answering, sampling=SHORT)
    talk.read(BREAD.said)
    talk.read(" And I burnt it.")
    assert not talk.is_written
    assert list(talk.reply()) != [BREAD.reply]


def test_what_was_heard_is_answered_in_the_heard_voice(answering: BlspEmo) -> None:
    for emotion, expected in ((Emotion.SAD, SAD_TRAIN.reply), (Emotion.NEUTRAL, TRAIN.reply)):
        talk = TalkSession(answering, sampling=SHORT)
        talk.listen(heard(answering, TRAIN.said, emotion))
        assert list(talk.reply()) == [expected]
    talk = TalkSession(answering, sampling=SHORT)
    talk.listen(heard(answering, TRAIN.said, Emotion.HAPPY))
    assert list(talk.reply()) not in ([SAD_TRAIN.reply], [TRAIN.reply])
