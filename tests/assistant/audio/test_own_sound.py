"""An echo that a canceller missed is told from a person, however late it comes back."""

import numpy as np
import pytest

from assistant.audio.own_sound import OWN_DB, missed_db
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from tests.assistant.audio.test_echo import echo_of, voice_like

PLAYED = voice_like(4.0, seed=1)
BRIEF = round(0.45 * SPEECH_RATE_HZ)


def late(wave: Waveform, samples: int, *, gain_db: float) -> Waveform:
    """Returns `wave` as a sound server gives it back."""
    gain = 10 ** (gain_db / 20)
    return (gain * np.concatenate([np.zeros(samples), wave])[: len(wave)]).astype(np.float32)


@pytest.mark.parametrize("delay_ms", [5, 97, 108, 900])
@pytest.mark.parametrize("gain_db", [-20.0, -10.0])
def test_an_echo_that_was_left_is_found_at_whatever_delay(delay_ms: int, gain_db: float) -> None:
    heard = late(PLAYED, 16 * delay_ms, gain_db=gain_db)
    assert missed_db(heard[-BRIEF:], heard, PLAYED) > OWN_DB + 10.0


def test_an_echo_that_jumps_within_the_stretch_is_found_part_by_part() -> None:
    first, second = (late(PLAYED, delay, gain_db=-10.0) for delay in (1_728, 1_548))
    middle = len(PLAYED) - BRIEF // 2
    heard = np.concatenate([first[:middle], second[middle:]])
    assert missed_db(heard[-BRIEF:], heard, PLAYED) > OWN_DB


@pytest.mark.parametrize("person_db", [-10.0, 0.0, 12.0])
@pytest.mark.parametrize("brief_ms", [130, 300, 800])
def test_a_person_is_none_however_soft_beside_the_echo(person_db: float, brief_ms: int) -> None:
    echo = late(PLAYED, 1_600, gain_db=-10.0)
    brief = brief_ms * SPEECH_RATE_HZ // 1_000
    person = voice_like(1.0, seed=2)[:brief] * 10 ** ((person_db - 10.0) / 20)
    heard = echo + np.concatenate([np.zeros(len(echo) - brief, dtype=np.float32), person])
    assert missed_db(person.astype(np.float32), heard, PLAYED) < OWN_DB


def test_in_a_room_a_person_is_none_either() -> None:
    person = voice_like(1.0, seed=2)[:BRIEF]
    heard = echo_of(PLAYED, 40.0, echo_db=-10.0)
    heard[-BRIEF:] += person
    assert missed_db(person, heard, PLAYED) < OWN_DB


def test_where_nothing_was_played_left_or_heard_nothing_was_missed() -> None:
    silence = np.zeros_like(PLAYED)
    assert missed_db(PLAYED[-BRIEF:], PLAYED, silence) < 1.0
    assert missed_db(silence[-BRIEF:], PLAYED, PLAYED) == 0.0
    assert missed_db(PLAYED[:0], PLAYED[:0], PLAYED[:0]) == 0.0
    for early in (900, 3_000, 12_000):  # less was played than an echo may be late
        assert missed_db(PLAYED[-BRIEF:], PLAYED, PLAYED[:early]) < OWN_DB
        assert missed_db(PLAYED[:BRIEF], PLAYED[:BRIEF], silence[:early]) < OWN_DB
    assert missed_db(PLAYED[:300], PLAYED[:300], PLAYED[:300]) > OWN_DB, "however short"
