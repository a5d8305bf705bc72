"""Danger to life is found in most wordings and answered by calm texts until it is past."""

import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant import events
from assistant.audio.waveform import AudioClip, Waveform
from assistant.conversation.answering import Answering
from assistant.conversation.live.loop import TalkLoop
from assistant.empathy import load_policy
from assistant.engines.protocols import Cancel, EmotionEstimate, Persona, TextDelta, Transcript
from assistant.errors import SettingsError
from assistant.safety import SHIPPED, Help, HelpFinder, SafetyWatch, Stage
from assistant.session import open_conversation
from assistant.turns.settings import TalkSettings
from assistant.voice.speakable import speakable
from models.emotions import Emotion
from tests.fakes import (
    ScriptedDialogue,
    ScriptedModel,
    ToneVoice,
    certain,
    scripted,
    speech_like,
)
from tests.talking import Talk, talk

SAYINGS = Path(__file__).parents[2] / "benchmarks" / "data" / "safety"
FINDER = HelpFinder("GB")
LANGUAGES = tuple(tomllib.loads(SHIPPED.read_text())["text"])
KINDS = tuple(tomllib.loads(SHIPPED.read_text())["kind"])


def sayings(name: str) -> list[tuple[str, str]]:
    table = tomllib.loads((SAYINGS / name).read_text(encoding="utf-8"))
    return [(kind, line) for kind, lines in table.items() for line in lines]


def test_danger_is_found_in_the_sayings_that_the_patterns_were_made_with() -> None:
    missed = [line for _, line in sayings("tuning.toml") if FINDER.find(line) is None]
    assert missed == []


def test_everyday_sayings_that_sound_dangerous_raise_no_alarm() -> None:
    assert [line for _, line in sayings("harmless.toml") if FINDER.find(line)] == []


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("I'm going to kill myself tonight.", "self_harm"),
        ("Everyone would be better off without me.", "self_harm"),
        ("I cannot live like this any longer.", "self_harm"),
        ("My daughter says she wants to die.", "self_harm"),
        ("I took too many of my sleeping pills.", "overdose"),
        ("My dad drank antifreeze.", "overdose"),
        ("I think she's overdosed", "overdose"),
        ("My boyfriend hit me again.", "violence"),
        ("He choked me last night.", "violence"),
        ("Someone is breaking into the house.", "violence"),
        ("My mum has collapsed.", "medical"),
        ("He isn't breathing", "medical"),
        ("I think my dad is having a heart attack.", "medical"),
        ("I smell gas.", "fire"),
        ("There's smoke in the hallway.", "fire"),
    ],
)
def test_each_kind_of_danger_has_its_name(words: str, kind: str) -> None:
    found = FINDER.find(words)
    assert found is not None and found.topic == kind


@pytest.mark.parametrize(
    "words",
    [
        "i WANT to... kill -- myself",
        "  I want to kill\nmyself!!",
        "i wanna kill my self",
        "im gonna kill myself",
        "I’m just really going to kill myself, okay?",
        "cant breath",
        "he isnt breathing",
        "ive taken 30 pills",
    ],
)
def test_it_does_not_matter_how_it_is_written_down(words: str) -> None:
    assert FINDER.find(words) is not None


@pytest.mark.parametrize(
    "words",
    [
        "I don't want to die, I want to live.",
        "I am not suicidal.",
        "My husband has never hit me.",
        "There is no fire.",
        "In the film he strangled her.",
        "I dreamed that my house was on fire.",
        "My grandpa had a stroke ten years ago.",
        "I was so bored that I wanted to die.",
    ],
)
def test_what_is_denied_told_long_ago_or_only_a_figure_of_speech_is_no_danger(words: str) -> None:
    assert FINDER.find(words) is None


@pytest.mark.parametrize(
    "words",
    [
        "I am safe now.",
        "it was a joke",
        "I'm ok now",
        "that's over",
        "The ambulance is here",
        "the paramedics have arrived",
        "I was only kidding",
        "no, you misunderstood me",
        "my sister is with me and I feel better",
        "false alarm",
        "the fire is out",
        "I didn't mean it like that",
        "I did not say that",
        "No, that was wrong.",
        "i am save now",
        "i am say now",
    ],
)
def test_words_that_say_it_is_past(words: str) -> None:
    assert FINDER.is_past(words)


@pytest.mark.parametrize(
    "words",
    [
        "I am not safe.",
        "I don't feel ok",
        "it is not a joke",
        "the ambulance is not here",
        "what should I do",
        "nobody is with me",
        "you are wrong, I deserve it",
        "stop it",
        "yes",
        "",
    ],
)
def test_words_that_do_not_say_it(words: str) -> None:
    assert not FINDER.is_past(words)


def ended(words: str, kind: str = "fire", finder: HelpFinder = FINDER) -> Help:
    help_ = finder.ended_by(words, kind)
    assert help_ is not None
    return help_


@pytest.mark.parametrize(
    "words",
    [
        "no, I meant the film",
        "I'm joking",
        "I'm fine, that was a song",
        "just kidding",
        "that's a line from a movie",
        "I was only quoting a poem",
        "we are playing a game",
        "I was talking about a book",
        "You misheard me.",
        "That's not what I said.",
        "it was just a figure of speech",
        "false alarm",
        "I was rehearsing, I am an actor",
        "das war nur ein Film",
        "Ich mache nur Spaß",
        "c'était une chanson",
        "je plaisante",
    ],
)
def test_who_says_that_there_was_no_danger_hears_an_apology(words: str) -> None:
    watch = SafetyWatch(FINDER)
    assert watch.look("I smell gas") is not None
    help_ = watch.look(words)
    assert help_ is not None and help_.stage is Stage.MISTAKEN and "sorry" in help_.reply
    assert help_.reply != ended("I am safe").reply
    assert watch.look("what a day") is None


@pytest.mark.parametrize(
    "words",
    [
        "he says he was only joking",
        "he didn't mean to hurt me",
        "she thinks it is a joke",
        "I did not mean to take them all",
        "I'm not joking",
        "he is acting strange",
        "he is watching a film",
        "I am hiding in the car",
        "my mum said it was a misunderstanding",
        "Ich bin mir sicher, dass ich sterben will",
        "Ich bin nicht in Sicherheit",
        "je suis pas en sécurité",
    ],
)
def test_what_only_sounds_like_an_end_is_none(words: str) -> None:
    assert FINDER.ended_by(words, "violence") is None


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("I am safe",)),
        ("de", ("Ich bin in Sicherheit", "I am safe")),
        ("fr", ("Je suis en sécurité", "I'm safe")),
    ],
)
def test_the_texts_name_words_that_end_a_danger(language: str, words: tuple[str, ...]) -> None:
    finder = HelpFinder("FR", language)
    for kind in KINDS:
        texts = finder.first(kind).text, finder.first(kind).reply, finder.next(kind, 2).reply
        for text in texts:
            assert all(name.casefold().replace("i'm", "i am") in text.casefold() for name in words)
        assert all(ended(name, kind, finder).stage is Stage.OVER for name in words)


@pytest.mark.parametrize(
    ("fact", "supposed"),
    [
        ("I am bleeding heavily", "unless I am bleeding heavily nobody looks up"),
        ("there is a fire in the kitchen", "as if there is a fire in the kitchen"),
        ("he is unconscious", "I thought he was unconscious"),
    ],
)
def test_what_is_only_supposed_is_no_emergency(fact: str, supposed: str) -> None:
    assert FINDER.find(fact) is not None
    assert FINDER.find(supposed) is None


@pytest.mark.parametrize(
    "words",
    [
        "he would kill me if I left",
        "my husband will kill me if I call the police",
        "my dad would beat my mum",
        "if I took all my pills it would be over",
        "what if I'm having a heart attack",
        "I don't know if there is a gas leak, it smells of gas",
    ],
)
def test_what_may_be_done_to_somebody_counts_though_supposed(words: str) -> None:
    assert FINDER.find(words) is not None


def test_the_calm_texts_go_on_without_repeating_until_it_is_past() -> None:
    watch = SafetyWatch(FINDER)
    said = ["My boyfriend hit me", "I don't know", "no", "maybe", "hm", "he is asleep"]
    helps = [watch.look(words) for words in said]
    replies = [help_.reply for help_ in helps if help_ is not None]
    assert len(replies) == len(said)
    assert all("999" in reply or "0808" in reply for reply in replies)
    assert all(one != other for one, other in itertools.pairwise(replies))
    assert len(set(replies[1:4])) == 3
    over = watch.look("I am safe now")
    assert over is not None and over.is_over
    assert watch.look("what a day") is None


def test_another_danger_is_answered_by_its_own_text() -> None:
    watch = SafetyWatch(FINDER)
    topics = [watch.look(words) for words in ("I smell gas", "he is not breathing", "hurry")]
    assert [help_ and help_.topic for help_ in topics] == ["fire", "medical", "medical"]


def test_a_turn_that_is_heard_anew_replaces_what_was_known_of_it() -> None:
    watch = SafetyWatch(FINDER)
    assert watch.look("I want to die", 0) is not None
    assert watch.look("I want to die of laughter when I see that", 0) is None
    assert watch.look("so do you", 1) is None
    assert watch.look("I smell gas", 2) is not None
    assert watch.look("what now", 3) is not None
    assert watch.look("it was a joke", 3) is not None
    assert watch.look("what is for dinner", 4) is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("country", ["international", "US"])
def test_every_text_names_a_number_and_later_ones_ask_for_company(
    country: str, language: str
) -> None:
    finder = HelpFinder(country.lower(), language)
    number = tomllib.loads(SHIPPED.read_text())["country"][country]["emergency"]
    for kind in KINDS:
        first, *later = [finder.first(kind), *(finder.next(kind, index) for index in range(3))]
        assert number in first.reply and number in first.text
        assert all(number in help_.reply and "?" in help_.reply for help_ in later)
        assert len({help_.reply for help_ in later}) == 3


def test_every_country_has_every_number() -> None:
    table = tomllib.loads(SHIPPED.read_text())["country"]
    needed = table["international"].keys()
    assert [name for name, numbers in table.items() if numbers.keys() != needed] == []


def test_unknown_countries_and_languages_are_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"country 'XX'.*US"):
        HelpFinder("XX")
    with pytest.raises(SettingsError, match=r"language 'xx'.*en"):
        HelpFinder("DE", "xx")


def test_a_file_of_ones_own_adds_to_the_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        '[country.SE]\nemergency = "112"\ncrisis = "Mind"\nviolence = "020 50 50 50"\n'
        'poison = "112"\n[kind.fire]\nphrases = ["es brennt"]\n'
        '[unless]\nidioms = ["es brennt mir unter den nägeln"]\n'
        '[text.en.fire]\nfirst = "Run, and call {emergency}."\n'
    )
    finder = HelpFinder("SE", file=file)
    found = finder.find("Hilfe, es brennt!")
    assert found is not None and found.reply == "Run, and call 112."
    assert finder.find("Es brennt mir unter den Nägeln.") is None
    assert finder.find("I smell gas") is not None
    file.write_text(
        '[kind.flu]\nphrases = ["achoo"]\nof_fact = true\n[unless]\nsupposed = ["perchance"]\n'
        '[text.en.flu]\nshown = "Bed."\nfirst = "Rest."\nnext = ["Sleep."]\n'
        '[past]\nwas_none = ["scherzo"]\n[text.en]\nend = "Say: done."\nmistaken = ["Oops."]\n'
    )
    finder = HelpFinder("DE", file=file)
    assert "Say: done." in finder.first("fire").reply
    assert ended("Scherzo!", "fire", finder).reply == "Oops."
    assert finder.find("achoo") is not None and finder.find("perchance achoo") is None
    assert ended("I'm joking", "fire", finder).reply == "Oops."


def test_a_language_without_words_for_the_end_can_be_used(tmp_path: Path) -> None:
    table = tomllib.loads(SHIPPED.read_text())["text"]["en"]
    lines = ["[text.xx]", f"over = {table['over']}"]
    for kind in KINDS:
        lines += [
            f"[text.xx.{kind}]",
            'shown = "Call."',
            'first = "Call now."',
            'next = ["Go on."]',
        ]
    file = tmp_path / "own.toml"
    file.write_text("\n".join(lines))
    finder = HelpFinder("DE", "xx", file)
    assert ended("I'm joking", "fire", finder).reply == ended("I'm safe", "fire", finder).reply


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no toml [", "not valid TOML"),
        ('[kind.fire]\nphrases = ["("]', "no file of help texts"),
        ('[kind.fire]\nphrases = ["{nobody}"]', "no file of help texts"),
        ('[text.en.fire]\nfirst = "Call {mother}."', "no file of help texts: 'mother'"),
        ('[kind.flood]\nphrases = ["water"]', "no file of help texts: 'flood'"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=message):
        HelpFinder("DE", file=file)
    with pytest.raises(SettingsError, match="does not exist: check the name"):
        HelpFinder("DE", file=tmp_path / "missing.toml")


class Saying(ScriptedDialogue):
    """A dialogue whose utterances have the words of a list, one after the other."""

    def __init__(self, *words: str) -> None:
        super().__init__(ScriptedModel(["The model speaks."]), Persona())
        self._words = words
        self.asked = 0

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        self.utterances.append(utterance)
        yield certain(Emotion.HAPPY)
        yield Transcript(self._words[min(self.turn, len(self._words) - 1)])

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        self.asked += 1
        return super().reply(cancel)


def said_in(result: Talk) -> list[str]:
    return [event.generated for event in result.of(events.ReplyFinished)]


def test_a_spoken_danger_is_answered_by_the_text_and_the_model_is_not_asked() -> None:
    dialogue = Saying("i want to kill myself", "i do not know", "i am safe now", "what a day")
    wave = speech_like((0.5, 1.5), (9.0, 10.0), (17.0, 18.0), (25.0, 26.0), length_s=30.0)
    voice = ToneVoice()
    result = talk(wave, dialogue=dialogue, engines=scripted(help_finder=FINDER, voice=voice))
    replies = said_in(result)
    assert replies[0] == FINDER.first("self_harm").reply
    assert replies[1] == FINDER.next("self_harm", 0).reply
    assert replies[2] == ended("i am safe now").reply
    assert replies[3] == "The model speaks."
    assert dialogue.replaced == replies[:3]
    offered = result.of(events.HelpOffered)
    assert [(event.turn, event.topic) for event in offered] == [(0, "self_harm")]
    assert [(event.turn, event.was_none) for event in result.of(events.HelpEnded)] == [(2, False)]
    sad = load_policy().style(EmotionEstimate((0.0, 0.0, 0.0, 1.0, 0.0)))
    assert [event.style for event in result.of(events.StyleChosen)][:3] == [sad] * 3
    assert voice.spoken[0][1] == sad


def test_help_is_offered_again_only_where_the_danger_is_another() -> None:
    said = ("i smell gas", "and now", "there is so much smoke", "he is not breathing", "what now")
    dialogue = Saying(*said, "no i meant the film", "i smell gas")
    spans = [(0.5 + 12.0 * index, 1.5 + 12.0 * index) for index in range(7)]
    result = talk(
        speech_like(*spans, length_s=90.0), dialogue=dialogue, engines=scripted(help_finder=FINDER)
    )
    offered = [(event.turn, event.topic) for event in result.of(events.HelpOffered)]
    assert offered == [(0, "fire"), (3, "medical"), (6, "fire")]
    assert [(event.turn, event.was_none) for event in result.of(events.HelpEnded)] == [(5, True)]


def test_danger_is_known_before_anything_is_played() -> None:
    result = talk(
        speech_like((0.5, 1.5), length_s=12.0),
        dialogue=Saying("i smell gas"),
        engines=scripted(help_finder=FINDER),
    )
    assert result.names.index("HelpOffered") < result.names.index("ReplyStarted")


def test_a_calm_text_that_is_interrupted_is_kept_as_far_as_it_was_heard() -> None:
    dialogue = Saying("i smell gas", "i am outside in the street with a phone")
    wave = speech_like((0.5, 1.5), (2.8, 4.5), length_s=14.0)
    settings = TalkSettings(rejoin_ms=0)
    result = talk(wave, dialogue=dialogue, engines=scripted(help_finder=FINDER), settings=settings)
    (cut,) = result.of(events.Interrupted)
    first = FINDER.first("fire").reply
    assert first.startswith(cut.heard) and 0 < len(cut.heard) < len(first)
    assert dialogue.heard_replies == [cut.heard]
    assert said_in(result) == [FINDER.next("fire", 0).reply]


def test_a_sentence_that_goes_on_is_judged_as_a_whole() -> None:
    class GoesOn(Saying):
        """What is heard of the utterance depends on how much of it is there."""

        def hear(
            self, utterance: Waveform, cancel: Cancel
        ) -> Iterator[EmotionEstimate | Transcript]:
            self.utterances.append(utterance)
            yield certain(Emotion.HAPPY)
            is_whole = len(utterance) > 16_000 * 2
            yield Transcript("i want to die of laughter" if is_whole else "i want to die")

    wave = speech_like((0.5, 1.5), (1.9, 3.2), length_s=8.0)
    result = talk(wave, dialogue=GoesOn(), engines=scripted(help_finder=FINDER))
    assert said_in(result) == ["The model speaks."]
    assert result.of(events.HelpOffered) == []


def test_a_typed_danger_is_answered_by_the_text() -> None:
    dialogue = Saying("")

    def type_it(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and not dialogue.utterances:
            loop.type_text("My mum has collapsed")

    result = talk(
        speech_like(length_s=12.0),
        dialogue=dialogue,
        engines=scripted(help_finder=FINDER),
        on_event=type_it,
    )
    assert said_in(result) == [FINDER.first("medical").reply]
    assert dialogue.asked == 0


def test_a_danger_whose_answer_was_stopped_at_once_is_not_forgotten() -> None:
    dialogue = Saying("")

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and not dialogue.utterances:
            loop.type_text("I took all my pills")
        if isinstance(event, events.HelpOffered) and event.turn == 0:
            loop.interrupt()
        if isinstance(event, events.Interrupted):
            loop.type_text("and now")

    result = talk(
        speech_like(length_s=12.0),
        dialogue=dialogue,
        engines=scripted(help_finder=FINDER),
        on_event=keys,
    )
    assert result.of(events.Interrupted)[0].heard == ""
    assert said_in(result) == [FINDER.next("overdose", 0).reply]


async def test_a_question_of_the_command_is_answered_by_the_same_texts() -> None:
    model = ScriptedModel(["The model speaks."])
    engines = scripted(model, help_finder=FINDER)
    answering = Answering(open_conversation(engines))
    clips: list[AudioClip] = []
    texts = ["He is not breathing!", "what now?", "The ambulance is here.", "Thank you."]
    answers = [await answering.answer(text, clips.append) for text in texts]
    engines.close()
    assert [answer.help and answer.help.topic for answer in answers] == ["medical"] * 3 + [None]
    assert answers[0].reply == FINDER.first("medical").reply
    assert answers[0].style.emotion is Emotion.SAD
    assert answers[3].reply == "The model speaks."


DIGITS = tuple(map(str, "zero one two three four five six seven eight nine".split()))
NEVER_IN_A_NUMBER = (
    "hundred thousand million ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
).split()


@pytest.mark.parametrize("country", tomllib.loads(SHIPPED.read_text())["country"])
def test_every_number_to_call_is_dictated_digit_by_digit(country: str) -> None:
    finder = HelpFinder(country)
    helps = [finder.first(kind) for kind in KINDS]
    helps += [finder.next(kind, index) for kind in KINDS for index in range(3)]
    helps += [help_ for kind in KINDS if (help_ := finder.ended_by("i am safe now", kind))]
    for help_ in helps:
        said = speakable(help_.to_say(help_.reply))
        assert not set(words_of(said)) & set(NEVER_IN_A_NUMBER), said
        digits = [word for word in words_of(said) if word in DIGITS]
        written = "".join(filter(str.isdigit, help_.reply))
        assert "".join(str(DIGITS.index(digit)) for digit in digits) == written


def words_of(text: str) -> list[str]:
    return re.findall("[a-z']+", text.lower())


def test_hours_are_no_numbers_to_call_and_one_of_two_digits_may_be() -> None:
    irish, french = HelpFinder("IE").first("overdose"), HelpFinder("FR").first("overdose")
    assert irish.to_say("from 8 to 22 o'clock, 01 809 2166") == (
        "from 8 to 22 o'clock, 0 1, 8 0 9, 2 1 6 6"
    )
    assert french.to_say("the 15 or the 112, 150 metres") == "the 1 5 or the 1 1 2, 150 metres"


async def test_the_voice_dictates_the_numbers_that_the_screen_shows() -> None:
    voice = ToneVoice()
    engines = scripted(help_finder=FINDER, voice=voice)
    answer = await Answering(open_conversation(engines)).answer("I want to die.", lambda _: None)
    engines.close()
    assert "116 123" in answer.reply
    assert any("1 1 6, 1 2 3" in text for text, _ in voice.spoken)


def test_the_voice_dictates_them_in_a_talk_too() -> None:
    voice = ToneVoice()
    result = talk(
        speech_like((0.5, 1.5), length_s=12.0),
        dialogue=Saying("i want to die"),
        engines=scripted(help_finder=FINDER, voice=voice),
    )
    assert "116 123" in said_in(result)[0]
    assert any("1 1 6, 1 2 3" in text for text, _ in voice.spoken)
