"""When a turn starts, pauses and ends: speech probabilities on the audio clock in, marks out.

There is no clock and no I/O here: time is the count of samples fed so far. The same class
serves live talk and recordings. A caller feeds one probability for each frame and acts on the
marks that come back:

    STARTED → DROPPED                         a noise, a cough, an "uh-huh": no turn
    STARTED → CONFIRMED → PAUSED → ENDED      a turn; work may begin at PAUSED
                          PAUSED → RESUMED    the person went on: forget what was begun

While the assistant speaks, a person who says "uh-huh" does not want the floor, and one who says
"stop" does. Both last half a second, so that the assistant falls silent before it is clear:

    STARTED → YIELDED → BRIEF → DROPPED       an "uh-huh": it goes on where it fell silent
                        BRIEF → CONFIRMED     a "stop": the words decide
              YIELDED → CONFIRMED             more than an "uh-huh"

Where the words tell neither, it stays silent for a while longer: the person may go on. Who speaks
while the assistant has just begun, or is about to end, rather wants the floor: `Floor`.

Where levels are given, a voice far weaker than the one that has the turn neither prolongs a turn
nor begins one: `assistant.turns.foreground`.
"""

from collections.abc import Callable
from enum import Enum

from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.foreground import Foreground, Weakness
from assistant.turns.marks import Boundary, EndReason, Floor, TurnMark, Verdict

MOST_WITHHELD_MS, NOTICED_MS = 256, 128
"""How much earlier a turn may begin for frames that were withheld from the detector, and how long
the detector takes to notice speech once it is given any."""
BEYOND_DOUBT = 0.96
"""Completeness from which a stranger is answered as soon as somebody who is known: it cuts none of
182 pauses of learners more, judged by the sound; 0.92 cuts two, 0.85 ten."""
_ASKS_WORDS = (Floor.TAKEN, Floor.HELD, Floor.ENDING)
"""Where an "uh-huh" is to be expected."""


class _Phase(Enum):
    IDLE = 0
    ONSET = 1
    SPEAKING = 2
    PAUSED = 3


class Endpointer:
    """Finds the turns in a stream of speech probabilities."""

    def __init__(
        self,
        settings: EndpointingSettings | None = None,
        *,
        frame_samples: int = 512,
        sample_rate: int = SPEECH_RATE_HZ,
        completeness: Callable[[], float | None] | None = None,
        verdict: Callable[[], Verdict | None] | None = None,
    ) -> None:
        """Starts at sample 0 of the audio clock.

        Args:
            settings: Thresholds and times; the defaults where omitted.
            frame_samples: Samples that each probability stands for.
            sample_rate: Hz of the audio clock.
            completeness: Asked at every frame of a pause for the probability in [0, 1] that
                the words so far are a whole turn; None means "not known yet".
            verdict: Asked after BRIEF what the words meant; None means "not known yet". Without
                it all that is brief is unclear.
        """
        self.settings = settings or EndpointingSettings()
        self.patience = 1.0
        """Factor on the silence that ends a turn; may be set at any time."""
        self.least_silence_ms = 0.0
        """Silence that ends a turn at the earliest; likewise."""
        self.least_beyond_doubt_ms: float | None = None
        """The same where it is complete beyond doubt; None: no other."""
        self._frame = frame_samples
        self._rate = sample_rate
        self._completeness = completeness
        self._verdict = verdict
        self._phase = _Phase.IDLE
        self._clock = 0
        self._start = 0
        self._onset = 0
        self._heard = 0
        self._voiced = 0
        self._run = 0
        self._last_voiced = 0
        self._last_near = 0
        self._foreground = Foreground()
        self._floor = Floor.FREE
        self._announced = False
        self._has_yielded = False
        self._is_brief = False
        self._asked_at: int | None = None
        self._insists = False
        self._insists_until = 0
        self._previous_end = 0
        self._withheld = 0
        self._withheld_until = 0

    @property
    def clock_samples(self) -> int:
        """Samples fed so far."""
        return self._clock

    @property
    def is_idle(self) -> bool:
        """Whether neither a turn nor the beginning of one is under way."""
        return self._phase is _Phase.IDLE

    @property
    def in_turn(self) -> bool:
        """Whether a confirmed turn is under way, pauses included."""
        return self._phase in (_Phase.SPEAKING, _Phase.PAUSED)

    @property
    def turn_samples(self) -> int:
        """How long the confirmed turn under way has lasted; 0 outside a turn."""
        return self._clock - self._onset if self.in_turn else 0

    @property
    def pause_ms(self) -> float:
        """Silence since the last speech frame of the turn under way; 0 outside a turn."""
        return self._ms(self._clock - self._last_voiced) if self.in_turn else 0.0

    def required_silence_ms(self) -> float:
        """Returns the silence that would end the turn, by what is known now."""
        settings = self.settings
        score = self._completeness() if self._completeness else None
        share = settings.usual_share
        if score is not None:
            share = min(1.0, max(0.0, score / settings.sure_completeness))
        shortest, longest = settings.shortest_silence_ms, settings.longest_silence_ms
        required_ms = (longest - (longest - shortest) * share) * self.patience
        # This person has paused so long before, and went on, or it is not known how they pause.
        least_ms = self.least_silence_ms
        if score is not None and score >= BEYOND_DOUBT and self.least_beyond_doubt_ms is not None:
            least_ms = self.least_beyond_doubt_ms
        return max(required_ms, least_ms)

    def feed(
        self,
        probability: float,
        *,
        floor: Floor = Floor.FREE,
        level_db: float | None = None,
        is_withheld: bool = False,
    ) -> list[TurnMark]:
        """Takes the speech probability of the next frame.

        Args:
            probability: In [0, 1].
            floor: Who else is heard. What it is as speech sets in decides how that is judged.
            level_db: Level of the frame relative to full scale; None where it means nothing.
            is_withheld: Whether the frame was not looked at, because it might have been echo. A
                turn that begins right after such frames begins so much earlier.

        Returns:
            The marks that this frame decides, in order; most often none.
        """
        self._clock += self._frame
        self._note_withheld(is_withheld)
        voiced = probability >= self._threshold(floor is not Floor.FREE)
        if level_db is not None:
            voiced = self._is_near(voiced, level_db)
        if self._phase is _Phase.IDLE:
            if not voiced:
                return []
            self._open(floor)
        # In a pause one loud frame breaks no silence yet: `_pause_step` counts them.
        if voiced and self._phase is not _Phase.PAUSED:
            self._voice()
        if self._phase is _Phase.ONSET:
            # Beside the assistant's voice plain speech alone counts for more than lowering it: a
            # detector that was just begun anew gives a noise 0.8, falling to 0.5, and people stay
            # above 0.9.
            is_sure = floor is Floor.FREE or probability >= self.settings.contested_threshold
            return self._onset_step(voiced, voiced and is_sure, floor)
        return self._turn_step(voiced)

    def finish(self) -> list[TurnMark]:
        """Ends the input: returns the end of the turn under way, if there is one."""
        if self._phase is _Phase.ONSET:
            return self._drop()
        return [self._end(EndReason.INPUT_ENDED)] if self.in_turn else []

    def cancel(self) -> list[TurnMark]:
        """Forgets the turn under way (muted, or push-to-talk let go): drops what was announced."""
        if self._phase is _Phase.IDLE:
            return []
        # What was heard until now is given up, so that no later turn reaches back into it.
        self._previous_end = self._clock
        return self._drop()

    def _is_near(self, voiced: bool, level_db: float) -> bool:
        """Returns whether a frame with speech is the person's, as far as its level tells."""
        if not voiced:
            self._foreground.silent()
            return False
        weakness = self._weakness()
        if not self._foreground.admits(level_db, weakness, in_turn=self.in_turn):
            # What was weak until now was no end of the person's: their silence began with their own
            # last word.
            if self._foreground.has_found_room:
                self._last_voiced = min(self._last_voiced, self._last_near)
            return False
        if self.in_turn and (frames := self._foreground.taken_over_by(weakness)):
            # What was said before the louder voice belongs to the room, and not to this turn.
            lead = self._samples(self.settings.lead_ms)
            self._start = max(self._start, self._clock - frames * self._frame - lead)
        return True

    def _weakness(self) -> Weakness:
        settings = self.settings
        return Weakness(settings.weak_db, self._samples(settings.weak_ms) // self._frame)

    def _voice(self) -> None:
        """Takes a frame of speech of whoever has the turn, or may have it."""
        self._last_voiced = self._clock
        if not self._foreground.is_weak:
            self._last_near = self._clock

    def _threshold(self, contested: bool) -> float:
        settings = self.settings
        if self._phase in (_Phase.IDLE, _Phase.ONSET) and contested:
            return min(settings.duck_threshold, settings.contested_threshold)
        # More is needed to open a turn, or to break its pause, than to go on with it: within a turn
        # soft sounds are speech.
        if self._phase in (_Phase.IDLE, _Phase.PAUSED):
            return settings.start_threshold
        return settings.end_threshold

    def _note_withheld(self, is_withheld: bool) -> None:
        if is_withheld:
            most = self._samples(MOST_WITHHELD_MS)
            self._withheld, self._withheld_until = (
                min(most, self._withheld + self._frame),
                self._clock,
            )
        elif self._clock - self._withheld_until > self._samples(NOTICED_MS):
            self._withheld = 0

    def _open(self, floor: Floor) -> None:
        settings = self.settings
        self._phase = _Phase.ONSET
        self._floor = floor
        self._onset = self._clock - self._frame
        # A word is noticed after it began, and what was withheld as possible echo was not looked
        # at. Sound of the turn before is heard only once.
        lead = self._samples(settings.lead_ms) + self._withheld
        self._start = max(self._previous_end, self._onset - lead, 0)
        self._heard = self._voiced = 0
        self._announced = self._has_yielded = self._is_brief = False
        self._asked_at = None
        self._insists = self._clock <= self._insists_until
        self._foreground.begin()

    def _onset_step(self, voiced: bool, sure: bool, floor: Floor) -> list[TurnMark]:
        """Takes a frame: `voiced` is enough to announce speech, `sure` to make more of it."""
        settings = self.settings
        marks: list[TurnMark] = []
        self._heard += self._frame * voiced
        self._voiced += self._frame * sure
        if not self._announced and self._heard >= self._samples(settings.onset_ms):
            self._announced = True
            marks.append(self._mark(Boundary.STARTED))
        if self._announced and self._floor in _ASKS_WORDS:
            return marks + self._overlap_step(voiced)
        is_free = floor is Floor.FREE or self._floor is Floor.OFFERED
        needed_ms = settings.speech_ms if is_free else settings.contested_speech_ms
        if self._announced and self._voiced >= self._samples(needed_ms):
            marks.append(self._confirm())
        elif self._clock - self._last_voiced >= self._samples(settings.drop_ms):
            marks += self._drop()
        return marks

    def _overlap_step(self, voiced: bool) -> list[TurnMark]:
        """Tells an "uh-huh" from an interruption: by its length, and where it is brief by words."""
        settings = self.settings
        silent = self._clock - self._last_voiced
        if voiced:
            self._leave_brief()
        if voiced and self._voiced >= self._samples(settings.contested_turn_ms):
            return self._judge_long()
        # Who is about to end need not fall silent for it: a break before the last word is worse.
        may_yield = self._floor is not Floor.ENDING and not self._has_yielded
        if may_yield and self._voiced >= self._samples(settings.yield_ms):
            self._has_yielded = True
            return [self._mark(Boundary.YIELDED)]
        if self._is_brief and silent >= self._samples(settings.drop_ms):
            return self._judge_brief(silent)
        if not voiced and not self._is_brief and silent >= self._samples(settings.drop_ms / 2):
            self._is_brief = True
            if self._voiced >= self._samples(settings.brief_ms):
                return [self._mark(Boundary.BRIEF)]
        return []

    def _leave_brief(self) -> None:
        """Goes on after a brief pause: several "uh-huh" in a row do not add up to a long one."""
        was_asked = self._is_brief and self._voiced >= self._samples(self.settings.brief_ms)
        verdict = self._verdict() if was_asked and self._verdict else None
        if verdict is not None and verdict.lets_go_on:
            self._voiced = 0
        self._is_brief = False

    def _judge_long(self) -> list[TurnMark]:
        """Asks the words before length alone decides: "go ahead, go ahead" has no pause to ask in.

        The assistant is silent by then, so that it costs nobody anything to know them.
        """
        settings = self.settings
        if self._verdict is None:
            return [self._confirm()]
        if self._asked_at is None:
            self._asked_at = self._clock
            return [self._mark(Boundary.BRIEF)]
        verdict = self._verdict()
        if verdict is None and self._clock - self._asked_at < self._samples(settings.verdict_ms):
            return []
        self._asked_at = None
        if verdict is None or not verdict.lets_go_on:
            return [self._confirm()]
        # Enough to be asked about once more when it is over.
        self._voiced = self._samples(settings.brief_ms)
        return []

    def _judge_brief(self, silent: int) -> list[TurnMark]:
        settings = self.settings
        verdict: Verdict | None = Verdict.UNCLEAR
        if self._verdict and self._voiced >= self._samples(settings.brief_ms):
            verdict = self._verdict()
        needed_ms = settings.drop_ms
        is_clear = verdict is not None and verdict.lets_go_on
        if self._has_yielded and not is_clear:
            needed_ms = settings.resume_ms
        # The model may be busy with others: its words are waited for longer, though not for ever,
        # while the assistant is silent.
        if verdict is None:
            needed_ms = max(needed_ms, settings.verdict_ms)
        is_late = silent >= self._samples(needed_ms)
        is_unclear = verdict is Verdict.UNCLEAR or (verdict is None and is_late)
        is_claim = verdict in (Verdict.CLAIMS, Verdict.GOES_ON)
        if is_claim or (is_unclear and self._claims_by_length()):
            return [self._confirm()]
        return self._drop(is_clear=is_clear) if is_late else []

    def _claims_by_length(self) -> bool:
        """Returns whether brief speech makes a turn although it is not clear what was said."""
        settings = self.settings
        if self._insists and self._has_yielded:
            return True
        match self._floor:
            case Floor.ENDING:
                needed_ms = settings.speech_ms
            case Floor.TAKEN:
                needed_ms = settings.contested_speech_ms
            case _:
                needed_ms = settings.unclear_turn_ms
        return self._voiced >= self._samples(needed_ms)

    def _confirm(self) -> TurnMark:
        self._phase = _Phase.SPEAKING
        return self._mark(Boundary.CONFIRMED)

    def _turn_step(self, voiced: bool) -> list[TurnMark]:
        settings = self.settings
        marks: list[TurnMark] = []
        silent = self._clock - self._last_voiced
        if self._phase is _Phase.SPEAKING and silent >= self._samples(settings.eager_ms):
            self._phase = _Phase.PAUSED
            self._run = 0
            marks.append(self._mark(Boundary.PAUSED))
        elif self._phase is _Phase.PAUSED:
            marks += self._pause_step(voiced)
        if self.in_turn and self._clock - self._onset >= self._rate * settings.longest_turn_s:
            marks.append(self._end(EndReason.LONGEST))
        return marks

    def _pause_step(self, voiced: bool) -> list[TurnMark]:
        """A pause is broken by speech as long as an onset, not by one loud frame."""
        if voiced:
            self._run += self._frame
            if self._run < self._samples(self.settings.onset_ms):
                return []
            self._phase = _Phase.SPEAKING
            self._voice()
            return [self._mark(Boundary.RESUMED)]
        self._run = 0
        if self._clock - self._last_voiced >= self._samples(self.required_silence_ms()):
            return [self._end(EndReason.SILENCE)]
        return []

    def _drop(self, *, is_clear: bool = False) -> list[TurnMark]:
        """Forgets what was heard; `is_clear` where it surely did not claim the floor."""
        self._phase = _Phase.IDLE
        if self._has_yielded and not is_clear:
            self._insists_until = self._clock + self._samples(self.settings.insist_ms)
        self._has_yielded = False
        return [self._mark(Boundary.DROPPED)] if self._announced else []

    def _end(self, reason: EndReason) -> TurnMark:
        self._phase = _Phase.IDLE
        self._foreground.end(self._weakness())
        mark = self._mark(Boundary.ENDED, reason)
        self._previous_end = mark.end_samples
        return mark

    def _mark(self, boundary: Boundary, reason: EndReason | None = None) -> TurnMark:
        tail = self._samples(self.settings.tail_ms)
        return TurnMark(
            boundary=boundary,
            at_samples=self._clock,
            start_samples=self._start,
            # A mark may come before the whole tail is there.
            end_samples=min(self._clock, self._last_voiced + tail),
            speech_end_samples=self._last_voiced,
            reason=reason,
        )

    def _samples(self, duration_ms: float) -> int:
        return round(duration_ms * self._rate / 1_000)

    def _ms(self, samples: int) -> float:
        return 1_000 * samples / self._rate
