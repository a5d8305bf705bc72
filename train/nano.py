"""`python -m train nano`: nano from nothing to a checkpoint, resumable at any moment."""

import logging
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from models.blsp_emo import BlspEmo
from models.checkpoint import save
from models.prompts import chat_prompts
from models.tokenizer import JsonTokenizer
from train.domain import Domain, Split, domain_sha256, read_domain, templates
from train.loop import fit
from train.nano_alignment import align_nano
from train.nano_assemble import LLM_WIDTH, assemble_nano, trained_weights
from train.nano_emotion_runs import STATISTICS, train_emotion
from train.nano_llm import LLM_WEIGHTS, LlmStep, NanoLlm, llm_shape
from train.nano_manifests import write_manifests
from train.nano_needs import check_needs, print_plan
from train.nano_recogniser_runs import SpeechStages
from train.nano_recordings import speechocean
from train.nano_settings import NanoSettings, finish, is_done
from train.nano_sound_alikes import SoundAlikes
from train.nano_speech import SHARD_SENTENCES, Script, acted_prosodies, build_shard
from train.nano_text import spoken_form, unrelated_sentences
from train.nano_text_batches import ConversationBatches, ConversationSource, domain_words
from train.nano_tokenizer import spelling_size, train_tokenizer
from train.nano_word_model import nano_word_model
from train.nano_word_times import pronunciations
from train.run_folder import open_run, replacing
from train.settings import LoopSettings, TurnEndSettings
from train.task import Outcome, Task
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
    if not is_done(run / "llm"):
        logger.info("the LLM: up to %s", settings.stage_budget("llm"))
        finish("llm", _train_llm(settings, domain))
    _recogniser(settings, domain)
    logger.info("emotion heads: up to %s", settings.stage_budget("emotion"))
    temperature = train_emotion(settings, domain)
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


def _train_llm(settings: NanoSettings, domain: Domain) -> Outcome:
    """Teaches the LLM the conversations of the domain."""
    torch.manual_seed(settings.seed)
    tokenizer = JsonTokenizer(settings.run / "tokenizer.json")
    prompts = chat_prompts(tokenizer)
    unrelated = unrelated_sentences(settings.data)
    unrelated += [spoken_form(r.text) for r in speechocean(settings.data, held_out=False)] * 3
    shape = llm_shape(tokenizer.size, width=LLM_WIDTH, layers=4, heads=4, ffn=704)
    alikes = SoundAlikes(pronunciations(domain_words(templates(domain, "train"))))
    train = ConversationSource(domain, unrelated, alikes=alikes)
    valid = ConversationSource(domain, unrelated[::7], held_out=True)
    task = Task(
        "nano-llm",
        NanoLlm(shape, dropout=0.02),
        LlmStep(spelling_size(tokenizer, domain)),
        LLM_WEIGHTS,
        ConversationBatches(train, prompts, 200, tokens=3072, seed=settings.seed),
        ConversationBatches(valid, prompts, 12, seed=99, naming_share=0.0),
    )
    loop = LoopSettings(
        epochs=1000,
        budget=settings.stage_budget("llm"),
        optimizer="muon",
        learning_rate=2.5e-3,
        warmup_steps=40,
        final_fraction=0.03,
        decay="linear",
        evaluate_every=300,
        device="cpu",
        seed=settings.seed,
    )
    return fit(task, loop, settings.run / "llm")


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


def _assemble(settings: NanoSettings, domain: Domain) -> None:
    """Puts the trained parts together."""
    run = settings.run
    words, llm = (trained_weights(run / name) for name in ("words", "llm"))
    heads = [trained_weights(folder) for folder in sorted(run.glob("emotion-[0-9]*"))]
    tokenizer = JsonTokenizer(run / "tokenizer.json")
    linear = load_file(run / STATISTICS)
    model = assemble_nano(tokenizer, spelling_size(tokenizer, domain), words, llm, heads, linear)
    model.word_model = nano_word_model(domain, settings.data, seed=settings.seed)
    with replacing(run / "parts") as part:
        save(model, part)


def _export(source: Path, target: Path, temperature: float) -> None:
    """Writes the finished checkpoint in half precision, with its calibration."""
    model = BlspEmo.from_pretrained(source, dtype="float32", device="cpu")
    calibration = replace(model.config.calibration, temperature=temperature, threshold=THRESHOLD)
    model.config = replace(model.config, calibration=calibration)
    save(model, target, dtype=torch.float16)
