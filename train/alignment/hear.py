"""The command `hear`: what the model that is to be trained hears of each utterance of a manifest.

What was heard is written line by line into a part file: a killed run goes on behind its last whole
line. The manifest appears whole, in its own order.
"""

import json
import logging
import time
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import torch

from models.adapters.words import NOTHING_UNDERSTOOD
from models.blsp_emo import BlspEmo
from models.precision import choose_device
from models.transcription import transcribe
from models.words.written import are_understood
from train.alignment.assemble import start_model
from train.alignment.settings import HearSettings, StartSettings
from train.continuations.command import cut_torn_line
from train.data.audio_files import read_audio
from train.data.manifest import Drops, Manifest, Utterance, read_manifest, reason_of, write_manifest
from train.loop.processes import held
from train.loop.run_folder import full_disk_named

logger = logging.getLogger(__name__)

TELL_EVERY_S = 30.0
"""Time between two lines that say how far it is."""


def hear(settings: HearSettings) -> Path:
    """Writes the manifest with what was heard; returns its path.

    Raises:
        ValueError: The settings or the manifest cannot be used, or nothing could be heard.
        CheckpointError: The model cannot be used.
    """
    if settings.manifest is None:
        raise ValueError("name the manifest: --manifest FILE.jsonl")
    out = settings.out or settings.manifest.with_suffix(".heard.jsonl")
    manifest = read_manifest(settings.manifest, check_audio=settings.check_audio)
    if manifest.root.resolve() != out.parent.resolve():
        raise ValueError(f"write beside {settings.manifest}: its audio paths are relative to it")
    part, drops = out.with_name(f"{out.name}.part-{_hearer(settings)}"), Drops()
    with held(part):
        cut_torn_line(part)
        done = _read(part)
        left = [u for u in manifest.utterances if _key(u) not in done]
        logger.info("%d of %d are heard already", len(done), len(manifest.utterances))
        if left:
            _hear_all(_model(settings), manifest, left, part, drops)
        done = _read(part)
        for line in drops.lines():
            logger.warning("%s", line)
        found = [u for u in manifest.utterances if _key(u) in done]
        if not found:
            raise ValueError(f"nothing could be heard: {'; '.join(drops.lines())}")
        write_manifest(out, (u.model_copy(update={"heard": done[_key(u)]}) for u in found))
        part.unlink()
    nothing = sum(done[_key(u)] == NOTHING_UNDERSTOOD for u in found)
    print(f"{len(found)} utterances heard in {out}, nothing understood in {nothing}")
    return out


def heard_words(model: BlspEmo, utterance: Utterance, root: Path) -> str:
    """Returns the words that the LLM of `model` is given in a talk.

    Raises:
        ValueError: The audio cannot be read.
    """
    words = transcribe(model, model.hear(read_audio(utterance.audio, root)))
    understood = are_understood(words, model.config.word_confidence)
    return words.text if understood else NOTHING_UNDERSTOOD


def _model(settings: HearSettings) -> BlspEmo:
    parts = StartSettings(
        speech=settings.speech,
        llm=settings.llm,
        adapter="words",
        emotion_head="attentive",
        lora_rank=0,
    )
    model = start_model(settings.model, parts)
    if model.decoder is None:
        raise ValueError("this model has no decoder that writes down what it hears")
    return model.to(choose_device("auto"))


def _hear_all(
    model: BlspEmo, manifest: Manifest, left: Sequence[Utterance], part: Path, drops: Drops
) -> None:
    started = told = time.perf_counter()
    with full_disk_named(part), torch.inference_mode(), part.open("a", encoding="utf-8") as file:
        for number, utterance in enumerate(left):
            try:
                heard = heard_words(model, utterance, manifest.root)
            except ValueError as error:
                drops.add(reason_of(error), utterance.id)
                continue
            file.write(json.dumps([*_key(utterance), heard], ensure_ascii=False) + "\n")
            file.flush()
            if time.perf_counter() - told > TELL_EVERY_S:
                told = time.perf_counter()
                left_s = (len(left) - number) * (told - started) / (number + 1)
                logger.info("heard %d of %d, %.0f min left", number + 1, len(left), left_s / 60)


def _hearer(settings: HearSettings) -> str:
    """Returns a name for who hears, so that what two models heard is never mixed."""
    who = f"{settings.model}\n{settings.speech}\n{settings.llm}"
    return blake2b(who.encode(), digest_size=4).hexdigest()


def _key(utterance: Utterance) -> tuple[str, str]:
    return utterance.id, utterance.audio


def _read(part: Path) -> dict[tuple[str, str], str]:
    """Returns what a part file holds: the words by name and audio."""
    if not part.exists():
        return {}
    lines = part.read_text(encoding="utf-8").splitlines()
    return {(name, audio): heard for name, audio, heard in map(json.loads, lines)}
