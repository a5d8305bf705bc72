from collections.abc import Iterator

import pytest

from assistant.audio.waveform import AudioClip
from assistant.conversation.engines import close
from assistant.engines.paced import paced
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.settings import ReplySettings, TalkCommandSettings


class Noting:
    """A voice that notes at which rate it is to speak, and whether it was closed."""

    sample_rate = 16_000

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.is_closed = False

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        self.rates.append(style.rate)
        yield from ()

    def close(self) -> None:
        self.is_closed = True


def test_a_speed_counts_beside_the_manner_of_an_answer() -> None:
    voice = Noting()
    slower = paced(voice, 0.8)
    list(slower.synthesize("Hello.", SpeakingStyle(rate=0.9), Cancel()))
    assert voice.rates == [pytest.approx(0.72)]
    assert slower.sample_rate == voice.sample_rate
    close(slower)
    assert voice.is_closed


def test_its_own_speed_leaves_a_voice_as_it_is() -> None:
    voice = Noting()
    assert paced(voice, 1.0) is voice


@pytest.mark.parametrize("kind", [TalkCommandSettings, ReplySettings])
def test_talk_and_reply_take_a_speed_that_can_be_followed(kind: type) -> None:
    assert kind(speed=0.8).speed == 0.8
    with pytest.raises(ValueError, match=r"less than or equal to 1\.5"):
        kind(speed=3.0)
