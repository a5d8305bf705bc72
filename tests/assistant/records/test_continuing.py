"""Going on with a recorded talk: what the model is told, what the new record says."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from assistant import events
from assistant.conversation.earlier import MOST_TURNS, NOT_ANSWERED, newest
from assistant.errors import InputError
from assistant.event_lines import from_record, to_record
from assistant.records.continuing import earlier_talk
from assistant.records.reading import read_record, resolve
from assistant.records.recording import LOG_NAME, Consent
from tests.assistant.records.made import BEGAN, TALK, Said, make_record


def continued(folder: Path, other: str, said: str) -> Path:
    """A record of a talk that goes on from `other`, an hour later."""
    began = BEGAN + timedelta(hours=1)
    path = make_record(folder, [Said(said, reply="Yes.")], began=began) / LOG_NAME
    head, first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    told = {"event": "TalkContinued", "at_s": 0.0, "record": other, "wall_utc": "x"}
    event = json.dumps(told) + "\n"
    path.write_text("".join([head, first, event, *rest]), encoding="utf-8")
    return path.parent


def test_the_model_is_told_what_was_said_and_heard(tmp_path: Path) -> None:
    make_record(tmp_path / "one", TALK)
    earlier = earlier_talk(tmp_path, "on")
    assert earlier.record == "one"
    assert earlier.past[0] == (TALK[0].words, TALK[0].reply)
    assert earlier.past[1][1] == "I am so", "of an answer that was interrupted, what was heard"
    assert [turn.index for turn in earlier.turns] == [0, 1, 2]


def test_the_latest_is_found_by_its_log_and_not_its_name(tmp_path: Path) -> None:
    make_record(tmp_path / "a", [Said("Newer.")], began=BEGAN + timedelta(days=1))
    make_record(tmp_path / "z", [Said("Older.")])
    assert earlier_talk(tmp_path, "last").record == "a"


def test_a_chain_is_followed_and_what_was_deleted_is_not_missed(tmp_path: Path) -> None:
    make_record(tmp_path / "one", TALK)
    continued(tmp_path / "two", "one", "And then?")
    assert read_record(resolve(tmp_path, "two")).continues == "one"
    assert len(earlier_talk(tmp_path, "two").turns) == 4
    continued(tmp_path / "three", "gone", "Hello again.")
    assert [said for said, _ in earlier_talk(tmp_path, "three").past] == ["Hello again."]
    continued(tmp_path / "circle", "circle", "Round.")
    assert len(earlier_talk(tmp_path, "circle").turns) == 1
    continued(tmp_path / "away", "../one", "Out.")
    assert len(earlier_talk(tmp_path, "away").turns) == 1, "a log cannot lead out of its folder"


@pytest.mark.parametrize(
    ("consent", "said", "message"),
    [
        (Consent(words=False), TALK, "without its words"),
        (Consent(), [Said(" ", reply="Sorry?")], "nothing was said"),
    ],
)
def test_what_cannot_be_gone_on_with_is_said(
    tmp_path: Path, consent: Consent, said: list[Said], message: str
) -> None:
    make_record(tmp_path / "one", said, consent=consent)
    with pytest.raises(InputError, match=message):
        earlier_talk(tmp_path, "one")
    with pytest.raises(InputError, match="no record"):
        earlier_talk(tmp_path, "other")


def test_an_empty_folder_says_how_a_talk_is_recorded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--record"):
        earlier_talk(tmp_path, "last")


def test_the_newest_that_fit_are_told() -> None:
    long = tuple((f"{n} " * 10, "yes " * 10) for n in range(100))
    kept = newest(long, most_words=100)
    assert kept == long[-5:]
    assert len(newest(long, most_words=10**6)) == MOST_TURNS
    assert newest((("word " * 999, ""),)) == (("word " * 999, NOT_ANSWERED),), "one at least"
    assert newest(()) == ()


def test_the_event_is_kept_whatever_was_agreed(tmp_path: Path) -> None:
    event = events.TalkContinued(0.0, "one")
    assert from_record(to_record(event)) == event
