from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models import int8
from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import read_tokenizer
from models.checkpoints.hub import checkpoint_folder
from models.emotions import EMOTION_LABELS
from models.pretrained import unpacked as unpacking
from models.pretrained.store import Store
from models.prompts import RECOGNISE_EMOTION, chat_prompts
from models.weights import WeightFiles
from train.alignment.assemble import write_assembled
from train.alignment.settings import AssembleSettings
from train.language.material import read_talks
from train.language.rows import RowWriter, padded
from train.language.settings import LanguageSettings
from train.language.stage import begin, talk_step, teach
from train.language.voice import VoiceSettings, in_several_voices, naming_talks, teach_voice
from train.llm_updates import EMOTION_VECTORS, as_changes
from train.loop.settings import LoopSettings
from train.slim import SlimSettings, slim

REPLIES = ("I see.", "Oh yes!", "Not fair.", "Oh no.", "Really?")
TALKS = "".join(
    f"{label}> {thing}.\n< {reply}\n\n"
    for thing in ("It rained", "We won", "He left", "She came")
    for label, reply in zip(EMOTION_LABELS, REPLIES, strict=True)
)


@pytest.fixture
def settings(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VoiceSettings:
    """Of a run on what `language` taught the part `tongue` in 8 bits."""
    del store
    monkeypatch.setattr(unpacking, "LARGE", 0)
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1)
    (tmp_path / "voices.txt").write_text(TALKS)
    (tmp_path / "others.txt").write_text("> Hello.\n< Hi.\n\nsad> It's cold.\n< Come in.\n")
    of_both = {"llm": "tongue", "frozen": "int8", "lora_rank": 2}
    taught = teach(
        LanguageSettings(
            **of_both,  # pyright: ignore[reportArgumentType]
            run=tmp_path / "talks",
            material=(tmp_path / "others.txt",),
            domain_exchanges=4,
            valid_share=0,
            loop=LoopSettings(learning_rate=3e-3, warmup_steps=1),
        )
    )
    loop = LoopSettings(epochs=6, learning_rate=3e-2, warmup_steps=1, weight_decay=0.0)
    return VoiceSettings(
        **of_both,  # pyright: ignore[reportArgumentType]
        run=tmp_path / "voice",
        updates=taught.best if taught.best.exists() else taught.folder / "last",
        updates_share=0.5,
        material=(tmp_path / "voices.txt",),
        ordinary_material=(tmp_path / "others.txt",),
        naming=20,
        valid_share=0.0,
        loop=loop,
    )


def test_the_vectors_alone_learn_and_what_is_typed_is_answered_as_before(
    settings: VoiceSettings, tmp_path: Path
) -> None:
    taught = teach_voice(settings).folder / "last"
    learnt = load_file(str(taught / "updates.safetensors"))
    assert settings.updates is not None and set(learnt) == {EMOTION_VECTORS}
    before = load_file(str(settings.updates / "updates.safetensors"))[EMOTION_VECTORS]
    assert (learnt[EMOTION_VECTORS] - before).norm(dim=1).min() > 0.01, "each emotion's moved"
    old, new = (_assembled(settings, voice, tmp_path) for voice in (None, taught))
    assert new.emotion_vectors is not None
    assert torch.equal(new.emotion_vectors.weight, learnt[EMOTION_VECTORS])
    ids = torch.tensor([[5, 200, 17, 99]])
    told = torch.tensor([[0.0, 0.0, 0.0, 1.0, 0.0]])
    with torch.no_grad():
        plain = [one.embed_words(ids, torch.tensor([4])) for one in (old, new)]
        typed = [m.llm(e.embeddings) for m, e in zip((old, new), plain, strict=True)]
        heard = [
            m.llm(m.with_emotion(e, told).embeddings)
            for m, e in zip((old, new), plain, strict=True)
        ]
    assert torch.equal(*typed)
    assert not torch.allclose(*heard, atol=1e-3)


def test_the_llm_learns_to_name_the_voice_and_to_answer_to_it(settings: VoiceSettings) -> None:
    folder = checkpoint_folder("tongue")
    tokenizer = read_tokenizer(folder)
    writer = RowWriter(chat_prompts(tokenizer), "You listen.", 512, spoken=1.0)
    generator = np.random.default_rng(7)
    talks = read_talks(settings.material)
    rows = [
        padded([writer.row(of, generator, follows=0.0)])
        for of in (talks, naming_talks(["It rained."], 20, generator))
    ]

    def losses(vectors: torch.Tensor | None) -> list[float]:
        model = begin(settings, folder, tokenizer, 1, settings.updates_share)
        with torch.no_grad():
            if vectors is not None:
                model.emotion_vectors.weight.copy_(vectors)
            return [float(talk_step(model, batch)["reply"]) for batch in rows]

    best = teach_voice(settings).folder / "last" / "updates.safetensors"
    before, after = losses(None), losses(load_file(str(best))[EMOTION_VECTORS])
    assert after[0] < before[0] - 0.01 and after[1] < before[1] - 0.01, (before, after)


def test_the_question_for_the_emotion_has_no_voice(store: Store) -> None:
    del store
    tokenizer = read_tokenizer(checkpoint_folder("tongue"))
    prompts = chat_prompts(tokenizer)
    talks = naming_talks(["It rained."], 500, np.random.default_rng(0))
    answers = Counter(talk.exchanges[0].reply for talk in talks)
    assert answers == {f"{label.capitalize()}.": 100 for label in EMOTION_LABELS}
    asked = [talk for talk in talks if talk.exchanges[0].asked == RECOGNISE_EMOTION]
    assert 200 < len(asked) < 300, "as papers ask it, half of the times"
    row = RowWriter(prompts, "You listen.", 512, spoken=1.0).row(
        asked[:1], np.random.default_rng(1), follows=0.0
    )
    told = [any(emotion) for emotion in row.emotions]
    question = prompts.opening("You listen.") + prompts.content(RECOGNISE_EMOTION)
    said = len(prompts.content("It rained."))
    assert row.ids[: len(question)] == question
    assert told[: len(question)] == [False] * len(question)
    assert sum(told) in (said, len(prompts.content("it rained"))), "the words alone"


def test_what_is_said_in_few_voices_is_no_lesson(settings: VoiceSettings) -> None:
    talks = read_talks([*settings.material, *settings.ordinary_material])
    assert len(talks) == 22 and len(in_several_voices(talks)) == 20
    alone = settings.model_copy(update={"material": settings.ordinary_material})
    with pytest.raises(ValueError, match="4 voices or more"):
        teach_voice(alone)
    with pytest.raises(ValueError, match="--updates"):
        teach_voice(settings.model_copy(update={"updates": None}))


def test_the_voice_is_a_file_of_its_own_from_which_a_run_goes_on(
    settings: VoiceSettings, tmp_path: Path
) -> None:
    taught = teach_voice(settings).folder / "last"
    _assembled(settings, taught, tmp_path)
    small = tmp_path / "small"
    slim(
        SlimSettings(
            model=tmp_path / f"model-{taught.name}", speech="ears", llm="tongue", out=small
        )
    )
    vectors = load_file(str(small / "voice.safetensors"))
    assert set(vectors) == {EMOTION_VECTORS}
    assert EMOTION_VECTORS not in load_file(str(small / "model.safetensors"))
    assert torch.equal(WeightFiles(small).read(EMOTION_VECTORS), vectors[EMOTION_VECTORS])
    assert torch.equal(as_changes(small)[EMOTION_VECTORS], vectors[EMOTION_VECTORS])
    with pytest.raises(ValueError, match="--updates"):
        write_assembled(
            AssembleSettings(speech="ears", llm="tongue", voice=taught, out=tmp_path / "none")
        )


def _assembled(settings: VoiceSettings, voice: Path | None, folder: Path) -> BlspEmo:
    out = folder / f"model-{voice.name if voice else 'before'}"
    write_assembled(
        AssembleSettings(
            speech="ears",
            llm="tongue",
            updates=settings.updates,
            updates_share=settings.updates_share,
            voice=voice,
            adapter="words",
            emotion_head="attentive",
            lora_rank=0,
            out=out,
        )
    )
    return BlspEmo.from_pretrained(out, device="cpu")
