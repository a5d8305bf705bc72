"""Coqui's XTTS and VITS models, loaded from a voice folder; the heavy part of `coqui.py`."""

import importlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from assistant.audio.waveform import Waveform, resample
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.errors import EngineUnavailable
from assistant.voice.voice_folder import VoiceFolder
from models.emotions import Emotion
from models.torchaudio_guard import guard_torchaudio

logger = logging.getLogger(__name__)

REMEDY = "install it with `pip install -e '.[coqui]'` in Attune's folder and `apt install ffmpeg`"
_XTTS_CLIP_RATE_HZ = 22_050
_LONGEST_CONDITIONING_S = 6
_STREAM_CHUNK_TOKENS = 20


class NeuralVoice(Protocol):
    """One loaded model: sentences in, waveforms out."""

    sample_rate: int

    def speak(self, words: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[Waveform]:
        """Yields a sentence piece by piece, at the style's rate."""
        ...

    def has_tone(self, emotion: Emotion) -> bool:
        """Whether the model itself gives a sentence the tone of `emotion`."""
        ...


class XttsVoice:
    """XTTS: copies a voice from reference clips, and with it the emotion of the clip.

    Each emotion's clips are turned into conditioning latents once, when the voice is loaded. A
    weaker intensity lies between the neutral latents and those of the emotion.
    """

    def __init__(self, folder: VoiceFolder) -> None:
        """Loads the model and takes in the clips."""
        import torch

        path = _model_path(folder)
        config = _library("TTS.tts.configs.xtts_config").XttsConfig()
        config.load_json(str(path / "config.json"))
        self._torch: Any = torch
        self._model = _library("TTS.tts.models.xtts").Xtts.init_from_config(config)
        self._model.load_checkpoint(config, checkpoint_dir=str(path), eval=True)
        if torch.cuda.is_available():
            self._model.cuda()
        else:
            logger.warning(
                "XTTS speaks slower than real time without a GPU: a VITS voice, flite or espeak "
                "keeps up"
            )
        self._language = folder.file.language
        self.sample_rate = int(config.audio.output_sample_rate)
        self._latents = {emotion: self._condition(clips) for emotion, clips in folder.clips.items()}

    def has_tone(self, emotion: Emotion) -> bool:
        """Whether there are reference clips of `emotion`, other than the voice's own manner."""
        return emotion != Emotion.NEUTRAL and emotion in self._latents

    def speak(self, words: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[Waveform]:
        """Yields a sentence in pieces of about a second, conditioned on the style's emotion."""
        conditioning, speaker = self._latents_for(style)
        stream = self._model.inference_stream(
            words,
            self._language,
            conditioning,
            speaker,
            stream_chunk_size=_STREAM_CHUNK_TOKENS,
            speed=style.rate,
            enable_text_splitting=False,
        )
        for piece in stream:
            if cancel.is_set():
                return
            yield piece.detach().float().cpu().numpy().reshape(-1)

    def _latents_for(self, style: SpeakingStyle) -> tuple[Any, Any]:
        neutral = self._latents[Emotion.NEUTRAL]
        if not self.has_tone(style.emotion):
            return neutral
        emotional = self._latents[style.emotion]
        blended = (self._torch.lerp(neutral[i], emotional[i], style.intensity) for i in range(2))
        return next(blended), next(blended)

    def _condition(self, clips: list[Path]) -> tuple[Any, Any]:
        """Returns the GPT's conditioning latents and the speaker embedding of some clips."""
        import soundfile

        audios: list[Any] = []
        for clip in clips:
            samples, rate = soundfile.read(clip, dtype="float32", always_2d=True)
            waveform = resample(samples.mean(axis=1), from_hz=rate, to_hz=_XTTS_CLIP_RATE_HZ)
            audios.append(self._torch.from_numpy(waveform).unsqueeze(0))
        embeddings = [
            self._model.get_speaker_embedding(audio, _XTTS_CLIP_RATE_HZ) for audio in audios
        ]
        conditioning = self._model.get_gpt_cond_latents(
            self._torch.cat(audios, dim=-1),
            _XTTS_CLIP_RATE_HZ,
            length=_LONGEST_CONDITIONING_S * len(clips),
            chunk_length=_LONGEST_CONDITIONING_S,
        )
        return conditioning, self._torch.stack(embeddings).mean(dim=0)


class VitsVoice:
    """VITS: a voice of its own, several times faster than real time on a CPU."""

    def __init__(self, folder: VoiceFolder) -> None:
        """Loads the model."""
        import torch

        path = _model_path(folder)
        config = _library("TTS.config").load_config(str(path / "config.json"))
        self._model = _library("TTS.tts.models").setup_model(config)
        self._model.load_checkpoint(config, str(_weights(path)), eval=True)
        self._torch: Any = torch
        if torch.cuda.is_available():
            self._model.cuda()
        self._speaker, self._language = folder.file.speaker, folder.file.language
        self._length_scale = float(self._model.length_scale)
        self.sample_rate = int(config.audio["sample_rate"])

    def has_tone(self, emotion: Emotion) -> bool:
        """VITS knows no emotion: the style is given to it afterwards."""
        del emotion
        return False

    def speak(self, words: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[Waveform]:
        """Yields a sentence, whole."""
        if cancel.is_set():
            return
        self._model.length_scale = self._length_scale / style.rate
        names = self._model.language_manager.language_names
        language = self._language if self._language in names else None
        with self._torch.inference_mode():
            outputs = self._model.synthesize(words, speaker=self._speaker, language=language)
        yield np.asarray(outputs["wav"], dtype=np.float32).reshape(-1)


def load_voice(folder: VoiceFolder) -> NeuralVoice:
    """Returns the model of a voice folder.

    Raises:
        EngineUnavailable: The library or the model is missing or broken.
    """
    guard_torchaudio()
    try:
        return XttsVoice(folder) if folder.file.kind == "xtts" else VitsVoice(folder)
    except ImportError as error:
        raise EngineUnavailable(f"the coqui voice is not installed ({error}): {REMEDY}") from error
    except EngineUnavailable:
        raise
    except Exception as error:  # the library raises anything from KeyError to UnpicklingError
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise EngineUnavailable(
            f"the model of the voice {folder.path} cannot be loaded ({reason}): "
            f"see that {folder.file.model} is a complete Coqui {folder.file.kind} model"
        ) from error


def _library(module: str) -> Any:
    """Returns a module of the library, which is optional and has no types."""
    return importlib.import_module(module)


def _model_path(folder: VoiceFolder) -> Path:
    """Returns the model's folder; a model given by Coqui's name is fetched if need be."""
    path = folder.model_folder
    if path is None:
        manager = _library("TTS.utils.manage").ModelManager(progress_bar=True)
        downloaded, _, _ = manager.download_model(folder.file.model)
        downloaded = Path(downloaded)
        path = downloaded if downloaded.is_dir() else downloaded.parent
    if not (path / "config.json").is_file():
        raise EngineUnavailable(
            f"{folder.path / 'voice.toml'}: model: there is no config.json in {path}"
        )
    return path


def _weights(path: Path) -> Path:
    """Returns the checkpoint in a model's folder."""
    found = path / "model.pth"
    if found.is_file():
        return found
    others = sorted(path.glob("*.pth"))
    if not others:
        raise EngineUnavailable(f"there is no checkpoint (*.pth) in {path}")
    return others[0]
