"""Danger to life is noticed in most wordings; everyday sayings are not mistaken for it."""

from pathlib import Path

import pytest

from assistant import events
from assistant.errors import SettingsError
from assistant.safety import HelpFinder
from tests.fakes import speech_like
from tests.talking import talk

DANGER = [
    "I want to kill myself.",
    "Sometimes I think about suicide.",
    "I don't want to live anymore.",
    "I don’t want to be here any more",
    "I just want to die.",
    "I wish I was dead.",
    "I wish I could just not wake up tomorrow.",
    "Everyone would be better off without me.",
    "I'm going to end my life tonight.",
    "There is no point in living.",
    "Life isn't worth living.",
    "I have been cutting myself again.",
    "I hurt myself because it is the only thing that helps.",
    "I took all my pills.",
    "I'm tired of being alive.",
    "I feel suicidal.",
    "I can't go on like this, I can't go on",
    "I could jump off a bridge.",
    "I cannot live like this any longer.",
    "Nobody would miss me.",
    "I want to end it all.",
    "I think my dad is having a heart attack.",
    "Help, I can't breathe!",
    "She is not breathing.",
    "He is bleeding badly.",
    "My mother is unconscious on the floor.",
    "The kitchen is on fire.",
    "My boyfriend threatened to kill me.",
    "My husband hits me.",
    "I am scared for my life.",
    "Someone is breaking into the house.",
    "I'm going to kill him.",
]

HARMLESS = [
    "I nearly died of laughter.",
    "This job is killing me slowly with boredom.",
    "My feet are killing me.",
    "I'm dying to know what happened.",
    "My phone battery is dying.",
    "I was dead tired after the run.",
    "That exam killed my weekend.",
    "We watched Suicide Squad yesterday.",
    "I cut myself shaving this morning.",
    "I hurt myself at football.",
    "My plants are dying.",
    "I can't go on holiday any more, they cancelled it.",
    "My grandmother died last year.",
    "My dog died and I am so sad.",
    "He killed it on stage!",
    "I could have died of embarrassment.",
    "I need to kill time before the train.",
    "I read a book about suicide prevention.",
    "I'm so tired of this weather.",
    "I want to live by the sea.",
    "I lost my job and I do not know what to do.",
    "I couldn't breathe from laughing.",
    "I had a terrible day.",
    "I passed my exam!",
    "The cake is to die for.",
    "I am afraid of the exam.",
    "My boss shouted at me.",
    "Over my dead body.",
    "I want to take my life into my own hands and move abroad.",
    "My car broke down and I wanted to scream.",
]


@pytest.mark.parametrize("words", DANGER)
def test_danger_to_life_is_noticed(words: str) -> None:
    assert HelpFinder().find(words) is not None


@pytest.mark.parametrize("words", HARMLESS)
def test_everyday_words_raise_no_alarm(words: str) -> None:
    assert HelpFinder().find(words) is None


def test_writing_does_not_matter() -> None:
    finder = HelpFinder()
    for words in (
        "i WANT to... kill -- myself",
        "  I want to kill\nmyself!!",
        "i want to kill myself",
    ):
        assert finder.find(words) is not None


def test_the_help_is_that_of_the_country() -> None:
    german = HelpFinder("de").find("I want to kill myself")
    assert german is not None
    assert german.topic == "suicide"
    assert "112" in german.text
    with pytest.raises(SettingsError, match=r"no help text for 'XX'.*us"):
        HelpFinder("XX")


def test_a_file_of_ones_own_can_be_used(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        '[help]\nde = "Ruf 112."\n[topic.fire]\nphrases = ["es brennt"]\n'
        '[unless]\nphrases = ["es brennt mir unter den nägeln"]\n'
    )
    finder = HelpFinder("DE", file)
    found = finder.find("Hilfe, es brennt!")
    assert found is not None
    assert (found.topic, found.text) == ("fire", "Ruf 112.")
    assert finder.find("Es brennt mir unter den Nägeln.") is None
    file.write_text("[help]\nde = 3")
    with pytest.raises(SettingsError, match="no file of help texts"):
        HelpFinder("DE", file)


def test_the_help_is_shown_besides_the_answer() -> None:
    class Finder(HelpFinder):
        def find(self, words: str):
            return super().find("I want to die" if words == "utterance 0" else words)

    wave = speech_like((0.5, 1.5), (5.0, 6.0), length_s=9.0)
    result = talk(wave, help_finder=Finder("GB"))
    (offered,) = result.of(events.HelpOffered)
    assert (offered.turn, offered.topic) == (0, "suicide")
    assert "116 123" in offered.text
    assert len(result.of(events.ReplyFinished)) == 2
