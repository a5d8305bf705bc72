"""`talk` in a process of its own with a scripted model: `python -m tests.ui.terminal.scene ...`.

Everything else is real: terminal, keys, signals, devices and, where it is named, the voice.
"""

import sys
from collections.abc import Iterator

import app
from assistant.assembly import open_sound_judge
from assistant.audio.waveform import AudioClip
from assistant.conversation.engines import Engines
from assistant.empathy import load_policy
from assistant.engines.parts import Watch
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.table import open_vad, open_voice
from assistant.settings import TalkCommandSettings
from assistant.turns.settings import TurnJudgeSettings
from models.emotions import Emotion
from tests.fakes import LevelDetector, ScriptedModel, ToneVoice, certain
from ui.terminal import command

LONG_REPLY = (
    "That sounds like a lot to carry, and I am glad that you tell me about it. "
    "Take all the time that you need, there is no hurry at all. "
    "When you look back at the whole week, what was the hardest moment of it? "
    "And was there anything, even something small, that did you good?"
)
"""About 13 seconds of speech."""
SHORT_REPLY = "I see, please go on."


class BrokenVoice(ToneVoice):
    """A voice with a bug."""

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        raise KeyError(f"a bug in speaking {text!r}")


def open_scripted(
    settings: TalkCommandSettings, _watch: Watch, judging: TurnJudgeSettings
) -> Engines:
    """Returns a model that follows a script; voice and ear are real unless the voice is `tone`."""
    model = ScriptedModel(
        [LONG_REPLY, SHORT_REPLY],
        [certain(Emotion.SAD, 0.81), certain(Emotion.ANGRY, 0.7), certain(Emotion.HAPPY, 0.9)],
    )
    policy, judge = load_policy(settings.policy), open_sound_judge(judging)
    if settings.voice == "broken":
        return Engines(model, BrokenVoice(), policy, LevelDetector(), "broken", judge=judge)
    if settings.voice == "tone":
        return Engines(model, ToneVoice(), policy, LevelDetector(), "tone", judge=judge)
    voice = open_voice(settings.voice)
    return Engines(model, voice, policy, open_vad(), settings.voice, judge=judge)


if __name__ == "__main__":
    command.open_engines = open_scripted
    sys.exit(app.main(["talk", *sys.argv[1:]]))
