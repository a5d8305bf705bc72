"""Words that are shown while somebody speaks: added to, never taken back, never in the way."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.live.captions import LONGEST_S, Captions
from assistant.engines.protocols import Cancel, Persona, Transcript
from assistant.errors import EngineFailed
from assistant.turns.settings import TalkSettings
from assistant.worker import NEVER
from tests.fakes import ScriptedDialogue, ScriptedModel, speech_like
from tests.ui.driving import Client, drive
from tests.ui.serving import resident


class ExpectingDialogue(ScriptedDialogue):
    """Notes what it was to expect, and after how many utterances."""

    def expect(self, words: str, gives_way: Callable[[], bool]) -> Iterator[None]:
        assert not gives_way()
        assert isinstance(self.model, Reader)
        self.model.expected.append((self.given, words))
        yield


class Reader(ScriptedModel):
    """Reads what a script says, reading by reading."""

    def __init__(self, *readings: str | None, confidence: float = 0.9) -> None:
        super().__init__(["I see."])
        self.readings = list(readings)
        self.confidence = confidence
        self.lengths_s: list[float] = []
        self.expected: list[tuple[int, str]] = []

    def open(self, persona: Persona) -> ScriptedDialogue:
        return ExpectingDialogue(self, persona)

    def overhear(self, utterance: Waveform, cancel: Cancel) -> Transcript | None:
        self.lengths_s.append(len(utterance) / SPEECH_RATE_HZ)
        text = self.readings.pop(0) if self.readings else None
        return None if text is None else Transcript(text, self.confidence)


class Thread:
    """A worker that works when it is told to."""

    def __init__(self) -> None:
        self.waiting = 0
        self.steps: list[tuple[Callable[[], Any], Callable[[Any, Any], None]]] = []

    def submit(self, function: Any, deliver: Any, *, due: Callable[[], float]) -> None:
        assert due() == NEVER, "all else goes first"
        self.steps.append((function, deliver))

    def work(self) -> None:
        function, deliver = self.steps.pop(0)
        try:
            result, error = function(), None
        except EngineFailed as failure:
            result, error = None, failure
        deliver(result, error)


class Scene:
    def __init__(self, model: Reader) -> None:
        self.told: list[str] = []
        self.thread = Thread()
        self.expected: list[str] = []
        self.captions = Captions(
            lambda: model,
            self.thread,  # type: ignore[arg-type]
            tell=self.told.append,
            expect=self.expected.append,
        )

    def look(self, at_s: float) -> bool:
        """Returns whether a reading was begun."""
        before = len(self.thread.steps)
        now = round(at_s * SPEECH_RATE_HZ)
        self.captions.look(now, lambda start: np.zeros(now - start, np.float32))
        return len(self.thread.steps) > before

    def read(self, at_s: float) -> None:
        assert self.look(at_s)
        self.thread.work()


def test_two_readings_must_agree_and_nothing_is_taken_back() -> None:
    scene = Scene(Reader("I", "I lost my cheese.", "I lost my keys", "I lost my keys, and", "We"))
    scene.captions.begin(0)
    for at_s in range(1, 6):
        scene.read(float(at_s))
    assert scene.told == ["I", " lost my", " keys,"]
    assert scene.expected == ["I lost my", "I lost my", "I lost my keys,"], "the last is a piece"
    scene.captions.begin(0)
    assert scene.told[-1] == " keys,", "the next utterance begins with nothing"


def test_the_answer_never_waits() -> None:
    scene = Scene(Reader("I am", "I am", "I am", "I am"))
    assert not scene.look(1.0), "nobody speaks"
    scene.captions.begin(0)
    scene.thread.waiting = 1
    assert not scene.look(1.0), "somebody needs the model"
    scene.thread.waiting = 0
    scene.read(1.0)
    assert not scene.look(1.1), "not more often than anybody reads"
    assert scene.look(2.0)
    assert not scene.look(3.0), "one at a time"
    scene.captions.stop()
    scene.thread.work()
    assert scene.told == [], "a pause ends what is being read"
    scene.captions.end()
    assert not scene.look(9.0)


def test_noise_and_long_speeches_have_no_captions() -> None:
    scene = Scene(Reader("the the", "the the", confidence=0.3))
    scene.captions.begin(0)
    scene.read(1.0)
    scene.read(2.0)
    assert scene.told == scene.expected == []
    assert not scene.look(LONGEST_S + 1.0)


def test_a_talk_that_ends_amid_a_reading_begins_no_answer() -> None:
    scene = Scene(Reader("I lost my keys and"))
    scene.captions.begin(0)
    assert scene.look(1.0)
    scene.captions.end()
    scene.thread.work()
    assert scene.told == scene.expected == []


def test_a_model_that_overhears_nothing_is_not_asked_again() -> None:
    scene = Scene(Reader())
    scene.captions.begin(0)
    scene.read(1.0)
    assert not scene.look(5.0)
    scene.captions.begin(0)
    assert not scene.look(6.0)


def test_a_client_is_told_them_while_it_speaks() -> None:
    model = Reader("so I lost", "so I lost my keys", "so I lost my keys")
    engines = resident(talk=TalkSettings())
    object.__setattr__(engines, "models", {"mini": model})
    before: list[str] = []

    async def act(client: Client) -> None:
        await client.speak(speech_like((0.2, 4.0), length_s=7.0))
        seen = await client.until("response.done")
        kinds = [event["type"] for event in seen]
        stopped = kinds.index("input_audio_buffer.speech_stopped")
        transcription = "conversation.item.input_audio_transcription"
        said = [event for event in seen[:stopped] if event["type"] == f"{transcription}.delta"]
        before.append("".join(event["delta"] for event in said))
        assert len({event["item_id"] for event in said}) == 1
        (done,) = [event for event in seen if event["type"] == f"{transcription}.completed"]
        assert done["transcript"] == "utterance 0"
        assert done["item_id"] == said[0]["item_id"]

    client = drive(act, engines)
    assert before == ["so I lost my keys"]
    assert (
        "".join(e.text for e in client.happened if isinstance(e, events.CaptionHeard)) == before[0]
    )
    assert model.lengths_s == sorted(model.lengths_s)
    assert model.expected[0] == (0, "so I lost my")


@pytest.mark.parametrize("captions", [True, False])
def test_they_can_be_switched_off(captions: bool) -> None:
    model = Reader("so I lost", "so I lost my keys")
    engines = resident(talk=TalkSettings(captions=captions))
    object.__setattr__(engines, "models", {"mini": model})

    async def act(client: Client) -> None:
        await client.speak(speech_like((0.2, 4.0), length_s=7.0))
        await client.until("response.done")

    drive(act, engines)
    assert bool(model.lengths_s) == captions
