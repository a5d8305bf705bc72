"""The check before the first conversation: microphone, loudspeaker, headphones, and attention."""

from collections.abc import Mapping
from typing import Any, cast

from assistant.errors import InputError
from assistant.study.keeping.participant import Participant
from assistant.study.run import pages
from assistant.study.run.roster import Roster

LEAST_DB, MOST_DB = -200.0, 20.0
"""Outside of these no level is one."""
_FIGURES = {
    word: str(figure)
    for figure, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}


class SoundCheck:
    """Takes the measures of the check in; whoever fails it too often is screened out."""

    def __init__(self, roster: Roster) -> None:
        """Checks the participants of `roster`."""
        self._roster = roster
        self._settings = roster.study.sound

    def take(self, participant: str, values: Mapping[str, Any]) -> None:
        """Takes the values of the page; who fails a check once too often is out afterwards.

        Raises:
            InputError: Something is missing or not good enough; says what to do.
        """
        state = self._roster.participant(participant)
        sound = self._settings
        if sound.check and "microphone" not in state.passed:
            level, noise = values.get("microphone_db"), values.get("noise_db")
            if not self._microphone(state, level, noise):
                return
        if sound.check and values.get("loudspeaker") is not True:
            raise InputError("play the sound, and say that you hear it")
        if sound.headphones != "off" and "headphones" not in state.passed:
            right = self._headphones(state, values.get("headphones"))
            passed = right >= pages.HEADPHONES_RIGHT or sound.headphones == "asked"
            if not self._check(state, "headphones", passed, "put headphones on, and listen again"):
                return
        if sound.attention_word and "attention" not in state.passed:
            raise InputError(f"say the word {sound.attention_word!r} aloud first")

    def _microphone(self, state: Participant, level: object, noise: object) -> bool:
        if not isinstance(level, int | float) or not LEAST_DB < level < MOST_DB:
            raise InputError("the microphone was not heard yet: speak a sentence first")
        self._measure(state, "microphone_db", round(float(level), 1))
        if isinstance(noise, int | float) and LEAST_DB < noise < MOST_DB:
            self._measure(state, "noise_db", round(float(noise), 1))
        is_loud = level >= self._settings.least_db
        return self._check(
            state, "microphone", is_loud, "speak louder, or closer to the microphone"
        )

    def _headphones(self, state: Participant, given: object) -> int:
        """Returns how many trials were right."""
        chosen = cast(list[Any], given) if isinstance(given, list) else []
        trials = pages.headphone_trials(self._roster.study, state.name)
        if len(chosen) != len(trials) or None in chosen:
            raise InputError("listen to all tones of the headphone check first")
        pairs = zip(trials, chosen, strict=True)
        right = sum(trial.index("quiet") == choice for trial, choice in pairs)
        self._measure(state, "headphones_right", right)
        return right

    def attention(self, state: Participant, heard: str) -> bool:
        """Looks for the word that was to be said in what was heard; the words are not kept."""
        word = self._settings.attention_word.casefold()
        said = "".join(c if c.isalnum() else " " for c in heard.casefold()).split()
        passed = bool({word, _FIGURES.get(word, word)} & set(said))
        self._measure(state, "attention_word", int(passed))
        self._note(state, "attention", passed)
        return passed

    def _measure(self, state: Participant, item: str, value: float) -> None:
        self._roster.note(
            state.name,
            "answered",
            step="sound",
            block=None,
            instrument="sound",
            item=item,
            position=None,
            value=value,
            seconds=None,
        )

    def _check(self, state: Participant, check: str, passed: bool, remedy: str) -> bool:
        """Notes what came of a check; returns whether it was passed, or failed for good."""
        left = self._note(state, check, passed)
        if passed or not left:
            return passed
        tries = "one try is" if left == 1 else f"{left} tries are"
        raise InputError(f"that was not good enough: {remedy}; {tries} left")

    def _note(self, state: Participant, check: str, passed: bool) -> int:
        """Notes what came of a check; returns how often it may still be tried."""
        roster = self._roster
        roster.note(state.name, "checked", check=check, passed=passed)
        # Each check counts for itself: a quiet microphone must not cost a try at the word.
        failures = roster.participant(state.name).failures.get(check, 0)
        left = max(0, self._settings.attempts - failures)
        if not left:
            reason = f"failed the check of {check}"
            roster.note(state.name, "stopped", reason=reason, status="screened_out")
        return left
