"""What each voice does with each style: intelligibility, pitch, rate, level, pauses, first audio.

    python -m benchmarks.voices [--voices flite:slt espeak] [--sentences 36] [--write]

Words are recognised by PocketSphinx with its own English model; pitch is Praat's, by parselmouth.
Each voice has a section of its own in RESULTS.md, written as soon as the voice is through (about
three minutes): the voices may be measured one after the other.
"""

import argparse
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.audio.waveform import Waveform, resample
from assistant.empathy import load_policy
from assistant.engines.protocols import Cancel, SpeakingStyle, TextToSpeech
from assistant.engines.table import open_voice
from assistant.voice.speakable import speakable
from benchmarks.results import p50_p95, table, write_section
from models.emotions import Emotion

REPLIES = """
I am so sorry to hear that, please tell me what happened.
That sounds wonderful, you must be very proud of yourself.
It makes sense that you are angry about the way they treated you.
Take your time, I am listening to every word.
What would help you most right now?
I can hear how tired you are after such a long week.
You studied for months, and it finally paid off.
Losing a friend like that hurts more than people think.
Would you like to talk about what you will do next?
That is a big surprise, did you see it coming at all?
It is not your fault that the train was late.
I hope your mother gets better soon.
Thank you for telling me, that cannot have been easy.
A new house is a new beginning, what do you like best about it?
Let us take one thing at a time.
Your dog was part of the family for many years.
It is good to hear that you slept well.
Being alone in a new city is hard at first.
What did your brother say when you told him?
You have every right to be upset about the noise.
Cooking for other people is a kind gift.
I am glad that the doctor had good news for you.
Maybe a short walk in the park would do you good.
How long have you been working there?
It sounds like you had a wonderful day at the beach.
I understand, and I am not going anywhere.
Which part of the exam worries you the most?
Nobody should have to hear words like that at work.
Winning the game after such a bad start must feel great.
Do you have someone who can stay with you tonight?
You did the right thing, even if it was painful.
The rain may stop before the evening.
That was a long drive, are you hungry?
I would love to hear the story of how you met.
It is perfectly normal to miss your old life.
Your children will remember this day for a long time.
""".strip().splitlines()


@dataclass(frozen=True, slots=True)
class MeasuredVoice:
    """One voice in one style, over all sentences."""

    word_errors: float
    pitch_hz: float
    pitch_spread: float
    words_a_minute: float
    level_db: float
    first_audio_ms: list[float]
    real_time_factor: float


def styles() -> dict[str, SpeakingStyle]:
    """Returns the styles of the default policy, and anger mirrored as the most extreme one."""
    policy = load_policy()
    found = {f"to {emotion.label}": policy.style_for(emotion) for emotion in Emotion}
    return found | {"anger mirrored": load_policy("mirror").style_for(Emotion.ANGRY)}


def speak(voice: TextToSpeech, text: str, style: SpeakingStyle) -> tuple[Waveform, float, float]:
    """Returns the waveform, the seconds to the first clip and those to the last."""
    start = time.perf_counter()
    clips = voice.synthesize(text, style, Cancel())
    samples = [next(clips).samples]
    first_s = time.perf_counter() - start
    samples += [clip.samples for clip in clips]
    return np.concatenate(samples), first_s, time.perf_counter() - start


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", speakable(text).lower())


def errors(reference: list[str], heard: list[str]) -> int:
    """Returns the edit distance in words."""
    row = list(range(len(heard) + 1))
    for i, expected in enumerate(reference, start=1):
        previous, row[0] = row[0], i
        for j, word in enumerate(heard, start=1):
            substituted = previous + (expected != word)
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, substituted)
    return row[-1]


def recognise(decoder: object, waveform: Waveform) -> list[str]:
    silence = np.zeros(4_800, np.float32)
    pcm = (np.concatenate([silence, waveform, silence]) * 32767).astype(np.int16)
    decoder.start_utt()  # type: ignore[attr-defined]
    decoder.process_raw(pcm.tobytes(), full_utt=True)  # type: ignore[attr-defined]
    decoder.end_utt()  # type: ignore[attr-defined]
    hypothesis = decoder.hyp()  # type: ignore[attr-defined]
    return hypothesis.hypstr.split() if hypothesis else []


def pitches(waveform: Waveform, rate: int) -> np.ndarray:
    import parselmouth

    sound = parselmouth.Sound(waveform.astype(np.float64), rate)
    track = sound.to_pitch(pitch_floor=60, pitch_ceiling=400).selected_array["frequency"]
    return track[track > 0]


def measure(voice: TextToSpeech, style: SpeakingStyle, sentences: Sequence[str]) -> MeasuredVoice:
    import pocketsphinx

    decoder = pocketsphinx.Decoder(samprate=16_000, loglevel="FATAL")
    missed, count, seconds, spent = 0, 0, 0.0, 0.0
    tracks: list[np.ndarray] = []
    loud: list[np.ndarray] = []
    firsts: list[float] = []
    for sentence in sentences:
        waveform, first_s, whole_s = speak(voice, sentence, style)
        reference = words(sentence)
        heard = resample(waveform, from_hz=voice.sample_rate, to_hz=16_000)
        missed += errors(reference, recognise(decoder, heard))
        count += len(reference)
        seconds += len(waveform) / voice.sample_rate
        spent += whole_s
        firsts.append(1000 * first_s)
        tracks.append(pitches(waveform, voice.sample_rate))
        loud.append(waveform[np.abs(waveform) > 0.01])
    track = np.concatenate(tracks)
    low, middle, high = np.quantile(track, [0.1, 0.5, 0.9])
    return MeasuredVoice(
        word_errors=missed / count,
        pitch_hz=float(middle),
        pitch_spread=float(12 * np.log2(high / low)),
        words_a_minute=60 * count / seconds,
        level_db=float(10 * np.log10(np.mean(np.concatenate(loud).astype(np.float64) ** 2))),
        first_audio_ms=firsts,
        real_time_factor=spent / seconds,
    )


HEAD = (
    "voice",
    "style",
    "word errors",
    "pitch Hz",
    "10–90 % semitones",
    "words/min",
    "level dBFS",
    "first audio ms, p50 / p95",
    "RTF",
)


def rows(name: str, sentences: Sequence[str]) -> list[list[object]]:
    """Returns the rows of one voice, and prints each as soon as it is known."""
    voice = open_voice(name)
    speak(voice, "Hello.", SpeakingStyle())
    found: list[list[object]] = []
    for label, style in styles().items():
        measured = measure(voice, style, sentences)
        found.append(
            [
                name,
                label,
                f"{100 * measured.word_errors:.1f} %",
                f"{measured.pitch_hz:.0f}",
                f"{measured.pitch_spread:.1f}",
                f"{measured.words_a_minute:.0f}",
                f"{measured.level_db:.1f}",
                p50_p95(measured.first_audio_ms, 1),
                f"{measured.real_time_factor:.3f}",
            ]
        )
        print(*found[-1], sep="\t", flush=True)
    return found


def main() -> None:
    """Measures each voice and prints its table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", nargs="+", default=["flite:slt", "espeak"])
    parser.add_argument("--sentences", type=int, default=len(REPLIES))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    sentences = REPLIES[: arguments.sentences]
    for name in arguments.voices:
        body = f"{len(sentences)} replies a cell.\n\n{table(HEAD, rows(name, sentences))}"
        print(body)
        if arguments.write:
            command = f"python -m benchmarks.voices --voices {name}"
            if len(sentences) < len(REPLIES):
                command += f" --sentences {len(sentences)}"
            write_section(f"Voice {name}", command, body)


if __name__ == "__main__":
    main()
