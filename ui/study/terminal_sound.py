"""The check of microphone, loudspeaker and attention in the terminal."""

import asyncio
from contextlib import ExitStack
from typing import Any

import numpy as np

from assistant.audio.waveform import AudioClip, Waveform
from assistant.checks.microphone import measure, taken
from assistant.errors import InputError
from assistant.study.design.conditions import Condition
from assistant.study.run.headphone_sounds import RATE_HZ, trial_sides
from assistant.study.run.pages import PageContent
from ui.study.terminal_context import TAB, PageContext

LISTEN_S = 4.0
NOTHING_DB = -120.0
TONE_S, TONE_HZ, TONE_LEVEL, TONE_RATE_HZ = 1.0, 440.0, 0.2, 16_000


class TerminalSound:
    """Checks the sound of one participant."""

    def __init__(self, context: PageContext) -> None:
        """Checks with the devices of `context`."""
        self._context = context

    def check(self, page: PageContent) -> dict[str, Any]:
        """Returns the measures of the page.

        Raises:
            InputError: The word was not understood.
            DeviceError: The loudspeaker is lost, or has one side only.
        """
        context = self._context
        context.say(page["text"])
        if page["word"]:
            self._attention(page["word"])
        values: dict[str, Any] = {"headphones": self._headphones(page["trials"])}
        if page["least_db"] is None:
            return values
        context.ask("Press Enter to hear a sound. ")
        asyncio.run(self._play())
        heard = context.ask("Do you hear it well? [y/n] ").casefold() in ("y", "yes")
        return {**values, "loudspeaker": heard, **self._level(page)}

    def _headphones(self, trials: list[list[str]]) -> list[int]:
        """Plays each trial until a tone is chosen; returns their places, from 0."""
        context, chosen = self._context, list[int]()
        if trials:
            context.say(
                "Put headphones on. In each trial you hear three tones: choose the softest."
            )
        for number, order in enumerate(trials, 1):
            context.ask(f"Trial {number} of {len(trials)}: press Enter to hear it. ")
            answer = ""
            while answer not in ("1", "2", "3"):
                context.devices.play_sides(*trial_sides(order), RATE_HZ)
                question = "Which was the softest: 1, 2 or 3? (Enter plays it again) "
                while (answer := context.ask(question)) not in ("", "1", "2", "3"):
                    context.say("Type 1, 2 or 3.")
            chosen.append(int(answer) - 1)
        return chosen

    def _level(self, page: PageContent) -> dict[str, float]:
        """Returns the levels of speech and of the room in dB of full scale, if still unknown."""
        if "microphone" in page["passed"]:
            return {}
        self._context.ask("Press Enter, and speak a sentence. ")
        detector = self._context.devices.engines.detector()
        frames = asyncio.run(self._recorded(detector.frame_samples))
        found = measure(frames, detector, 0)
        level = NOTHING_DB if found.speech_db is None else found.speech_db
        self._context.say(f"Your voice: {level:.0f} dB (at least {page['least_db']:.0f})")
        return {"microphone_db": level, "noise_db": found.noise_db}

    async def _recorded(self, frame_samples: int) -> list[Waveform]:
        with ExitStack() as cards:
            ends = self._context.devices.open_ends(cards, frame_samples)
            return await taken(ends.microphone.frames(), LISTEN_S)

    async def _play(self) -> None:
        time_s = np.arange(round(TONE_S * TONE_RATE_HZ), dtype=np.float32) / TONE_RATE_HZ
        tone = (TONE_LEVEL * np.sin(2 * np.pi * TONE_HZ * time_s)).astype(np.float32)
        detector = self._context.devices.engines.detector()
        with ExitStack() as cards:
            speaker = self._context.devices.open_ends(cards, detector.frame_samples).speaker
            await speaker.play(AudioClip(tone, TONE_RATE_HZ))
            await speaker.drain()

    def _attention(self, word: str) -> None:
        context, engines = self._context, self._context.devices.engines
        context.ask(f"Press Enter, and say the word “{word}”. ")
        frames = asyncio.run(self._recorded(engines.detector().frame_samples))
        model = engines.model(Condition.model_validate(context.runner.study.base))
        sound = np.concatenate(frames)
        words = model.transcribe(sound)
        if not context.runner.attention(context.name, TAB, words.text if words else ""):
            raise InputError("that was not understood: say it again")
