from assistant.audio.file_devices import FileSpeaker
from assistant.turns.audibility import LOST_S, Audibility


class Microphone:
    def __init__(self) -> None:
        self.dropped_frames = 0

    def frames(self) -> object:
        raise NotImplementedError


class Loudspeaker(FileSpeaker):
    """Holds as many samples as a test says."""

    waiting = 0

    @property
    def queued_samples(self) -> int:
        return self.waiting


def test_the_echo_outlasts_the_sound() -> None:
    speaker = Loudspeaker()
    presence = Audibility(Microphone(), speaker)  # pyright: ignore[reportArgumentType]
    assert not presence.is_near(1_000, echo_tail_samples=500)
    speaker.waiting = 1
    assert presence.is_near(2_000, echo_tail_samples=500)
    speaker.waiting = 0
    assert presence.is_near(2_500, echo_tail_samples=500)
    assert not presence.is_near(2_501, echo_tail_samples=500)


def test_lost_sound_is_counted_once_and_distrusted_for_a_while() -> None:
    microphone, speaker = Microphone(), Loudspeaker()
    presence = Audibility(microphone, speaker)  # pyright: ignore[reportArgumentType]
    assert presence.newly_dropped(0) == 0
    assert not presence.has_lost_step(0)
    microphone.dropped_frames = 3
    assert [presence.newly_dropped(100), presence.newly_dropped(200)] == [3, 0]
    end = 100 + round(LOST_S * 16_000)
    assert presence.has_lost_step(end)
    assert not presence.has_lost_step(end + 1)
    speaker.slips = 1
    assert presence.newly_dropped(end + 1) == 0
    assert presence.has_lost_step(end + 1)
