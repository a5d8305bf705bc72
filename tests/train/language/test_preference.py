import math
from pathlib import Path

import pytest
import torch

from models import int8
from models.checkpoints.checkpoint import read_tokenizer
from models.checkpoints.hub import checkpoint_folder
from models.pretrained import unpacked
from models.pretrained.store import Store
from models.prompts import chat_prompts
from models.weights import read_json
from train.language import pairs as pairing
from train.language.material import Exchange, WrittenTalk, read_talks
from train.language.pairs import Pair, PairBatches, pairs_of
from train.language.preference import (
    PreferSettings,
    answer_log_probabilities,
    prefer,
    preference_step,
)
from train.language.settings import LanguageSettings
from train.language.stage import start, teach
from train.llm_updates import take_updates
from train.loop.settings import LoopSettings

JUDGED = """
sad> It rained.
< Oh no.
- I see.

happy> We won.
< Oh yes!
> Twice.
< Well done.
- Twice what?

> He left.
< I see.
"""


@pytest.fixture
def talks(store: Store, tmp_path: Path) -> list[WrittenTalk]:
    del store  # the part that `tongue` names
    (tmp_path / "judged.txt").write_text(JUDGED)
    return read_talks([tmp_path / "judged.txt"])


def test_both_answers_see_what_was_said_and_not_each_other(talks: list[WrittenTalk]) -> None:
    pairs = pairs_of(talks)
    assert [(p.talk.exchanges[-1].said, p.talk.exchanges[-1].worse) for p in pairs] == [
        ("It rained.", "I see."),
        ("Twice.", "Twice what?"),
    ]
    tokenizer = read_tokenizer(checkpoint_folder("tongue"))
    batches = PairBatches(pairs, chat_prompts(tokenizer), "You listen.", batch_tokens=512)
    assert batches.count(0) == 1
    loaded = batches.load(0, 0).value
    rows, answers = loaded.rows, loaded.answers[0]
    said = [tokenizer.decode([int(i) for i in rows.ids[0][answers == n]]).strip() for n in range(4)]
    order = [0, 1] if said[0].startswith("Oh no.") else [1, 0]
    expected = [("Oh no.", "I see."), ("Well done.", "Twice what?")]
    for place, number in enumerate(order):
        assert said[2 * place].startswith(expected[number][0])
        assert said[2 * place + 1].startswith(expected[number][1])
    better, worse = (int(torch.nonzero(answers == n)[0]) for n in (0, 1))
    assert not rows.attended[0, worse, better]
    assert rows.positions[0, better] == rows.positions[0, worse], "both come after the same words"
    words = int(loaded.foretold[0, better])
    assert words == int(loaded.foretold[0, worse]) == better - 1, "the words stand there once"
    assert rows.attended[0, worse, words] and rows.attended[0, better, words]
    assert int(loaded.foretold[0, worse + 1]) == worse
    with pytest.raises(ValueError, match="has no pair"):
        pairs_of(talks[2:])
    with pytest.raises(ValueError, match="have the same name: rename one"):
        pairs_of([*talks, *talks])


def test_an_answer_beside_another_is_as_probable_as_alone(
    talks: list[WrittenTalk], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint_folder("tongue")
    tokenizer = read_tokenizer(folder)
    prompts = chat_prompts(tokenizer)
    model = start(folder, tokenizer, 2).eval()
    pairs = pairs_of(talks)

    def found(of: list[Pair]) -> list[float]:
        batches = PairBatches(of, prompts, "You listen.", batch_tokens=512)
        loaded = batches.load(0, 0)
        with torch.no_grad():
            each = answer_log_probabilities(model, loaded.value).view(-1, 2)
        return [
            value
            for _, row in sorted(zip(loaded.names, each.tolist(), strict=True))
            for value in row
        ]

    assert found(pairs) == pytest.approx([v for pair in pairs for v in found([pair])], abs=1e-4)
    monkeypatch.setattr(pairing, "SPOKEN_SHARE", 0.0)
    typed = Exchange("It rained.", None, "Oh no.", "I see.")
    ids = prompts.conversation("You listen.", (), typed.said)
    alone: list[float] = []
    for answer in (typed.reply, "I see."):
        reply = prompts.content(answer) + prompts.next_turn()[:1]
        with torch.no_grad():
            logits = model.llm(model.llm.embed(torch.tensor([ids + reply])))[0].log_softmax(dim=-1)
        places = range(len(ids) - 1, len(ids) + len(reply) - 1)
        alone.append(sum(float(logits[p, t]) for p, t in zip(places, reply, strict=True)))
    assert found([Pair("typed", WrittenTalk("typed", (typed,)))]) == pytest.approx(alone, abs=1e-3)


def test_a_long_talk_before_a_pair_loses_its_oldest_exchanges(talks: list[WrittenTalk]) -> None:
    prompts = chat_prompts(read_tokenizer(checkpoint_folder("tongue")))
    pairs = pairs_of(talks)
    whole = PairBatches(pairs[1:], prompts, "You listen.", batch_tokens=512).load(0, 0).value
    batches = PairBatches(pairs, prompts, "You listen.", batch_tokens=1)
    assert batches.count(0) == 2, "each is a batch alone"
    lengths = sorted(batches.load(0, n).value.rows.ids.shape[1] for n in range(2))
    assert lengths[-1] < whole.rows.ids.shape[1]


@pytest.mark.parametrize("frozen", ["int8", "bfloat16"])
def test_the_better_answer_becomes_the_likelier_one(
    talks: list[WrittenTalk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frozen: str
) -> None:
    monkeypatch.setattr(unpacked, "LARGE", 0)
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1)
    common = {"llm": "tongue", "lora_rank": 2, "persona": "You listen.", "frozen": frozen}
    material = (tmp_path / "judged.txt",)
    loop = LoopSettings(epochs=1, learning_rate=1e-3, warmup_steps=0, evaluate_every=50)
    data = {"material": material, "valid_share": 0.0}
    teach(LanguageSettings(**common, **data, run=tmp_path / "a", domain_exchanges=0, loop=loop))
    settings = PreferSettings(
        **common,
        **data,
        run=tmp_path / "b",
        updates=tmp_path / "a" / "last",
        loop=loop.model_copy(update={"epochs": 30, "learning_rate": 1e-2}),
    )
    prefer(settings)
    known = read_json(tmp_path / "b" / "reference.json")["answers"]
    assert set(known) == {pair.name for pair in pairs_of(talks)}
    prefer(settings)  # goes on, and reads what it was before from there
    folder = checkpoint_folder("tongue")
    tokenizer = read_tokenizer(folder)
    prompts = chat_prompts(tokenizer)
    pairs = pairs_of(talks)
    batches = PairBatches(
        pairs,
        prompts,
        "You listen.",
        batch_tokens=512,
        reference={name: (each[0], each[1]) for name, each in known.items()},
    )
    batch = batches.load(0, 0).value

    def loss(updates: Path) -> float:
        model = start(folder, tokenizer, 2, frozen=frozen).eval()
        take_updates(model, updates)
        with torch.no_grad():
            return float(preference_step(model, batch, beta=0.5)["preferred"])

    assert loss(tmp_path / "a" / "last") == pytest.approx(math.log(2.0), abs=0.02), "nothing gained"
    assert loss(tmp_path / "b" / "last") < math.log(2.0) - 0.05


def test_what_cannot_be_preferred_is_told(talks: list[WrittenTalk], tmp_path: Path) -> None:
    settings = PreferSettings(llm="tongue", material=(tmp_path / "judged.txt",))
    with pytest.raises(ValueError, match="--updates RUN/best"):
        prefer(settings)
    given = settings.model_copy(update={"updates": tmp_path, "material": (tmp_path / "none",)})
    with pytest.raises(ValueError, match="none do not exist"):
        prefer(given)
    every = given.model_copy(update={"material": settings.material, "valid_share": 1.0})
    with pytest.raises(ValueError, match="all pairs validate"):
        prefer(every)
