"""What a microphone, a speaker and an echo canceller must offer; they conform by shape."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from assistant.audio.waveform import AudioClip, AudioFrame, Waveform


class EchoState(StrEnum):
    """What is known of the assistant's own voice in the microphone."""

    UNKNOWN = "unknown"
    """Too little was played yet."""
    ABSENT = "absent"
    """What is played does not reach the microphone."""
    REMOVED = "removed"
    """It does, and is taken out."""
    TOO_STRONG = "too strong"
    """It does, and cannot be taken out: the person is heard between the answers only."""


class EchoCanceller(Protocol):
    """Removes the assistant's own voice from the microphone; one for each conversation."""

    margin_db: float
    """Level of what was left of the last frame, relative to the echo that was in it; the lower it
    is, the more likely it is echo still. Large where there was no echo."""
    state: EchoState
    """What is known of the echo so far."""

    def cancel(self, frame: Waveform, played: Waveform) -> Waveform:
        """Returns `frame` without the echo of `played`; both 16 kHz, of equal length."""
        ...


class Microphone(Protocol):
    """A source of 16 kHz frames."""

    dropped_frames: int
    """Frames lost because nobody took them in time."""

    def frames(self) -> AsyncIterator[AudioFrame]:
        """Yields frames on the audio clock until the source ends."""
        ...


class Speaker(Protocol):
    """A sink of clips with a playback clock."""

    sample_rate: int
    """Hz of the playback clock; clips of other rates are converted."""
    latency_s: float
    """From queueing a clip on an idle speaker to its first sound, as far as known."""
    underruns: int
    """Gaps because the next clip of a reply came too late."""
    slips: int
    """Times at which the device itself lost step: what was played and its record came apart."""

    @property
    def played_samples(self) -> int:
        """Samples of clips played so far, silence between them not counted."""
        ...

    @property
    def queued_samples(self) -> int:
        """Samples of clips waiting to be played."""
        ...

    async def play(self, clip: AudioClip) -> None:
        """Queues `clip`; waits while the queue is full."""
        ...

    async def drain(self) -> None:
        """Ends a reply: waits until all that is queued has been played."""
        ...

    def gain(self, decibels: float) -> None:
        """Ducks (negative) or restores (0) what is playing."""
        ...

    def hold(self, held: bool) -> None:
        """Falls silent in the middle of what is playing, or goes on from there."""
        ...

    def clear(self) -> int:
        """Drops what is queued; returns the samples that were never heard."""
        ...

    def played(self, samples: int, *, captured_s: float | None = None) -> Waveform:
        """Takes the next `samples` of what was played, silence included, at 16 kHz.

        Called once for each microphone frame: both then lie on one clock. It is the reference
        of the echo canceller and the assistant's side of the recording.

        Args:
            samples: As many as the frame has.
            captured_s: When its last one was captured, on the event loop's clock; None for just
                now. However late the frame is taken, it is what was played until then.
        """
        ...


DeviceListener = Callable[[str, bool], None]
"""Told in a sentence that a device was lost (True) or is back (False)."""


def never_lost(_listener: DeviceListener) -> None:
    """There is nothing to tell of ends that cannot be lost, such as files."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Where the sound of a conversation comes from and goes to."""

    microphone: Microphone
    speaker: Speaker
    canceller: EchoCanceller | None = None
    """None where no echo reaches the microphone."""
    follow_changes: Callable[[DeviceListener], None] = never_lost
    """Has somebody told from now on that a device was lost or is back."""


class ClosedEnds(Protocol):
    """Both ends of a conversation, known to be there; they are held only while it lasts."""

    def open(self, held: ExitStack, *, frame_samples: int, rate_hz: int) -> Ends:
        """Returns them, ready for a conversation.

        Args:
            held: Gives back what is opened.
            frame_samples: Length of the microphone's frames, as the detector takes them.
            rate_hz: Of the voice; a loudspeaker with a rate of its own converts it.

        Raises:
            AssistantError: One of them cannot be opened; the message names the remedy.
        """
        ...
