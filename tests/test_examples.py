from pathlib import Path

import pytest

from assistant.audio.soundfiles import Recording
from assistant.engines.table import open_vad
from assistant.settings import ReplySettings
from assistant.turns.cutter import TurnCutter
from examples.make import TURNS

EXAMPLE = Path(__file__).parents[1] / "examples" / "conversation.flac"


def test_the_bundled_conversation_has_the_turns_it_was_made_of() -> None:
    recording = Recording(EXAMPLE)
    cutter = TurnCutter(open_vad(), ReplySettings().endpointing)
    turns = list(cutter.turns(recording.blocks()))
    assert len(turns) == len(TURNS)
    assert recording.damage is None
    for turn in turns:
        assert 0.8 < turn.end_s - turn.start_s < 5.0


def test_the_bundled_conversation_is_small() -> None:
    assert EXAMPLE.stat().st_size < 500_000
    assert Recording(EXAMPLE).duration_s == pytest.approx(15, abs=5)
