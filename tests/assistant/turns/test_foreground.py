"""Whose speech counts, by levels that are relative all through: scripted voices, in frames."""

import numpy as np
import pytest

from assistant.turns.endpointing import Endpointer
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.marks import Boundary, Floor, TurnMark

FRAME_MS = 32
PERSON_DB = -22.0


class Room:
    """Voices on the audio clock: each speaks at a level, with syllables 6 dB apart."""

    def __init__(self, settings: EndpointingSettings | None = None) -> None:
        self.endpointer = Endpointer(settings)
        self.marks: list[TurnMark] = []
        self._dice = np.random.default_rng(0)

    def hear(self, seconds: float, level_db: float | None, *, floor: Floor = Floor.FREE) -> None:
        """Feeds speech at a level, or silence."""
        for _ in range(round(1_000 * seconds / FRAME_MS)):
            wobble = float(self._dice.uniform(-12.0, 0.0))
            if level_db is None:
                self.marks += self.endpointer.feed(0.0, level_db=-90.0, floor=floor)
            else:
                self.marks += self.endpointer.feed(0.9, level_db=level_db + wobble, floor=floor)

    def ends_s(self) -> list[float]:
        return [m.at_samples / 16_000 for m in self.marks if m.boundary is Boundary.ENDED]

    @property
    def confirmed(self) -> int:
        return [m.boundary for m in self.marks].count(Boundary.CONFIRMED)


@pytest.mark.parametrize("weaker_db", [18, 24, 36, 50])
@pytest.mark.parametrize("level_db", [-12.0, -22.0, -45.0])
def test_a_far_weaker_voice_neither_prolongs_a_turn_nor_begins_one_afterwards(
    weaker_db: float, level_db: float
) -> None:
    room = Room()
    room.hear(2.0, level_db)
    room.hear(60.0, level_db - weaker_db)
    (end_s,) = room.ends_s()
    assert 2.0 < end_s <= 4.0
    (end,) = (mark for mark in room.marks if mark.boundary is Boundary.ENDED)
    assert end.end_samples / 16_000 < 2.6, "nothing of the other voice is in the turn"
    assert room.confirmed == 1


@pytest.mark.parametrize("weaker_db", [18, 30])
def test_it_does_not_interrupt_the_answer_either(weaker_db: float) -> None:
    room = Room()
    room.hear(2.0, PERSON_DB)
    room.hear(1.5, PERSON_DB - weaker_db)
    room.hear(10.0, PERSON_DB - weaker_db, floor=Floor.HELD)
    assert room.confirmed == len(room.ends_s()) == 1


def test_the_person_is_heard_again_over_the_other_voice() -> None:
    room = Room()
    for _ in range(4):
        room.hear(2.0, PERSON_DB)
        room.hear(8.0, PERSON_DB - 20.0)
    assert len(room.ends_s()) == room.confirmed == 4


def test_in_the_first_turn_of_a_talk_the_voice_that_spoke_before_is_left_out() -> None:
    room = Room()
    room.hear(10.0, PERSON_DB - 18.0)
    room.hear(2.0, PERSON_DB)
    room.hear(10.0, PERSON_DB - 18.0)
    (end,) = (mark for mark in room.marks if mark.boundary is Boundary.ENDED)
    assert 12.0 < end.at_samples / 16_000 <= 14.0
    assert 9.4 < end.start_samples / 16_000 <= 10.0


@pytest.mark.parametrize("level_db", [-22.0, -45.0, -60.0])
def test_speech_alone_is_a_turn_at_any_level(level_db: float) -> None:
    room = Room()
    room.hear(1.0, level_db)
    room.hear(2.0, None)
    assert len(room.ends_s()) == 1


def test_who_ends_softly_is_heard_to_the_end() -> None:
    room = Room()
    room.hear(2.0, PERSON_DB)
    room.hear(0.6, PERSON_DB - 12.0)
    room.hear(0.5, PERSON_DB - 20.0)
    room.hear(2.0, None)
    (end,) = (mark for mark in room.marks if mark.boundary is Boundary.ENDED)
    assert end.speech_end_samples / 16_000 == pytest.approx(3.1, abs=0.1)


def test_who_moves_away_while_speaking_is_heard_on() -> None:
    room = Room()
    for step in range(15):
        room.hear(1.0, PERSON_DB - 2.0 * step)
    room.hear(2.0, None)
    (end_s,) = room.ends_s()
    assert end_s > 15.0
    assert room.marks[-1].start_samples == 0


def test_who_comes_nearer_while_speaking_loses_nothing() -> None:
    room = Room()
    for step in range(15):
        room.hear(1.0, -50.0 + 2.0 * step)
    room.hear(2.0, None)
    assert room.marks[-1].start_samples == 0


def test_a_whispered_turn_counts_in_a_room_that_is_quiet() -> None:
    room = Room()
    for level_db in (PERSON_DB, PERSON_DB - 22.0, PERSON_DB - 22.0, PERSON_DB):
        room.hear(2.5, level_db)
        room.hear(6.0, None)
    assert len(room.ends_s()) == 4


def test_who_talks_on_without_waiting_for_an_answer_is_the_room() -> None:
    room = Room()
    room.hear(2.0, PERSON_DB)
    room.hear(5.0, None)
    for _ in range(20):
        room.hear(3.0, PERSON_DB - 22.0)
        room.hear(0.8, None)
    assert room.confirmed <= 4


def test_a_voice_weaker_than_any_whisper_is_not_answered_at_first_but_not_ignored_for_ever() -> (
    None
):
    room = Room()
    room.hear(2.0, PERSON_DB)
    room.hear(20.0, None)
    room.hear(20.0, PERSON_DB - 34.0)
    assert room.confirmed == 1
    room.hear(60.0, None)
    room.hear(2.0, PERSON_DB - 34.0)
    room.hear(2.0, None)
    assert len(room.ends_s()) == 2


@pytest.mark.parametrize("turns", [0, 2])
def test_who_shouts_a_word_first_is_heard_to_the_end(turns: int) -> None:
    room = Room()
    for _ in range(turns):
        room.hear(2.0, PERSON_DB)
        room.hear(5.0, None)
    room.hear(0.3, PERSON_DB + 16.0)
    room.hear(5.0, PERSON_DB)
    room.hear(3.0, None)
    assert len(room.ends_s()) == turns + 1
    begins_s = 7.0 * turns
    assert room.marks[-1].speech_end_samples / 16_000 == pytest.approx(begins_s + 5.3, abs=0.1)


def test_a_brief_answer_is_not_prolonged_by_the_room() -> None:
    room = Room()
    room.hear(2.0, PERSON_DB)
    room.hear(5.0, PERSON_DB - 20.0)
    room.hear(0.3, PERSON_DB)
    room.hear(20.0, PERSON_DB - 20.0)
    assert len(room.ends_s()) == 2
    assert room.ends_s()[1] < 9.5


def test_the_room_is_forgotten_when_it_has_been_quiet() -> None:
    room = Room()
    room.hear(2.0, PERSON_DB)
    room.hear(3.0, PERSON_DB - 20.0)
    room.hear(60.0, None)
    room.hear(2.0, PERSON_DB - 20.0)
    room.hear(2.0, None)
    assert len(room.ends_s()) == 2


def test_a_louder_voice_than_the_room_counts_however_weak() -> None:
    room = Room()
    room.hear(2.0, PERSON_DB)
    room.hear(5.0, PERSON_DB - 45.0)
    room.hear(2.0, PERSON_DB - 20.0)
    room.hear(2.0, PERSON_DB - 45.0)
    assert len(room.ends_s()) == 2


def test_without_levels_all_speech_counts() -> None:
    endpointer = Endpointer()
    marks = [mark for _ in range(100) for mark in endpointer.feed(0.9)]
    assert [mark.boundary for mark in marks] == [Boundary.STARTED, Boundary.CONFIRMED]
