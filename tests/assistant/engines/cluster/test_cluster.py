"""Conversations that are owned here and answered by replicas, which may be lost at any moment."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.cluster.course import VERSION, Abilities, Asked
from assistant.engines.cluster.dialogue import ClusterDialogue
from assistant.engines.cluster.link import session, turned
from assistant.engines.cluster.model import ClusterModel
from assistant.engines.cluster.serving import ServedTalks
from assistant.engines.cluster.voice import ClusterVoice
from assistant.engines.protocols import Cancel, Dialogue, Persona, SpeakingStyle, Transcript
from assistant.engines.settings import GenerationSettings, ModelSettings
from assistant.errors import EngineFailed, EngineUnavailable
from tests.assistant.engines.cluster.links import LinkHere, ReplicaHere, VoiceHere
from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint
from tests.fakes import ToneVoice, speech_like

RUN = ModelSettings(device="cpu", dtype="float32", threads=1)
GENERATION = GenerationSettings(longest_tokens=16)
FIRST = speech_like((0.1, 1.4), length_s=1.5)
SECOND = -0.5 * speech_like((0.2, 0.8), length_s=1.2)


@pytest.fixture(scope="module")
def resident(tmp_path_factory: pytest.TempPathFactory) -> BlspEmoModel:
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))
    return BlspEmoModel(str(folder), RUN, GENERATION)


def hear(dialogue: Dialogue, speech: np.ndarray = FIRST) -> list[object]:
    return list(dialogue.hear(speech, Cancel()))


def reply(dialogue: Dialogue) -> str:
    return "".join(delta.text for delta in dialogue.reply(Cancel()))


def two(resident: BlspEmoModel, **dies_after: int) -> tuple[ClusterDialogue, LinkHere]:
    """Returns a conversation with two replicas, the first of which dies as it is told."""
    link = LinkHere([ReplicaHere(resident), ReplicaHere(resident)], dies_after)
    return ClusterModel(link=link).open(Persona()), link


def interrupted(dialogue: Dialogue) -> list[str]:
    """A talk in which the person interrupts, takes a question back, and types."""
    said: list[str] = []
    hear(dialogue)
    said.append(reply(dialogue))
    dialogue.truncate(said[-1][:7])
    hear(dialogue, SECOND)
    next(iter(dialogue.reply(Cancel())))
    dialogue.withdraw()
    dialogue.withdraw()
    hear(dialogue, SECOND)
    said.append(reply(dialogue))
    dialogue.replace_reply("I am here for you.")
    dialogue.read("and then?")
    said.append(reply(dialogue))
    hear(dialogue)
    hear(dialogue, SECOND)
    said.append(reply(dialogue))
    return said


def test_a_talk_goes_as_with_a_resident_model(resident: BlspEmoModel) -> None:
    dialogue, link = two(resident)
    assert interrupted(dialogue) == interrupted(resident.open(Persona()))
    assert link.replicas[0].talks.prefilled == 0, "the replica followed, and began nothing anew"


@pytest.mark.parametrize("items", [0, 1, 5])
def test_an_answer_whose_replica_dies_is_said_to_its_end(
    resident: BlspEmoModel, items: int
) -> None:
    dialogue, link = two(resident, reply=items)
    heard = hear(dialogue)
    answer = reply(dialogue)
    alone = resident.open(Persona())
    assert heard == hear(alone)
    assert answer == reply(alone)
    assert len(link.replicas) == 1


@pytest.mark.parametrize("items", [0, 1])
def test_a_question_whose_replica_dies_is_heard_by_another(
    resident: BlspEmoModel, items: int
) -> None:
    dialogue, _ = two(resident, hear=items)
    alone = resident.open(Persona())
    assert hear(dialogue) == hear(alone)
    assert reply(dialogue) == reply(alone)


def test_what_was_spoken_is_heard_and_not_read_by_the_replica_that_takes_over(
    resident: BlspEmoModel,
) -> None:
    dialogue, link = two(resident)
    words = Transcript("words that were written down")
    hear(dialogue)
    dialogue._write_down(1, words.text)
    link.replicas.pop(0)
    alone = resident.open(Persona())
    hear(alone)
    assert reply(dialogue) == reply(alone)
    assert link.asked == ["hear", "reply", "reply"], "asked again, with the sound"


def test_a_replica_that_takes_over_knows_what_was_said(resident: BlspEmoModel) -> None:
    dialogue, link = two(resident)
    words = next(item for item in hear(dialogue) if isinstance(item, Transcript)).text
    first = reply(dialogue)
    dialogue.truncate(first[:9])
    link.replicas.pop(0)
    dialogue.read("and then?")
    answer = reply(dialogue)

    told = resident.open(Persona())
    told.read(words or " ")
    told.replace_reply(first[:9])
    told.read("and then?")
    assert answer == reply(told)
    assert link.replicas[0].talks.prefilled == 1


def test_words_that_come_after_the_answer_began_are_kept(resident: BlspEmoModel) -> None:
    dialogue, _ = two(resident)
    hearing = dialogue.hear(FIRST, Cancel())
    next(hearing)
    answer = reply(dialogue)
    words = next(item for item in hearing if isinstance(item, Transcript)).text
    (turn,) = dialogue.course.answered
    assert (turn.said, turn.reply) == (words, answer)


def test_a_hearing_that_is_given_up_leaves_no_trace(resident: BlspEmoModel) -> None:
    dialogue, _ = two(resident)
    hearing = dialogue.hear(SECOND, Cancel())
    next(hearing)
    hearing.close()  # pyright: ignore[reportAttributeAccessIssue]
    dialogue.withdraw()
    hear(dialogue)
    alone = resident.open(Persona())
    hear(alone)
    assert reply(dialogue) == reply(alone)


def test_a_request_whose_owner_gave_it_up_is_ended_by_the_next(resident: BlspEmoModel) -> None:
    """Word that a request is not wanted any more can come after the next one."""
    talks = ServedTalks(resident)
    owner, link = two(resident)
    link.replicas[0].talks = talks
    hear(owner)
    stale = talks.reply(owner.course, "", Cancel())
    next(stale)
    owner.withdraw()
    hear(owner, SECOND)
    assert list(stale) == []
    alone = resident.open(Persona())
    hear(alone, SECOND)
    assert reply(owner) == reply(alone)


def test_who_was_silent_for_long_is_prefilled_again(resident: BlspEmoModel) -> None:
    link = LinkHere([ReplicaHere(resident, kept=1)])
    model = ClusterModel(link=link)
    first, second = model.open(Persona()), model.open(Persona())
    answers: list[str] = []
    for text in ("how are you", "and then?"):
        for dialogue in (first, second):
            dialogue.read(text)
            answers.append(reply(dialogue))
    told = resident.open(Persona())
    told.read("how are you")
    told.replace_reply(answers[0])
    told.read("and then?")
    assert answers == [answers[0], answers[0], reply(told), answers[2]]
    assert link.replicas[0].talks.prefilled == 2


def test_without_any_replica_the_turn_fails_and_nothing_is_lost(resident: BlspEmoModel) -> None:
    dialogue, link = two(resident)
    hear(dialogue)
    expected = reply(dialogue)
    there = list(link.replicas)
    link.replicas.clear()
    with pytest.raises(EngineFailed, match="no replica answers"):
        hear(dialogue, SECOND)
    link.replicas.extend(there)
    assert dialogue.course.answered[-1].reply == expected
    hear(dialogue, SECOND)
    assert reply(dialogue)


def test_an_error_of_the_engine_is_no_loss_of_the_replica(resident: BlspEmoModel) -> None:
    dialogue, link = two(resident)
    with pytest.raises(EngineFailed, match="refused this turn"):
        hear(dialogue, np.zeros(0, dtype=np.float32))
    assert link.asked == ["hear"]
    hear(dialogue)
    assert reply(dialogue)


def test_replicas_of_another_version_are_refused(resident: BlspEmoModel) -> None:
    replica = ReplicaHere(resident)
    replica.abilities = lambda: Abilities(VERSION + 1, "newer")
    with pytest.raises(EngineUnavailable, match="update both"):
        ClusterModel(link=LinkHere([replica]))
    with pytest.raises(EngineUnavailable, match="serve status"):
        ClusterModel(link=LinkHere([]))


def test_who_owns_a_talk_in_another_version_is_told_so(resident: BlspEmoModel) -> None:
    """Replicas may be replaced by others of a newer version while a gateway runs."""
    dialogue, link = two(resident)
    course = replace(dialogue.course, version=VERSION - 1)
    dialogue.read("how are you")
    for asked in (
        lambda: link.stream("reply", "talk", Cancel(), course, ""),
        lambda: link.stream("hear", "talk", Cancel(), course, Asked(1, utterance=FIRST)),
    ):
        with pytest.raises(EngineFailed, match="start it anew with the version of Attune"):
            next(asked())
    assert link.replicas[0].talks.kept == 0


def test_a_conversation_stays_where_it_was_answered_after_a_loss(resident: BlspEmoModel) -> None:
    dialogue, link = two(resident, reply=2)
    hear(dialogue)
    assert reply(dialogue)
    dialogue.read("and then?")
    assert reply(dialogue)
    # Heard; begun, tried with the next, which has to hear first; then at once with that one.
    assert link.asked == ["hear", "reply", "reply", "reply", "reply"]
    assert link.tries == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("tries", [0, 1, 12])
def test_a_name_tells_conversation_and_tries(tries: int) -> None:
    assert turned(session("0af3", tries)) == ("0af3", tries)


def test_what_belongs_to_no_conversation(resident: BlspEmoModel) -> None:
    model = ClusterModel(link=LinkHere([ReplicaHere(resident)]))
    assert model.transcribe(FIRST) == resident.transcribe(FIRST)
    assert model.weigh(FIRST, ["yes"]) == resident.weigh(FIRST, ["yes"])


@pytest.mark.parametrize("clips", [0, 1, 2])
def test_a_sentence_whose_voice_dies_is_spoken_to_its_end(clips: int) -> None:
    link = LinkHere([VoiceHere(ToneVoice()), VoiceHere(ToneVoice())], {"speak": clips})
    voice = ClusterVoice(link=link)
    speak: Callable[..., list[int]] = lambda engine: [  # noqa: E731
        len(clip.samples) for clip in engine.synthesize("I am here", SpeakingStyle(), Cancel())
    ]
    assert speak(voice) == speak(ToneVoice())


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "assistant.engines.cluster.ray_link", raising=False)
    with pytest.raises(EngineUnavailable, match=r"\.\[scale\]"):
        ClusterModel("attune")
