"""What is kept between talks because somebody said so, and what is not."""

from pathlib import Path

import pytest

from assistant import events
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.conversation.remembering import NOTHING, OFF, Remembering
from assistant.engines.protocols import Transcript
from assistant.remembered import RememberedFile
from tests.fakes import ScriptedModel, scripted, speech_like
from tests.talking import Talk, talk


@pytest.fixture
def file(tmp_path: Path) -> RememberedFile:
    file = RememberedFile(tmp_path / "memory.json")
    file.switch(on=True)
    return file


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("Remember that my sister is called Ana.", "my sister is called Ana"),
        ("Please remember: I like tea!", "I like tea"),
        ("Don’t forget that we leave on Monday", "we leave on Monday"),
        ("Attune, keep in mind that I am deaf in one ear.", "I am deaf in one ear"),
        ("remember my name is Jo", "my name is Jo"),
    ],
)
def test_what_is_asked_for_is_kept(file: RememberedFile, said: str, fact: str) -> None:
    order = Remembering(file).look(Transcript(said, 0.9))
    assert order is not None
    assert order.fact == fact
    assert file.read().facts == (), "nothing changes by what is looked at"


@pytest.mark.parametrize(
    "said",
    [
        "My sister is called Ana.",
        "Do you remember that day?",
        "Remember when we went to Rome?",
        "I remember that I was sad.",
        "Remember me?",
        "Forget that again.",
        "Remember that.",
        "",
    ],
)
def test_all_else_is_for_the_model(file: RememberedFile, said: str) -> None:
    assert Remembering(file).look(Transcript(said, 0.9)) is None


def test_what_is_hardly_understood_is_not_kept(file: RememberedFile) -> None:
    assert Remembering(file).look(Transcript("Remember that my dog is blue", 0.45)) is None


def test_nothing_is_kept_while_it_is_off(tmp_path: Path) -> None:
    file = RememberedFile(tmp_path / "memory.json")
    remembering = Remembering(file)
    order = remembering.look(Transcript("Remember that I like tea."))
    assert order is not None
    assert (order.reply, order.change) == (OFF, None)
    assert remembering.suggestion(Transcript("My name is Anna.")) == ""
    assert not file.path.exists()
    assert Remembering(None).look(Transcript("Remember that I like tea.")) is None


def test_a_name_is_asked_about_and_kept_by_a_yes_only(file: RememberedFile) -> None:
    remembering = Remembering(file)
    fact = remembering.suggestion(Transcript("Hello, my name is Anna Lee.", 0.9))
    assert fact == "my name is Anna Lee"
    assert remembering.suggestion(Transcript("my name is unusual")) == ""
    remembering.follow(events.FactSuggested(1.0, 0, fact))
    assert file.read().facts == ()
    order = remembering.look(Transcript("Remember that."))
    assert order is not None and order.fact == fact
    remembering.follow(events.MemoryChanged(2.0, 1, "keep", fact))
    assert file.read().facts == (fact,)
    assert remembering.suggestion(Transcript("my name is Anna Lee")) == ""


def typed_talk(file: RememberedFile, *said: str) -> Talk:
    """Returns a talk in which `said` is written after one spoken turn."""
    waiting = list(said)

    def write(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.ReplyFinished) and waiting:
            loop.type_text(waiting.pop(0))

    engines: Engines = scripted(ScriptedModel(["From the model."]))
    engines.remembered = file
    return talk(speech_like((0.5, 1.5), length_s=30.0), engines=engines, on_event=write)


def test_a_talk_keeps_forgets_and_tells(file: RememberedFile) -> None:
    result = typed_talk(
        file,
        "What do you know about me?",
        "Remember that I like tea.",
        "Remember that I hate rain.",
        "Forget that again.",
        "What do you remember about me?",
    )
    answers = [event.generated for event in result.of(events.ReplyFinished)][1:]
    assert answers[0] == NOTHING
    assert answers[-1] == "You asked me to remember: I like tea."
    assert "From the model." not in answers
    assert file.read().facts == ("I like tea",)
    changes = [(event.change, event.fact) for event in result.of(events.MemoryChanged)]
    assert changes == [("keep", "I like tea"), ("keep", "I hate rain"), ("forget", "I hate rain")]


def test_what_was_only_the_beginning_is_not_kept(file: RememberedFile) -> None:
    remembering = Remembering(file)
    remembering.follow(events.MemoryChanged(1.0, 3, "keep", "I like"))
    remembering.follow(events.UtteranceJoined(2.0, 3))
    assert file.read().facts == ()
