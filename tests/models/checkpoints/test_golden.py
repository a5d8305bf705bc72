"""Parity with the reference implementation of BLSP-Emo, from stored values."""

from pathlib import Path

import pytest
import torch

from models.adapters.cformer import CFormer, integrate_and_fire
from models.adapters.embeddings import SpeechEmbeddings
from models.adapters.subsampler import Subsampler
from models.decoding.sampling import Sampling
from models.generation import CachedText, generate
from models.masks import attention_bias, lengths_to_mask
from models.speech_encoder import SpeechStates
from tests.models.golden import STAGE_TERMS, TOLERANCE, Golden, golden_folders
from train.alignment import losses

FOLDERS = golden_folders()


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda p: f"{p.parent.name}-{p.name}")
def golden(request: pytest.FixtureRequest) -> Golden:
    torch.set_num_threads(1)
    folder: Path = request.param
    assert (folder / "expected.json").exists(), f"{folder} holds no stored values"
    return Golden(folder)


def assert_close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max().item() <= TOLERANCE


@pytest.mark.parametrize("index", [0, 1])
@torch.no_grad()
def test_single_utterances_meet_the_reference(golden: Golden, index: int):
    features = golden.model.features([golden.wave(index)])
    mel = golden.tensors["input_features"][index]
    assert_close(features.log_mel[0, :, : mel.shape[-1]], mel)
    states = golden.model.encode(features)
    assert_close(states.states, golden.single(index, "encoder_hidden"))
    embedded = golden.model.adapt(states)
    assert_close(embedded.embeddings, golden.single(index, "speech_embeds"))
    emotion = golden.model.emotion_logits(states, embedded)
    assert_close(emotion, golden.single(index, "emotion_logits"))
    mask = golden.speech_view(index, int(embedded.lengths[0]))[2]
    with golden.model.speech_positions(mask):
        logits = golden.speech_logits(index, embedded)
    expected = golden.single(index, "logits")
    assert_close(logits[:, -expected.shape[1] :], expected)


@pytest.mark.parametrize("index", [0, 1])
def test_a_talk_computes_the_logits_of_the_reference(golden: Golden, index: int):
    example, text = golden.example(index), CachedText(golden.model.llm)
    text.append_ids(example["start"] + example["audio_instruction"])
    text.append_speech(golden.model.hear(golden.wave(index)).speech_embeddings)
    text.append_ids(example["suffix"])
    assert_close(text.logits(), golden.single(index, "logits")[0, -1])


@pytest.mark.parametrize("index", [0, 1])
def test_greedy_tokens_are_the_same(golden: Golden, index: int):
    heard = golden.model.hear(golden.wave(index))
    text = CachedText(golden.model.llm)
    text.append_ids(golden.example(index)["start"] + golden.example(index)["audio_instruction"])
    text.append_speech(heard.speech_embeddings)
    text.append_ids(golden.model.prompts.reply_header())
    expected = golden.single(index, "greedy").tolist()
    tokens = generate(text, Sampling(max_new_tokens=len(expected)), stop_ids=())
    assert list(tokens) == expected


@pytest.mark.parametrize("index", [0, 1])
def test_loss_terms_and_gradient_norms(golden: Golden, index: int):
    expected = golden.values["losses"]["single"][index]
    norms = golden.values["losses"]["single_grad_norms"][index]
    compared = 0
    for term in (t for t in STAGE_TERMS if t in expected):
        golden.model.zero_grad(set_to_none=True)
        value = golden.term(index, term)
        value.backward()
        assert value.item() == pytest.approx(expected[term], abs=TOLERANCE), term
        found = golden.gradient_norms()
        for name, norm in norms.get(term, {}).items():
            assert found[name] == pytest.approx(norm, rel=TOLERANCE), f"{term}: {name}"
            compared += 1
    golden.model.zero_grad(set_to_none=True)
    assert compared > 50


def test_tokenizer_cases(golden: Golden):
    tokenizer = golden.model.tokenizer
    for case in golden.values["tokenizer"]:
        assert tokenizer.encode(case["text"]) == case["ids"]
        assert tokenizer.decode(case["ids"]) == case["text"]
    special = golden.values["special"]
    assert tokenizer.special_id("<|im_start|>") == special["im_start"]
    assert tokenizer.special_id("<|im_end|>") == special["im_end"]
    assert tokenizer.special_id("<|endoftext|>") == special["eod"]


def test_prompt_pieces_are_those_of_the_reference(golden: Golden):
    prompts = golden.model.prompts
    for index in (0, 1):
        example = golden.example(index)
        assert prompts.opening(golden.model.config.persona) == example["start"]
        reply = [label for label in example["suffix_labels"] if label != losses.IGNORED]
        ending = prompts.reply_ending()
        assert reply[-len(ending) :] == ending
        assert prompts.reply_header() + reply == example["suffix"]


@torch.no_grad()
def test_a_batch_gives_what_single_runs_give(golden: Golden):
    states = golden.states(0, 1)
    embedded = golden.model.adapt(states)
    emotion = golden.model.emotion_logits(states, embedded)
    views = [golden.speech_view(i, int(embedded.lengths[i])) for i in (0, 1)]
    size = max(ids.shape[1] for ids, *_ in views)
    ids = torch.zeros(2, size, dtype=torch.long)
    heard = torch.zeros(2, size, dtype=torch.bool)
    mask = torch.zeros(2, size, dtype=torch.bool)
    for row, (view_ids, _, view_heard, _) in enumerate(views):
        ids[row, : view_ids.shape[1]] = view_ids
        heard[row, : view_ids.shape[1]] = view_heard
        mask[row, : view_ids.shape[1]] = True
    with golden.model.speech_positions(heard):
        logits = golden.model.llm(golden.model.llm.embed(ids, heard, embedded.flat), mask=mask)
    for index in (0, 1):
        length = int(embedded.lengths[index])
        expected = golden.single(index, "speech_embeds")[0]
        assert length == expected.shape[0]
        assert_close(embedded.embeddings[index, :length], expected)
        assert_close(emotion[index : index + 1], golden.single(index, "emotion_logits"))
        end = views[index][0].shape[1]
        reference = golden.single(index, "logits")[0]
        assert_close(logits[index, end - reference.shape[0] : end], reference)


def _unmasked_adapter(
    golden: Golden, states: SpeechStates, counts: torch.Tensor | None
) -> SpeechEmbeddings:
    """The adapter as the reference runs it: it reads states beyond the shorter utterance."""
    adapter, full = golden.model.adapter, torch.full_like(states.lengths, states.states.shape[1])
    unmasked = SpeechStates(states.states, full)
    if isinstance(adapter, Subsampler):
        lengths = torch.tensor([adapter.count(int(n)) for n in states.lengths])
        return SpeechEmbeddings(adapter(unmasked).embeddings, lengths)
    assert isinstance(adapter, CFormer)
    hidden = adapter.before(unmasked)
    raw = torch.sigmoid(hidden[..., -1]) * states.mask
    sums = raw.sum(dim=-1)
    counts = torch.round(sums).long() if counts is None else counts
    fired = integrate_and_fire(hidden[..., :-1], raw * (counts / sums)[:, None], counts)
    after = adapter.cif_proj(fired)
    for layer in adapter.post_cif_layers:
        after = layer(after, attention_bias(lengths_to_mask(counts), after.dtype))
    return SpeechEmbeddings(
        adapter.token_embed_proj(after), counts, weights=raw, predicted_counts=sums
    )


@torch.no_grad()
def test_the_padding_artefacts_of_the_reference_explain_its_batch_values(golden: Golden):
    model, tensors = golden.model, golden.tensors
    states = golden.states(0, 1)
    embedded = _unmasked_adapter(golden, states, None)
    assert torch.equal(embedded.lengths, tensors["speech_mask"].sum(dim=1))
    mask = embedded.mask
    assert_close(embedded.embeddings[mask], tensors["speech_embeds"][mask])
    assert_close(model.emotion_logits(states, embedded), tensors["emotion_logits"])
    for index in (0, 1):
        length = int(embedded.lengths[index])
        alone = SpeechEmbeddings(
            embedded.embeddings[index : index + 1, :length], embedded.lengths[index : index + 1]
        )
        with model.speech_positions(golden.speech_view(index, length)[2]):
            logits = golden.speech_logits(index, alone)
        expected = tensors[f"logits_{index}"]
        assert_close(logits[:, -expected.shape[1] :], expected)

    counts = tensors["batch.input_mask"].sum(dim=1)
    trained = embedded
    if model.config.adapter.kind == "cformer":
        trained = _unmasked_adapter(golden, states, counts)
    speech, text = _padded_views(golden, trained)
    with model.speech_positions(speech["heard"]):
        logits = _padded_run(golden, speech)
    text_logits = _padded_run(golden, text)
    emotions = model.emotion_logits(states, trained)
    found = {
        "response_kl": losses.response_kl(
            logits, text_logits, speech["response"], text["response"]
        ),
        "response_ce": losses.response_ce(logits, speech["labels"]),
        "input_er": losses.input_er(emotions, tensors["batch.emotion_labels"]),
    }
    if trained.predicted_counts is not None:
        found["cif"] = losses.cif(trained.predicted_counts, counts)
        bare_speech, bare_text = _padded_views(golden, trained, bare=True)
        with model.speech_positions(bare_speech["heard"]):
            logits = _padded_run(golden, bare_speech)
        text_logits = _padded_run(golden, bare_text)
        found["input_kl"] = losses.input_kl(
            logits, text_logits, bare_speech["heard"], bare_text["words"]
        )
    for term, value in found.items():
        expected = golden.values["losses"][term]
        assert value.item() == pytest.approx(expected, abs=TOLERANCE), term


def _padded_run(golden: Golden, view: dict[str, torch.Tensor]) -> torch.Tensor:
    positions = torch.arange(view["embeds"].shape[1]).expand(2, -1)
    return golden.model.llm(view["embeds"], mask=view["mask"], positions=positions)


def _padded_views(
    golden: Golden, embedded: SpeechEmbeddings, *, bare: bool = False
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Both views with padding in the middle and rotary positions that count it."""
    batch = {k.removeprefix("batch."): v for k, v in golden.tensors.items() if "batch." in k}
    table = golden.model.llm.embed

    def joined(pieces: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]], middle: int):
        embeds = torch.cat([p[0] for p in pieces], dim=1)
        mask = torch.cat([p[1] for p in pieces], dim=1).bool()
        labels = torch.cat([p[2] for p in pieces], dim=1)
        chosen = [torch.full_like(p[1], i == middle).bool() for i, p in enumerate(pieces)]
        inside = torch.cat(chosen, dim=1)
        return {
            "embeds": embeds,
            "mask": mask,
            "labels": labels,
            "response": labels != losses.IGNORED,
            "words": inside & mask,
            "heard": inside & mask,
        }

    def words(name: str):
        ids, mask = batch[f"{name}_ids"], batch[f"{name}_mask"]
        return table(ids), mask, batch[f"{name}_labels"]

    ignored = torch.full(embedded.mask.shape, losses.IGNORED)
    heard = (embedded.embeddings, embedded.mask.long(), ignored)
    start, suffix = words("start"), words("suffix")
    if bare:
        return joined([start, heard], middle=1), joined([start, words("input")], middle=1)
    speech = joined([start, words("audio_instruction"), heard, suffix], middle=2)
    text = joined([start, words("instruction"), words("input"), suffix], middle=2)
    return speech, text
