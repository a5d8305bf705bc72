from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import soundfile as sf

import train.nano_heard
from models.blsp_emo import BlspEmo
from train.domain import read_domain
from train.nano_heard import Confusions, HeardConversations, HeardSentence, listen, read_heard
from train.nano_speech import Line
from train.nano_text_batches import ConversationSource
from train.surroundings import Surroundings

DOMAIN = read_domain()
NAMES = "ann ben carl dora eve fred gus hal ida jim".split()
AROUND = Surroundings(noises=[], rooms=[])


def sentence(said: str, heard: str, intent: str = "exam_failed") -> HeardSentence:
    return HeardSentence(intent, said, heard, 0.0)


def lines(folder: Path, count: int) -> list[Line]:
    sf.write(folder / "train-000.wav", np.zeros(1600 * count, np.float32), 16_000)
    line = Line("Hi.", "domain", "train", "greeting", "", "", (), (), "train-000.wav", 0, 1600)
    return [replace(line, text=f"Hi {NAMES[n]}.", start=1600 * n) for n in range(count)]


def ears(*, seconds_each: float, monkeypatch: pytest.MonkeyPatch) -> BlspEmo:
    """Hears "hey" in everything; each sentence takes so long."""
    clock = SimpleNamespace(now=0.0)

    def transcribe(model: object, heard: object) -> SimpleNamespace:
        clock.now += seconds_each
        return SimpleNamespace(text="hey")

    monkeypatch.setattr(train.nano_heard, "transcribe", transcribe)
    monkeypatch.setattr(train.nano_heard.time, "monotonic", lambda: clock.now)

    def hear(waveform: object) -> object:
        return waveform

    return cast(BlspEmo, SimpleNamespace(hear=hear))


def test_listening_ends_in_time_and_goes_on_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, out = lines(tmp_path, 10), tmp_path / "heard.jsonl"
    model = ears(seconds_each=1.0, monkeypatch=monkeypatch)
    first = listen(model, said, tmp_path, AROUND, out, seconds=3.5, seed=1)
    assert [one.at_s for one in first] == [0.0, 1.0, 2.0, 3.0]
    whole = out.read_text()
    out.write_text(whole + whole[:25])  # killed while it wrote a line
    assert read_heard(out) == first
    more = listen(model, said, tmp_path, AROUND, out, seconds=100.0, seed=1)
    assert more[:4] == first
    assert sorted(one.said for one in more) == sorted(f"hi {name}" for name in NAMES)
    assert read_heard(out) == more


def test_words_are_confused_as_they_were_heard() -> None:
    heard = [sentence("i failed my driving test", "i failed my driving house")] * 40
    heard += [sentence("thank you so much", "thank so much")] * 40
    confusions = Confusions(heard)
    found = {confusions.heard("the test", np.random.default_rng(n)) for n in range(50)}
    assert found == {"the test", "the house"}
    lost = {confusions.heard("you win", np.random.default_rng(n)) for n in range(50)}
    assert lost == {"you win", "win"}
    assert confusions.heard("nothing of it", np.random.default_rng(0)) == "nothing of it"


def test_conversations_hold_what_was_heard_with_its_reply() -> None:
    heard = [sentence("i failed my exam", "eye sailed mixed ham")]
    source = HeardConversations(DOMAIN, ["The senate met."], sentences=heard)
    turns = [t for n in range(300) for t in source.draw(np.random.default_rng(n)).turns]
    taught = [t for t in turns if t.said == "eye sailed mixed ham"]
    assert len(taught) > 10
    assert {t.topic for t in taught} == {"exam_failed"}
    replies = {r for many in source.domain.intents for e in many.replies.values() for r in e}
    assert all(t.reply in replies for t in taught)
    named = [o for n in range(40) for o in source.openings(np.random.default_rng(n)).said]
    assert ("eye sailed mixed ham", "exam_failed") in named


def test_without_sentences_the_conversations_are_the_same() -> None:
    plain, heard = (
        kind(DOMAIN, ["The senate met."]) for kind in (ConversationSource, HeardConversations)
    )
    for seed in range(100):
        assert plain.draw(np.random.default_rng(seed)) == heard.draw(np.random.default_rng(seed))
