"""Piper's neural voices (VITS in ONNX): natural, and several times faster than speech on a CPU."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.audio.waveform import AudioClip, Waveform
from assistant.engines.onnx import open_session, spoken_by
from assistant.engines.parts import PIPER_VOICE
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.voices.ipa import Phonemes
from assistant.engines.voices.sentence_voice import speak_sentences
from assistant.errors import EngineUnavailable, SettingsError
from models.pretrained.catalogue import PartError, find_part
from models.pretrained.store import Store

PAD, START, END = "_", "^", "$"
"""Of Piper's phoneme tables."""

_LEAST_LIVELY, _MOST_LIVELY = 0.5, 1.3
"""Factors on the voice's own noise: beyond them it mumbles or trembles."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Audio(_Part):
    sample_rate: int


class _EspeakPart(_Part):
    voice: str


class _InferencePart(_Part):
    noise_scale: float
    length_scale: float
    noise_w: float


class PiperFile(_Part):
    """What `NAME.onnx.json` says of a voice."""

    audio: _Audio
    espeak: _EspeakPart
    inference: _InferencePart
    phoneme_id_map: dict[str, list[int]]
    num_speakers: int = 1


class Piper:
    """A Piper voice: `joe` of the catalogue, or any by its folder or `.onnx` file.

    Rate and liveliness are inputs of the network; pitch, range, level and pauses are bent on its
    output, which is there at once for a whole sentence.
    """

    def __init__(self, voice: str = PIPER_VOICE) -> None:
        """Loads the voice.

        Raises:
            SettingsError: There is no such voice, or its configuration is none of Piper's.
            EngineUnavailable: It was not fetched, or what it needs is missing; names the remedy.
        """
        network = find_network(voice)
        self._file = _read(network.with_name(f"{network.name}.json"))
        self._ids = self._file.phoneme_id_map
        self.sample_rate = self._file.audio.sample_rate
        self._session = open_session(
            network, engine="the Piper voice", remedy="copy its .onnx file again"
        )
        self._phonemes = Phonemes(self._file.espeak.voice)

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Speaks `text`, however long, sentence by sentence.

        Raises:
            EngineFailed: The network or the phonemes' process broke; the next call may work.
        """
        return speak_sentences(
            text,
            style,
            cancel,
            language=self._phonemes.language,
            rate_hz=self.sample_rate,
            say=lambda words: self._speak(self.phoneme_ids(words), style),
        )

    def close(self) -> None:
        """Ends the process that knows the phonemes."""
        self._phonemes.close()

    def phoneme_ids(self, words: str) -> list[int]:
        """Returns the inputs of the network for `words`, a pad after each phoneme."""
        ids = [*self._ids[START], *self._ids[PAD]]
        for phonemes, mark in self._phonemes.clauses(words):
            for phoneme in f"{phonemes}{mark} " if mark else phonemes:
                if phoneme in self._ids:  # others are silent in this voice
                    ids += [*self._ids[phoneme], *self._ids[PAD]]
        return [*ids, *self._ids[END]]

    def _speak(self, ids: list[int], style: SpeakingStyle) -> Waveform:
        own = self._file.inference
        lively = min(_MOST_LIVELY, max(_LEAST_LIVELY, style.pitch_range))
        scales = [own.noise_scale * lively, own.length_scale / style.rate, own.noise_w * lively]
        inputs: dict[str, Any] = {
            "input": np.array([ids], dtype=np.int64),
            "input_lengths": np.array([len(ids)], dtype=np.int64),
            "scales": np.array(scales, dtype=np.float32),
        }
        if self._file.num_speakers > 1:
            inputs["sid"] = np.zeros(1, dtype=np.int64)
        return spoken_by(self._session, inputs, engine="the Piper voice")


def find_network(voice: str) -> Path:
    """Returns the `.onnx` file of a voice: of the catalogue, a folder, or the file itself.

    Raises:
        SettingsError: There is none.
        EngineUnavailable: It is in the catalogue, but not on this machine.
    """
    path = Path(voice).expanduser()
    folder = path
    if path.suffix == ".onnx" and path.is_file():
        return path
    if not path.is_dir():
        try:
            folder = Store().open(find_part(voice))
        except PartError as error:
            raise EngineUnavailable(f"the Piper voice {voice}: {error}") from error
    networks = sorted(folder.glob("*.onnx"))
    if not networks:
        raise SettingsError(f"{folder} holds no .onnx file of a Piper voice")
    return networks[0]


def _read(path: Path) -> PiperFile:
    try:
        file = PiperFile.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"{path} is missing: it belongs beside the .onnx file") from error
    except (ValueError, ValidationError) as error:
        raise SettingsError(f"{path} does not describe a Piper voice: copy it again") from error
    if missing := [mark for mark in (PAD, START, END) if mark not in file.phoneme_id_map]:
        raise SettingsError(f"{path} has no phoneme {missing[0]!r}: copy it again")
    return file
