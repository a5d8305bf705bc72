from assistant.turns.push_to_talk import KeyChange, TalkKey


def test_a_key_held_is_speech_in_every_frame() -> None:
    key = TalkKey()
    assert key.probability(0.9, threshold=0.5) == 0.0
    assert key.move(True) is KeyChange.OPENED
    assert [key.probability(heard, threshold=0.5) for heard in (0.9, 0.0)] == [1.0, 1.0]
    assert key.move(False) is KeyChange.FINISHED
    assert key.probability(0.9, threshold=0.5) == 0.0


def test_a_key_held_in_silence_is_no_turn() -> None:
    key = TalkKey()
    key.move(True)
    key.probability(0.9, threshold=0.5)
    key.move(False)
    key.move(True)
    key.probability(0.4, threshold=0.5)
    assert key.move(False) is KeyChange.EMPTY


def test_a_key_that_did_not_move_changes_nothing() -> None:
    key = TalkKey()
    assert key.move(False) is KeyChange.NOTHING
    key.move(True)
    key.probability(0.9, threshold=0.5)
    assert key.move(True) is KeyChange.NOTHING
    assert key.move(False) is KeyChange.FINISHED, "what was said is not forgotten"
