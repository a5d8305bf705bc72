"""Word errors of Whispers: strangers, learners and synthetic voices, clean and in noise.

    python -m benchmarks.word_errors --speech mini runs/audio-context/best [--write]

A Whisper by itself, or the ears of a checkpoint as it talks. Greedy decoding, Whisper's own text
normaliser on both sides. Speech is read below `ATTUNE_DATA`; a set that is not there is left out
and named. `--out FILE` keeps every single answer.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.results import table, write_section
from models.checkpoints.hub import checkpoint_folder
from models.checkpoints.whisper import load_decoder, load_encoder
from models.features import Waveform, speech_features
from models.listening.listener import Listener
from models.weights import read_json
from models.words.written import words_of, written_words
from train.corpora.files import CorpusFiles
from train.corpora.table import reader_of
from train.data.audio_files import read_audio
from train.data.manifest import Drops, Utterance
from train.language.domain import Intent, draw_values, fill, read_domain, templates
from train.metrics import word_error_rate
from train.synthetic.speech_cuts import pink_noise
from train.synthetic.spoken_sentences import open_voice, voice_says
from train.synthetic.surroundings import with_noise
from train.synthetic.voices import SyntheticVoice, speak

FLITE = SyntheticVoice("flite", "slt")
SPOKEN = {
    "flite": FLITE,
    "espeak": SyntheticVoice("espeak", "en-us"),
    "joe": None,
    "bf_emma": None,
}
"""By engine, or by name in the catalogue; no recipe trains on the last one."""
NOISE_DB = 10.0
SETS = ("librispeech", "speechocean762", *SPOKEN, *(f"{name} 10 dB" for name in SPOKEN))


@dataclass(frozen=True, slots=True)
class LabelledRecording:
    """A recording and its words."""

    waveform: Waveform
    words: str


class Recogniser:
    """A Whisper by itself: features, encoder, decoder."""

    def __init__(self, source: str) -> None:
        self.encoder = load_encoder(source)
        self._found = load_decoder(source, self.encoder)

    @torch.inference_mode()
    def words(self, waveform: Waveform) -> str:
        """Returns what is heard in up to 30 s."""
        features = speech_features(
            [waveform],
            mel_bins=self.encoder.config.mel_bins,
            pad_frames=self.encoder.pad_frames,
            trailing_frames=self.encoder.config.trailing_frames,
        )
        states = self.encoder(features)
        found = self._found
        words = written_words(found.decoder, found.transcription, states, found.tokenizer)
        return words_of([words], found.tokenizer, None).text


class ModelEars:
    """The ears of a checkpoint, in 8 bits where it talks in them."""

    def __init__(self, source: str) -> None:
        self._listener = Listener.from_pretrained(source, device="cpu")

    def words(self, waveform: Waveform) -> str:
        """Returns what is heard."""
        return self._listener.hear(waveform).words.text


def open_ears(source: str) -> Recogniser | ModelEars:
    """Returns what a Whisper, or a checkpoint of ours, hears with."""
    folder = checkpoint_folder(source)
    is_whisper = read_json(folder / "config.json").get("model_type") == "whisper"
    return Recogniser(source) if is_whisper else ModelEars(source)


def said(name: str, count: int) -> Iterator[LabelledRecording]:
    """Yields up to `count` recordings of a set, spread evenly over it."""
    if name.split()[0] in SPOKEN:
        yield from _spoken(name, count)
        return
    if not (data := os.environ.get("ATTUNE_DATA")):
        sys.exit(f"set ATTUNE_DATA to the folder of recordings: {name} lies below it")
    files = CorpusFiles(Path(data) / "asr" / name)
    all_of_it: list[Utterance] = list(reader_of(name)(files, Drops()))
    test = [u for u in all_of_it if u.split == "test"] or all_of_it
    for place in np.linspace(0, len(test) - 1, min(count, len(test))).astype(int):
        yield LabelledRecording(read_audio(test[place].audio), test[place].text)


def _spoken(name: str, count: int) -> Iterator[LabelledRecording]:
    """Sentences whose wording no training of this repository says."""
    domain = read_domain()
    wordings: list[tuple[Intent, str]] = list(templates(domain, "wording"))
    voice, noise = name.split()[0], "dB" in name
    own = SPOKEN[voice]
    natural = None if own else open_voice(voice)
    for place in np.linspace(0, len(wordings) - 1, count).astype(int):
        generator = np.random.default_rng([7, int(place)])
        intent, template = wordings[place]
        text = fill(template, draw_values(intent, template, generator))
        waveform = voice_says(natural, text) if natural else speak(text, own or FLITE)
        if noise:
            hiss = pink_noise(waveform.size, generator)
            waveform = with_noise(waveform, hiss, NOISE_DB, generator)
        yield LabelledRecording(waveform, text)
    if natural:
        natural.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", nargs="+", default=["whisper-tiny.en"])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--count", type=int, default=229)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recognisers = {source: open_ears(source) for source in options.speech}
    kept: list[dict[str, str]] = []
    rows: list[list[object]] = []
    for name in options.sets:
        try:
            clips = list(said(name, options.count))
        except (ValueError, OSError) as error:
            print(f"{name} is left out: {error}")
            continue
        for source, recogniser in recognisers.items():
            started = time.perf_counter()
            heard = [recogniser.words(clip.waveform) for clip in clips]
            each_s = (time.perf_counter() - started) / len(clips)
            figure = word_error_rate([(c.words, h) for c, h in zip(clips, heard, strict=True)])
            print(f"{name:22s} {source:40s} {figure}  {1000 * each_s:.0f} ms each", flush=True)
            low, high = (f"{100 * end:.1f}" for end in (figure.low, figure.high))
            share = f"{100 * figure.value:.1f} % [{low}, {high}]"
            rows.append([name, Path(source).name, share, len(clips), f"{1000 * each_s:.0f}"])
            kept += [
                {"set": name, "speech": source, "words": c.words, "heard": h}
                for c, h in zip(clips, heard, strict=True)
            ]
    if options.write:
        head = ["speech", "ears", "word errors", "n", "ms each"]
        named = " ".join(Path(source).name for source in options.speech)
        write_section(
            "Word errors",
            f"python -m benchmarks.word_errors --speech {named} "
            f"--sets {' '.join(map(repr, options.sets))} --count {options.count}",
            table(head, rows),
        )
    if options.out:
        options.out.write_text("".join(json.dumps(line) + "\n" for line in kept))


if __name__ == "__main__":
    main()
