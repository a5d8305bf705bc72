"""The turn ear that ships: a judge by sound, opened where no other is named."""

import numpy as np

from assistant.engines.protocols import Transcript
from assistant.engines.table import open_turn_judge


def test_it_judges_any_sound_and_nothing_where_there_is_none() -> None:
    judge = open_turn_judge()
    sound = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    for utterance in (sound, sound[:100], np.zeros(40_000, dtype=np.float32)):
        score = judge.score(utterance, Transcript("whatever"))
        assert score is not None
        assert 0.0 <= score <= 1.0
    assert judge.score(sound[:0], Transcript("")) is None
