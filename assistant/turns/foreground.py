"""Whose speech counts: a voice far weaker than the one that has the turn belongs to the room.

There is no clock and no I/O here: levels of frames with speech in, on the count of frames. Levels
are relative all through, so that a quiet microphone, or a person who whispers a whole turn, is as
good as any: speech is *weak* only beside the voice of its turn, or beside the person known from the
turns before. What is weak may still be the person, who speaks softly at the end of a sentence or
adds something under their breath. It is the room that speaks where

- weak speech goes on within a turn for longer than such an end,
- the voice of a turn is far weaker than what follows within it, or
- a weak turn is over and the same voice talks on, whoever answers it: a person waits for an answer.

From then on the room is known: speech no louder than its voice, and weak, is none, until the room
has been quiet for a while. Speech weaker still than any whisper is none even before, for a while
after the person spoke: not for ever, because they may have changed the microphone.
"""

from collections import deque
from dataclasses import dataclass

HELD_FRAMES = 8
"""A frame counts by the loudest one of so many, 256 ms: within a syllable, levels change by 20 dB,
and then by 6 (flite's four voices reading news; 11 dB from the first percentile to the last)."""
LOUD_FRAMES = 20
"""A voice is as loud as so many of its frames reach, 0.4 s of sound: not as a click, or as a "hey!"
at whose level nobody talks on."""
VOICE_FRAMES = 128
"""A voice is known by so many of its last frames with speech, 4 s: people move."""
JUMP_FRAMES = 24
"""Frames with speech within which another voice, far louder, takes a turn over."""
DOUBT_FRAMES, TALKS_ON = 125, 0.5
"""After a weak turn, the room has talked on where so large a share of 4 s is speech."""
FAR_MARGINS, FAR_FRAMES = 2.25, 2_800
"""Speech so many margins below the person is no whisper, for 90 s after they spoke."""
LOUDER_DB = 8.0
"""How much louder than known so far the room may become: programmes change."""
REMEMBERED = 10
"""The room is remembered for so many times as long as it was heard …"""
MOST_FRAMES = 375
"""… but for 2 minutes, of 12 s heard, at most."""


@dataclass(frozen=True, slots=True)
class Weakness:
    """What is weak."""

    margin_db: float
    """How far below the voice it is compared with."""
    frames: int
    """Weak speech that may still be the end of what a person says."""


class VoiceLevel:
    """How loud somebody speaks, by their last frames with speech."""

    def __init__(self) -> None:
        self.levels: deque[float] = deque(maxlen=VOICE_FRAMES)

    def add(self, level_db: float) -> None:
        """Takes the level of a frame with speech."""
        self.levels.append(level_db)

    @property
    def level_db(self) -> float | None:
        """The level; None where too little was heard."""
        if len(self.levels) < LOUD_FRAMES:
            return None
        return sorted(self.levels, reverse=True)[LOUD_FRAMES - 1]


class Foreground:
    """Follows the voice of the turn, the person known from the turns before, and the room."""

    def __init__(self) -> None:
        self.has_found_room = False
        """Whether what was weak until now within the turn has just turned out to be the room."""
        self._held: deque[float] = deque(maxlen=HELD_FRAMES)
        self._person_db: float | None = None
        self._since_person = 0
        self._turn = VoiceLevel()
        self._turn_dbs: deque[float] = deque(maxlen=JUMP_FRAMES)
        self._turn_frames = 0
        self._weak: list[float] = []
        self._room = VoiceLevel()
        self._room_left = 0.0
        self._doubted: VoiceLevel | None = None
        self._doubt_heard = self._doubt_left = 0

    @property
    def is_weak(self) -> bool:
        """Whether the last frame with speech was weak beside the voice of the turn."""
        return bool(self._weak)

    def admits(self, level_db: float, weakness: Weakness, *, in_turn: bool) -> bool:
        """Takes a frame with speech; returns whether it counts as speech."""
        self.has_found_room = False
        self._since_person += 1
        self._held.append(level_db)
        held_db = max(self._held)
        self._doubt(heard=True)
        own_db = self._own_db(weakness) if in_turn else self._person_db
        is_weak = own_db is not None and held_db < own_db - weakness.margin_db
        if is_weak and self._is_room(held_db):
            self._room.add(held_db)
            self._remember(1)
            return False
        if not in_turn:
            return not self._is_far(held_db, weakness)
        if not is_weak:
            self._add(held_db)
        else:
            self._weak.append(held_db)
            if len(self._weak) >= weakness.frames:
                self._know_room(self._weak)
                self.has_found_room = True
                return False
        return True

    def silent(self) -> None:
        """Takes a frame without speech."""
        self._since_person += 1
        self._held.append(-200.0)
        self._doubt(heard=False)
        self._room_left -= 1
        if self._room_left <= 0:
            self._room.levels.clear()

    def begin(self) -> None:
        """A turn may have begun."""
        self._turn = VoiceLevel()
        self._turn_dbs.clear()
        self._turn_frames = 0
        self._weak = []

    def taken_over_by(self, weakness: Weakness) -> int:
        """Returns how many frames are those of a far louder voice that took the turn over just now.

        What was said before then belongs to the room. 0 where it is the voice that it was.
        """
        level_db = self._turn.level_db
        before = self._turn_frames - JUMP_FRAMES
        if level_db is None or before < weakness.frames:
            return 0
        least_db = level_db - weakness.margin_db
        if self._turn_dbs[0] > least_db:
            return 0
        recent = list(self._turn.levels)[-JUMP_FRAMES:]
        room = list(self._turn.levels)[:-JUMP_FRAMES]
        louder = [level for level in recent if level >= least_db]
        self.begin()
        for level in louder:
            self._add(level)
        self._know_room(room)
        return len(louder)

    def end(self, weakness: Weakness) -> None:
        """The turn is over: its voice was the person's, unless it was weak and talks on."""
        level_db = self._turn.level_db
        self._weak = []
        if level_db is None:
            return
        if self._person_db is None or level_db >= self._person_db - weakness.margin_db:
            known_db = level_db if self._person_db is None else self._person_db
            self._person_db = max(level_db, 0.5 * (level_db + known_db))
            self._since_person = 0
            return
        self._doubted, self._doubt_heard, self._doubt_left = self._turn, 0, DOUBT_FRAMES

    def _add(self, level_db: float) -> None:
        self._weak = []
        self._turn.add(level_db)
        self._turn_frames += 1
        turn_db = self._turn.level_db
        self._turn_dbs.append(level_db if turn_db is None else turn_db)

    def _own_db(self, weakness: Weakness) -> float | None:
        """Returns how loud the voice of the turn is; that of the person while it is theirs."""
        level_db, person_db = self._turn.level_db, self._person_db
        if level_db is not None or person_db is None:
            return level_db
        least_db = person_db - weakness.margin_db
        loud_frames = sum(level >= least_db for level in self._turn.levels)
        return person_db if loud_frames > HELD_FRAMES else None

    def _is_far(self, level_db: float, weakness: Weakness) -> bool:
        if self._person_db is None or self._since_person > FAR_FRAMES:
            return False
        return level_db < self._person_db - FAR_MARGINS * weakness.margin_db

    def _is_room(self, level_db: float) -> bool:
        room_db = self._room.level_db
        return room_db is not None and level_db <= room_db + LOUDER_DB

    def _know_room(self, levels_db: list[float]) -> None:
        for level_db in levels_db:
            self._room.add(level_db)
        self._remember(len(levels_db))
        self._weak = []

    def _remember(self, frames: int) -> None:
        self._room_left = min(self._room_left + REMEMBERED * frames, REMEMBERED * MOST_FRAMES)

    def _doubt(self, *, heard: bool) -> None:
        """Finds out whether the voice of a weak turn talks on."""
        doubted = self._doubted
        if doubted is None:
            return
        self._doubt_heard += heard
        self._doubt_left -= 1
        if self._doubt_heard >= TALKS_ON * DOUBT_FRAMES:
            self._know_room(list(doubted.levels))
        elif self._doubt_left <= 0:
            self._person_db = doubted.level_db
            self._since_person = 0
        else:
            return
        self._doubted = None
