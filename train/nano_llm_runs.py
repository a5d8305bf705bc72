"""Nano's LLM: first it learns the conversations of the domain, then how its own ears hear them."""

import logging
from collections.abc import Sequence

import torch

from models.prompts import chat_prompts
from models.tokenizer import JsonTokenizer
from train.domain import Domain, templates
from train.loop import fit
from train.nano_assemble import LLM_WIDTH, trained_weights
from train.nano_heard import HeardConversations, HeardSentence
from train.nano_llm import LLM_WEIGHTS, LlmStep, NanoLlm, llm_shape
from train.nano_recordings import speechocean
from train.nano_settings import NanoSettings, finish, is_done
from train.nano_sound_alikes import SoundAlikes
from train.nano_text import spoken_form, unrelated_sentences
from train.nano_text_batches import ConversationBatches, ConversationSource, domain_words
from train.nano_tokenizer import spelling_size
from train.nano_word_times import pronunciations
from train.settings import LoopSettings
from train.task import Task

logger = logging.getLogger(__name__)

LLM_HEARD = "llm-heard"
"""The stage whose LLM is kept."""


def train_llm(settings: NanoSettings, domain: Domain) -> None:
    """Teaches the LLM the conversations of the domain, unless it has learnt them."""
    _train("llm", settings, domain, learning_rate=2.5e-3)


def train_llm_on_heard(
    settings: NanoSettings, domain: Domain, sentences: Sequence[HeardSentence]
) -> None:
    """Goes on with the LLM in conversations whose words are heard as `sentences` were."""
    _train(LLM_HEARD, settings, domain, sentences, learning_rate=1e-3)


def _train(
    stage: str,
    settings: NanoSettings,
    domain: Domain,
    sentences: Sequence[HeardSentence] = (),
    *,
    learning_rate: float,
) -> None:
    if is_done(settings.run / stage):
        return
    logger.info("%s: up to %s", stage, settings.stage_budget(stage))
    torch.manual_seed(settings.seed)
    tokenizer = JsonTokenizer(settings.run / "tokenizer.json")
    prompts = chat_prompts(tokenizer)
    unrelated = unrelated_sentences(settings.data)
    unrelated += [spoken_form(r.text) for r in speechocean(settings.data, held_out=False)] * 3
    alikes = SoundAlikes(pronunciations(domain_words(templates(domain, "train"))))
    train = HeardConversations(domain, unrelated, alikes=alikes, sentences=sentences)
    valid = ConversationSource(domain, unrelated[::7], held_out=True)
    shape = llm_shape(tokenizer.size, width=LLM_WIDTH, layers=4, heads=4, ffn=704)
    model = NanoLlm(shape, dropout=0.02)
    if stage == LLM_HEARD:
        model.load_state_dict(trained_weights(settings.run / "llm"))
    task = Task(
        f"nano-{stage}",
        model,
        LlmStep(spelling_size(tokenizer, domain)),
        LLM_WEIGHTS,
        ConversationBatches(train, prompts, 200, tokens=3072, seed=settings.seed),
        ConversationBatches(valid, prompts, 12, seed=99, naming_share=0.0),
    )
    loop = LoopSettings(
        epochs=1000,
        budget=settings.stage_budget(stage),
        optimizer="muon",
        learning_rate=learning_rate,
        warmup_steps=40,
        final_fraction=0.03,
        decay="linear",
        evaluate_every=300,
        device="cpu",
        seed=settings.seed,
    )
    finish(stage, fit(task, loop, settings.run / stage))
