"""`python -m train nano`: nano from nothing to a checkpoint, resumable at any moment."""

import logging
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from models.blsp_emo import BlspEmo
from models.checkpoint import save
from models.tokenizer import JsonTokenizer
from train.domain import Domain, Split, domain_sha256, read_domain
from train.nano_alignment import align_nano
from train.nano_assemble import assemble_nano, trained_weights
from train.nano_emotion_runs import STATISTICS, train_emotion
from train.nano_heard import listen
from train.nano_llm_runs import LLM_HEARD, train_llm, train_llm_on_heard
from train.nano_manifests import write_manifests
from train.nano_needs import check_needs, print_plan
from train.nano_recogniser_runs import SpeechStages
from train.nano_settings import NanoSettings, finish, is_done
from train.nano_speech import SHARD_SENTENCES, Script, acted_prosodies, build_shard, read_lines
from train.nano_tokenizer import spelling_size, train_tokenizer
from train.nano_word_model import nano_word_model
from train.run_folder import open_run, replacing
from train.settings import TurnEndSettings, duration_s
from train.surroundings import Surroundings
from train.turn_ends import turn_ends

logger = logging.getLogger(__name__)

HELD_OUT_SENTENCES: dict[Split, int] = {"wording": 400, "intent": 200}
"""Spoken in held-out voices: wordings and intents that nothing is trained on. A tenth of the
sentences of training, if that is less."""
THRESHOLD = 0.4
"""Confidence below which the emotion head abstains."""
FREE_SETTINGS = {"run", "data", "variant", "dry_run"}
"""Settings that may differ when a run is resumed."""


def make_nano(settings: NanoSettings) -> None:
    """Runs every stage that is not finished; the checkpoint is `final` in the run folder.

    Raises:
        ValueError: Something that is needed is missing, the run folder was begun with other
            settings or another domain, or a stage was stopped before its end.
    """
    run = settings.run
    check_needs(settings)
    print_plan(settings)
    if settings.dry_run:
        return
    domain = read_domain()
    identity = settings.model_dump(mode="json", exclude=FREE_SETTINGS)
    open_run(run, identity={**identity, "domain": domain_sha256()}, notes={})
    _tokenizer(settings, domain)
    _speak(settings, domain)
    train_llm(settings, domain)
    _recogniser(settings, domain)
    logger.info("emotion heads: up to %s", settings.stage_budget("emotion"))
    temperature = train_emotion(settings, domain)
    _hear(settings, domain)
    if not (run / "parts" / "config.json").exists():
        _assemble(settings, domain)
    write_manifests(run / "speech", domain, settings.data, seed=settings.seed)
    logger.info("alignment of speech and LLM")
    aligned = align_nano(settings)
    if not (settings.made / "config.json").exists():
        with replacing(settings.made) as part:
            _export(aligned, part, 1.0 if settings.has_new_head else temperature)
            turn_ends(TurnEndSettings(model=str(part), write=True, device="cpu"))
    print(f"{settings.made} is ready: python app.py talk --model {settings.made}")


def _tokenizer(settings: NanoSettings, domain: Domain) -> None:
    path = settings.run / "tokenizer.json"
    if not path.exists():
        part = path.with_suffix(".part")
        train_tokenizer(domain, settings.data, part, vocabulary=settings.vocabulary)
        part.replace(path)


def _speak(settings: NanoSettings, domain: Domain) -> None:
    """Speaks the shards of training speech and those of the held-out wordings and intents."""
    folder = settings.run / "speech"
    missing = [n for n in range(settings.shards) if not (folder / f"train-{n:03d}.jsonl").exists()]
    if not missing and all((folder / f"{s}-000.jsonl").exists() for s in HELD_OUT_SENTENCES):
        return
    logger.info("speaking %d shards of %d", len(missing), settings.shards)
    script = Script(domain, settings.data)
    prosodies = acted_prosodies(settings.data)
    for number in missing:
        failed = build_shard(folder, number, script, prosodies, seed=settings.seed)
        logger.info("spoke shard %d of %d, %d failed", number + 1, settings.shards, failed)
    for split, most in HELD_OUT_SENTENCES.items():
        sentences = min(most, settings.shards * SHARD_SENTENCES // 10)
        build_shard(
            folder, 0, script, prosodies, split=split, sentences=sentences, seed=settings.seed
        )


def _recogniser(settings: NanoSettings, domain: Domain) -> None:
    """Trains phones and words."""
    if is_done(settings.run / "words"):
        return
    speech = SpeechStages(settings, domain)
    if not is_done(settings.run / "phones"):
        logger.info("phones: up to %s", settings.stage_budget("phones"))
        finish("phones", speech.train_phones())
    logger.info("words: up to %s", settings.stage_budget("words"))
    finish("words", speech.train_words())


def _hear(settings: NanoSettings, domain: Domain) -> None:
    """Lets the finished ears listen to the sentences of training, and the LLM learn from it."""
    if is_done(settings.run / LLM_HEARD):
        return
    logger.info("listening: up to %s", settings.stage_budget("listening"))
    folder = settings.run / "speech"
    lines = [x for x in read_lines(folder, "train") if x.source == "domain" and x.intent]
    sentences = listen(
        _assembled(settings, domain, "llm").eval(),
        lines,
        folder,
        Surroundings.read(settings.data / "noise"),
        settings.run / "heard.jsonl",
        seconds=duration_s(settings.stage_budget("listening")),
        seed=settings.seed,
    )
    wrong = sum(one.heard != one.said for one in sentences)
    logger.info("listened to %d sentences, %d heard otherwise", len(sentences), wrong)
    train_llm_on_heard(settings, domain, sentences)


def _assemble(settings: NanoSettings, domain: Domain) -> None:
    """Puts the trained parts together."""
    with replacing(settings.run / "parts") as part:
        save(_assembled(settings, domain, LLM_HEARD), part)


def _assembled(settings: NanoSettings, domain: Domain, llm: str) -> BlspEmo:
    """Returns the trained parts together, with the LLM of the stage `llm`."""
    run = settings.run
    words, language = (trained_weights(run / name) for name in ("words", llm))
    heads = [trained_weights(folder) for folder in sorted(run.glob("emotion-[0-9]*"))]
    linear = load_file(run / STATISTICS)
    tokenizer = JsonTokenizer(run / "tokenizer.json")
    spelling = spelling_size(tokenizer, domain)
    model = assemble_nano(tokenizer, spelling, words, language, heads, linear)
    model.word_model = nano_word_model(domain, settings.data, seed=settings.seed)
    return model


def _export(source: Path, target: Path, temperature: float) -> None:
    """Writes the finished checkpoint in half precision, with its calibration."""
    model = BlspEmo.from_pretrained(source, dtype="float32", device="cpu")
    calibration = replace(model.config.calibration, temperature=temperature, threshold=THRESHOLD)
    model.config = replace(model.config, calibration=calibration)
    save(model, target, dtype=torch.float16)
