"""Echo cancellation: the assistant's own voice is taken out of the microphone's signal.

Nothing is taken out before echo is evident: where what was played is not found in what is heard,
the microphone's sound stays as it is, sample for sample. Where it is found, a linear filter learns
the way from loudspeaker to microphone; it leaves a person's voice intact. What it cannot take out
yet is told from a person by its level. Where it takes out too little, the state says so.
"""

import math
from typing import Literal

import numpy as np

from assistant.audio.echo_filter import BLOCK_SAMPLES, PARTITIONS, EchoFilter, Path
from assistant.audio.echo_finder import AUDIBLE_POWER, HEARD_SAMPLES, EchoFinder, Look
from assistant.audio.protocols import EchoCanceller, EchoState
from assistant.audio.waveform import Waveform

EchoMode = Literal["cancel", "headset", "push-to-talk"]
"""`cancel` for loudspeakers, `headset` where no echo reaches the microphone, or by key."""

FIRST_LOOKS = 4
"""Before so many looks, a quarter of a second of the first answer, anything heard may be echo."""
ABSENT_LOOKS = 50
"""So many looks at audible playback without echo, about 3 s: there is none."""
GONE_LOOKS = 160
"""The same once there was echo, about 10 s: a headset was put on."""
HEADROOM_SAMPLES = 800
"""Echo comes so much after its reference: the strongest reflection need not be the first."""
SPAN_SAMPLES = BLOCK_SAMPLES * PARTITIONS // 2
"""Echo so much after its reference is modelled, with its reverberation."""
YOUNG_FRAMES = 32
"""A filter that learnt from so little is begun anew: its first lag was that of a pitch."""
FIRST_SIGHTINGS, NEAR_SAMPLES = 8, 48
"""Echo is evident after so many looks at one lag, those at others taken off; a pure one counts
twice. Two voices resemble each other for a syllable, but then at another lag."""
FAR_SIGHTINGS, PURE_WEIGHT = 12, 6
"""The same where a filter that has learnt would be forgotten for it, and what a pure one counts
then: somebody who speaks loudly into an answer resembles, for some looks, what was played a second
ago."""
MOST_COUPLING = 4.0
"""A microphone hears no more than so much of the power that is played."""
PAUSE_FRAMES, SETTLING_FRAMES, SETTLING_DB = 32, 16, 12.0
"""After a pause of so many frames, a second without sound, the echo of the next answer may come
some milliseconds earlier or later: browsers and sound servers open their way anew. For so many
frames of it, or until some looks find it in step, so much is taken from the margin: a filter out of
step leaves twice what it should remove."""
DOUBTFUL_DB = 3.0
"""Where the filter lowers a frame by less, every frame is looked at: somebody speaks, or the echo
has jumped."""
LEARNT_DB, LEARNING_SHARE, LEARNING_MOST_DB = 18.0, 0.6, 10.0
"""Reduction from which the linear filter knows the room. Of what it lacks this share, and at most
so much, is taken from the margin: what such a filter leaves is echo rather than a person."""
QUICKLY, SLOWLY = 0.1, 0.01
"""How fast the mean of the reduction follows that of a frame of 32 ms. It falls quickly only where
hardly anything but echo is heard: the filter does not fit any more."""
ECHO_DECAY = 0.86
"""How fast the reverberation fades from one 32 ms frame to the next, as a power."""
NO_ECHO_DB = 100.0
"""Margin where nothing was played."""
TOO_LITTLE_DB, ENOUGH_DB = 3.0, 6.0
"""Reduction below which, for a while, the assistant cannot be told from a person; and from which it
can be again."""
KNOWN_DB = 8.0
"""Reduction from which a filter is worth keeping where its echo jumps."""
PROBATION_FRAMES = 32
"""Frames of echo, a second, after which what the filter has learnt is trusted."""
LEAST_SHIFT_SAMPLES = 4
"""Less is left to the filter."""
MEMORY, PATIENCE_FRAMES = 0.01, 250
"""The mean over about 3 s of echo must be too little for so many frames, 8 s of speech: longer
than a person speaks into an answer."""


class EchoRemover:
    """The canceller of one conversation; says too how likely what is left is echo still."""

    def __init__(self) -> None:
        self.margin_db = NO_ECHO_DB
        self.state = EchoState.UNKNOWN
        self._finder = EchoFinder()
        self._filter = EchoFilter()
        self._delay = 0
        self._lag = 0
        self._looks_without = 0
        self._sightings = 0
        self._far_lag, self._far_sightings = 0, 0
        self._paused, self._settling = 0, 0
        self._may_be_echo = True
        self._is_doubtful = False
        self._is_pure = False
        self._reduction_db = 0.0
        self._echo_power = 0.0
        self._coupling = 0.0
        self._path: Path | None = None
        self._next_path: Path | None = None
        self._good_db, self._probation = 0.0, 0
        self._frames = 0
        self._lasting_db, self._played_power, self._failing = 0.0, 0.0, 0

    @property
    def reduction_db(self) -> float:
        """By how much the linear filter lowers the echo at present (echo return loss)."""
        return self._reduction_db

    @property
    def is_needed(self) -> bool:
        """Whether the assistant's own voice is in the microphone."""
        return self.state in (EchoState.REMOVED, EchoState.TOO_STRONG)

    def cancel(self, frame: Waveform, played: Waveform) -> Waveform:
        """Returns `frame` without the echo of `played`; both 16 kHz, whole blocks."""
        self._finder.take(frame, played)
        self._paused = 0 if self._finder.is_audible else self._paused + 1
        if self._paused >= PAUSE_FRAMES:
            self._settling = SETTLING_FRAMES
        look = self._finder.look(
            is_known=self.is_needed,
            is_urgent=self.is_needed and self._is_doubtful,
            path=self._path.response if self.is_needed and self._path else None,
        )
        if look is not None:
            self._consider(look)
        if not self.is_needed:
            is_open = self.state is EchoState.UNKNOWN and self._finder.is_audible
            self.margin_db = -NO_ECHO_DB if is_open and self._may_be_echo else NO_ECHO_DB
            return frame
        reference = self._reference(len(frame))
        left, echo = self._filtered(frame, reference)
        self._judge(frame, reference, left, echo)
        return left

    def _consider(self, look: Look) -> None:
        self._may_be_echo = look.may_be_echo or self._looks_without < FIRST_LOOKS
        self._is_pure = look.is_pure
        if look.delay is not None:
            self._looks_without = 0
            if self._shift(look.delay - self._delay):
                return
        if look.lag is None:
            self._miss(look)
            return
        if not self.is_needed:
            weight = 2 if look.is_pure else 1
            is_near = abs(look.lag - self._lag) <= NEAR_SAMPLES
            self._sightings = max(0, self._sightings + (weight if is_near else -weight))
            if not self._sightings:
                self._lag, self._sightings = look.lag, weight
            if self._sightings < FIRST_SIGHTINGS:
                return
            self._begin(look.lag)
        self._looks_without = 0
        if look.is_pure:
            heard = self._finder.heard[-HEARD_SAMPLES:]
            coupling = _power(heard) / (_power(self._reference(len(heard))) + 1e-12)
            self._coupling = min(MOST_COUPLING, coupling)
        if look.delay is None and not look.still_holds(self._lag):
            self._jump(look.lag, weight=PURE_WEIGHT if look.is_pure else 1)
        else:
            self._far_sightings = 0
            self._settling = max(0, self._settling - SETTLING_FRAMES // 4)

    def _miss(self, look: Look) -> None:
        """No echo was evident without knowing the room."""
        self._sightings = max(0, self._sightings - 1)
        self._looks_without += not look.is_early and look.delay is None
        if self._looks_without >= (GONE_LOOKS if self.is_needed else ABSENT_LOOKS):
            self.state = EchoState.ABSENT

    def _begin(self, lag: int) -> None:
        """Echo is evident: the filter learns from what was heard of it already."""
        self.state = EchoState.REMOVED
        self._path = self._next_path = None
        self._good_db, self._probation = 0.0, 0
        self._lag, self._delay = lag, max(0, lag - HEADROOM_SAMPLES)
        self._reduction_db, self._echo_power, self._frames = 0.0, 0.0, 0
        self._lasting_db, self._played_power, self._failing = 0.0, 0.0, 0
        self._far_sightings = 0
        heard = self._finder.heard
        reference = self._reference(len(heard))
        self._filter = EchoFilter(min(MOST_COUPLING, _power(heard) / (_power(reference) + 1e-12)))
        for start in range(0, len(heard), 2 * BLOCK_SAMPLES):
            end = start + 2 * BLOCK_SAMPLES
            frame, past = heard[start:end], reference[start:end]
            self._judge(frame, past, *self._filtered(frame, past))

    def _shift(self, by: int) -> bool:
        """The echo comes earlier or later than before, in the same room; False if hardly."""
        if abs(by) < LEAST_SHIFT_SAMPLES or self._delay + by < 0:
            return False
        self._lag, self._delay = self._lag + by, self._delay + by
        self._next_path, self._probation = None, 0
        self._settling = SETTLING_FRAMES
        if self._path is not None:  # what was learnt since then is wrong
            self._filter.return_to(self._path)
        return True

    def _jump(self, lag: int, *, weight: int) -> None:
        """The echo seems to come by another way than the one known."""
        if self._frames >= YOUNG_FRAMES and 0 <= lag - self._delay < SPAN_SAMPLES:
            self._lag = lag  # the filter spans it and goes on learning
            return
        is_near = abs(lag - self._far_lag) <= NEAR_SAMPLES
        self._far_sightings = weight + (self._far_sightings if is_near else 0)
        self._far_lag = lag
        is_young = self._frames < YOUNG_FRAMES and weight == PURE_WEIGHT
        if is_young or self._far_sightings >= FAR_SIGHTINGS:
            self._begin(lag)

    def _reference(self, samples: int) -> Waveform:
        """Returns what was played so long ago that its echo is in the last `samples` heard."""
        played = self._finder.played
        end = len(played) - self._delay
        return played[max(0, end - samples) : end]

    def _filtered(self, frame: Waveform, reference: Waveform) -> tuple[Waveform, Waveform]:
        blocks = [
            self._filter.process(
                frame[start : start + BLOCK_SAMPLES], reference[start : start + BLOCK_SAMPLES]
            )
            for start in range(0, len(frame), BLOCK_SAMPLES)
        ]
        left = np.concatenate([left for left, _ in blocks])
        return left, np.concatenate([removed for _, removed in blocks])

    def _judge(self, frame: Waveform, played: Waveform, left: Waveform, echo: Waveform) -> None:
        expected = _power(echo)
        if self._reduction_db < KNOWN_DB:  # nor is the delay known for sure
            lately = self._finder.played[-HEARD_SAMPLES:]
            expected = max(expected, self._coupling * max(_power(played), _power(lately)))
        self._echo_power = max(expected, ECHO_DECAY * self._echo_power)
        if _power(played) > AUDIBLE_POWER and _power(frame) > 0.0:
            reduction_db = _decibels(_power(frame) / (_power(left) + 1e-12))
            # quickly up, slowly down: in double talk nothing seems to be reduced
            is_telling = reduction_db > self._reduction_db or self._is_pure
            rate = QUICKLY if is_telling else SLOWLY
            self._reduction_db += rate * (reduction_db - self._reduction_db)
            self._learn(reduction_db)
            self._is_doubtful = reduction_db < DOUBTFUL_DB
            self._frames += 1
            self._settling = max(0, self._settling - 1)
            self._judge_filter(reduction_db, _power(played))
        self.margin_db = NO_ECHO_DB
        if self._echo_power > 1e-9:
            lacking_db = LEARNING_SHARE * max(0.0, LEARNT_DB - self._reduction_db)
            self.margin_db = _decibels(_power(left) / self._echo_power)
            self.margin_db -= min(LEARNING_MOST_DB, lacking_db)
            self.margin_db -= SETTLING_DB if self._settling else 0.0

    def _learn(self, reduction_db: float) -> None:
        """Keeps the path that fits, once it is a second old.

        A younger one fits what is heard just now whatever its delay: it has learnt from it.
        """
        self._good_db += (reduction_db - self._good_db) / PROBATION_FRAMES
        self._probation += 1
        if self._probation < PROBATION_FRAMES:
            return
        self._probation = 0
        if self._good_db < KNOWN_DB:
            self._next_path = None
            return
        self._path, self._next_path = self._next_path or self._path, self._filter.path

    def _judge_filter(self, reduction_db: float, played: float) -> None:
        """Says where the filter has taken too little away for long, and where it does so again.

        Every frame counts alike: of powers a loud person's would outweigh all echo for half a
        minute. Frames with less played than usual are left out: noise covers their echo.
        """
        self._played_power += MEMORY * (played - self._played_power)
        self._failing += self._failing > 0
        if played < self._played_power:
            return
        self._lasting_db += MEMORY * (reduction_db - self._lasting_db)
        if self._lasting_db >= TOO_LITTLE_DB:
            self._failing = 0
        self._failing = max(self._failing, int(self._lasting_db < TOO_LITTLE_DB))
        if self._failing > PATIENCE_FRAMES:
            self.state = EchoState.TOO_STRONG
        elif self._lasting_db > ENOUGH_DB:
            self.state = EchoState.REMOVED


def open_canceller(mode: EchoMode) -> EchoCanceller | None:
    """Returns the canceller that `mode` needs, or None."""
    return EchoRemover() if mode == "cancel" else None


def _power(waveform: Waveform) -> float:
    return float(np.dot(waveform, waveform)) / max(1, len(waveform))


def _decibels(ratio: float) -> float:
    return 10.0 * math.log10(max(1e-12, ratio))
