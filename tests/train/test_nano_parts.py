"""What nano is made of: word times, voices, conversations, heads, judges."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.blsp_emo import BlspEmo
from models.config import BlspEmoConfig, EmotionHeadConfig, SpeechEncoderConfig
from models.emotion_head import EmotionHeadEnsemble, SpectralEmotionHead, build_emotion_head
from models.emotions import Emotion
from models.features import SpeechFeatures
from models.prompts import chat_prompts, topic_token
from models.speech_encoder import SpeechStates
from models.tokenizer import JsonTokenizer
from tests.models.small import byte_tokenizer
from train.domain import read_domain, templates
from train.losses import IGNORED
from train.nano_assemble import nano_config
from train.nano_emotion import EmotionModel, folded, trimmed
from train.nano_judges import ASKED_BACK, ReplyJudge, all_replies
from train.nano_llm import LlmStep, NanoLlm, llm_shape
from train.nano_manifests import Answers
from train.nano_text import spoken_form
from train.nano_text_batches import (
    Conversation,
    ConversationSource,
    Openings,
    Turn,
    Wordings,
    naming_row,
    padded_rows,
    token_row,
)
from train.nano_tokenizer import spelling_size, topics_of
from train.nano_word_times import word_spans
from train.surroundings import faster, in_room, with_noise
from train.synthesis import (
    PHONES,
    SAMPLE_RATE_HZ,
    Voice,
    draw_voice,
    phones_of,
    speak,
    voiced_pitch_hz,
)

DOMAIN = read_domain()
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


def _tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    times = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (0.3 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def test_word_spans_follow_the_phones() -> None:
    lexicon = {"i": ("ay",), "failed": ("f", "ey", "l", "d"), "it": ("ih", "t")}
    phones = ("pau", "ay", "f", "ey", "l", "d", "ih", "t", "pau")
    ends = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    spans = word_spans(["i", "failed", "it"], phones, ends, lexicon)
    assert spans == [(0.1, 0.2), (0.2, 0.6), (0.6, 0.8)]


def test_word_spans_bear_a_reduced_vowel_and_refuse_other_words() -> None:
    lexicon = {"to": ("t", "uw"), "me": ("m", "iy")}
    ends = (0.1, 0.2, 0.3, 0.4)
    assert word_spans(["to", "me"], ("t", "ax", "m", "iy"), ends, lexicon) == [
        (0.0, 0.2),
        (0.2, 0.4),
    ]
    assert word_spans(["to", "me"], ("s", "k", "ae", "t"), ends, lexicon) == []
    assert word_spans(["unknown"], ("t",), (0.1,), lexicon) == []


@needs_flite
def test_speech_is_as_long_as_its_phones_and_follows_the_voice() -> None:
    plain = speak("I failed my maths exam.", Voice("flite", "slt"))
    assert set(plain.phones) <= set(PHONES)
    assert plain.waveform.size / SAMPLE_RATE_HZ == pytest.approx(plain.ends_s[-1], abs=0.15)
    slow = speak("I failed my maths exam.", Voice("flite", "slt", stretch=1.3))
    assert slow.waveform.size > 1.2 * plain.waveform.size
    high = speak("I failed my maths exam.", Voice("flite", "slt", pitch=1.3))
    ratio = np.median(voiced_pitch_hz(high.waveform)) / np.median(voiced_pitch_hz(plain.waveform))
    assert 1.15 < ratio < 1.5


def test_a_missing_engine_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OSError, match="apt install flite"):
        speak("Hello there.", Voice("flite", "slt"))


def test_held_out_voices_are_never_drawn_for_training() -> None:
    generator = np.random.default_rng(1)
    training = {(v.engine, v.name) for v in (draw_voice(generator) for _ in range(400))}
    judging = {
        (v.engine, v.name) for v in (draw_voice(generator, held_out=True) for _ in range(100))
    }
    assert not training & judging


def test_noise_stands_at_its_level_and_rooms_keep_loudness() -> None:
    generator = np.random.default_rng(2)
    speech = _tone(220.0)
    noise = generator.standard_normal(4000).astype(np.float32)
    added = with_noise(speech, noise, 10.0, generator) - speech
    level_db = 10 * np.log10(np.mean(speech**2) / np.mean(added**2))
    assert level_db == pytest.approx(10.0, abs=0.1)
    room = np.zeros(2000, dtype=np.float32)
    room[[10, 500]] = (1.0, 0.5)
    wet = in_room(speech, room)
    assert wet.size == speech.size
    assert np.mean(wet**2) == pytest.approx(np.mean(speech**2), rel=1e-3)
    assert faster(speech, 1.25).size == pytest.approx(speech.size / 1.25, abs=2)


def test_pitch_of_a_tone_is_found() -> None:
    assert np.median(voiced_pitch_hz(_tone(200.0))) == pytest.approx(200.0, rel=0.02)


def test_silence_around_speech_is_cut() -> None:
    quiet = np.zeros(SAMPLE_RATE_HZ, dtype=np.float32)
    cut = trimmed(np.concatenate([quiet, _tone(200.0), quiet]))
    assert SAMPLE_RATE_HZ < cut.size < 1.4 * SAMPLE_RATE_HZ


def test_conversations_are_repeatable_and_know_no_held_out_wording() -> None:
    source = ConversationSource(DOMAIN, ["The senate met on Monday."])
    held_out = {
        spoken_form(text) for intent, text in templates(DOMAIN, "wording") if "{" not in text
    }
    drawn = [source.draw(np.random.default_rng(seed)) for seed in range(300)]
    assert drawn[:20] == [source.draw(np.random.default_rng(seed)) for seed in range(20)]
    openings = {spoken_form(c.turns[0].said) for c in drawn}
    assert not openings & held_out
    assert any(turn.cut for c in drawn for turn in c.turns)
    assert {c.emotion for c in drawn} == {None, *Emotion}


def test_utterances_named_together_do_not_see_each_other(tmp_path: Path) -> None:
    prompts = chat_prompts(_with_topics(tmp_path))
    shape = llm_shape(prompts.tokenizer.size, width=16, layers=2, heads=2, ffn=32)
    model = NanoLlm(shape).eval()

    def topic_logits(*said: tuple[str, str]) -> torch.Tensor:
        rows = padded_rows([naming_row(Openings(Emotion.SAD, said), prompts)])
        with torch.no_grad():
            logits = model(rows.ids, rows.attended, rows.positions)
        return logits[0, :-1][rows.labels[0, 1:] != IGNORED]

    said = (("i failed", "exam_failed"), ("thanks a lot", "thanks"), ("bye", "goodbye"))
    alone = torch.cat([topic_logits(one) for one in said])
    torch.testing.assert_close(topic_logits(*said), alone)


def test_what_is_learnt_together_does_not_depend_on_padding(tmp_path: Path) -> None:
    prompts = chat_prompts(_with_topics(tmp_path))
    spelling = spelling_size(prompts.tokenizer, DOMAIN)
    model = NanoLlm(llm_shape(prompts.tokenizer.size, width=16, layers=2, heads=2, ffn=32)).eval()
    naming = naming_row(Openings(None, (("hi", "greeting"),)), prompts)
    talk = token_row(
        Conversation(None, (Turn("i failed", "Oh no.", topic="exam_failed"),)), prompts
    )
    ids, mask = torch.tensor([talk.ids]), torch.ones(1, len(talk.ids), dtype=torch.bool)
    with torch.no_grad():
        rows = padded_rows([naming, talk, naming])
        together = model(rows.ids, rows.attended, rows.positions)
        plain = model.llm(model.llm.embed(ids), mask=mask)
        terms = LlmStep(spelling)(model, rows)
    torch.testing.assert_close(together[1:2, : len(talk.ids)], plain)
    assert all(torch.isfinite(term) for term in terms.values())


def test_intents_with_many_wordings_do_not_drown_the_others() -> None:
    many, few = DOMAIN.intents[0], DOMAIN.intents[1]
    wordings = Wordings([(many, f"many {n}") for n in range(100)] + [(few, "few")])
    generator = np.random.default_rng(1)
    drawn = [wordings.draw(generator)[0].name for _ in range(2200)]
    assert 120 < drawn.count(few.name) < 280  # one in eleven, not one in 101


def test_a_reply_names_its_topic_first(tmp_path: Path) -> None:
    prompts = chat_prompts(_with_topics(tmp_path))
    first = Turn("i failed", "Oh no.", topic="exam_failed", names_topic=False)
    last = Turn("thanks", "Sure.", topic="thanks", names_topic=False)
    row = token_row(Conversation(None, (first, last)), prompts)
    spelling = spelling_size(prompts.tokenizer, DOMAIN)
    # The last reply always names what it is about; a written one of the history need not, and is
    # then not learnt.
    assert [i for i in row.ids if i >= spelling] == prompts.topic("thanks")
    learnt = [label for label in row.labels if label != IGNORED]
    assert learnt[0] == prompts.topic("thanks")[0]
    assert prompts.tokenizer.decode(learnt).startswith("Sure.")


def test_topics_are_no_part_of_the_recognisers_spelling(tmp_path: Path) -> None:
    tokenizer = _with_topics(tmp_path)
    spelling = spelling_size(tokenizer, DOMAIN)
    assert spelling == byte_tokenizer().size
    assert tokenizer.size == spelling + len(topics_of(DOMAIN))
    config = nano_config(tokenizer, spelling)
    assert config.llm["vocab_size"] == tokenizer.size
    assert config.adapter.vocabulary == config.speech_encoder.vocabulary == spelling


def _with_topics(folder: Path) -> JsonTokenizer:
    """Returns a small tokenizer with a token for each topic."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    byte_tokenizer().save_file(path)
    backend = Tokenizer.from_file(str(path))
    backend.add_special_tokens([topic_token(topic) for topic in topics_of(DOMAIN)])
    backend.save(str(path))
    return JsonTokenizer(path)


def test_answers_fit_the_words() -> None:
    answers = Answers(DOMAIN)
    intent = next(i for i in DOMAIN.intents if i.name == "by_the_door")
    found = answers.reply("Kids are talking by the door.", intent.name, Emotion.SAD)
    assert found is not None and found.reply in intent.replies[Emotion.SAD]
    assert found.topic == intent.name
    assert answers.reply("Something nobody wrote.", intent.name, Emotion.SAD) is None


def test_judge_knows_questions_from_replies() -> None:
    judge = ReplyJudge(DOMAIN)
    assert judge.intents(list(DOMAIN.questions[:5])) == [ASKED_BACK] * 5
    intent = next(i for i in DOMAIN.intents if i.name == "exam_failed")
    assert judge.intents(list(intent.replies[Emotion.SAD])) == ["exam_failed"] * len(
        intent.replies[Emotion.SAD]
    )
    assert spoken_form(DOMAIN.questions[0]) in all_replies(DOMAIN)


def test_norms_fold_into_the_convolutions_exactly() -> None:
    torch.manual_seed(1)
    config = EmotionHeadConfig(kind="spectral", hidden=16, channels=(4, 8))
    model = EmotionModel(config, SpeechEncoderConfig())
    features = SpeechFeatures(torch.randn(3, 80, 60), torch.tensor([60, 60, 60]))
    model.train()
    for _ in range(3):
        model(features.log_mel * 2 + 1, features.lengths)
    model.eval()
    head = SpectralEmotionHead(config, SpeechEncoderConfig()).eval()
    weights = folded(model.state_dict())
    head.load_state_dict({k.removeprefix("emotion_head."): v for k, v in weights.items()})
    with torch.no_grad():
        expected, _, _ = model(features.log_mel, features.lengths)
        torch.testing.assert_close(head.of_features(features), expected, atol=1e-5, rtol=1e-4)


def test_spectral_head_gives_the_same_in_any_batch() -> None:
    torch.manual_seed(2)
    config = EmotionHeadConfig(kind="spectral", hidden=16, channels=(4, 8))
    head = SpectralEmotionHead(config, SpeechEncoderConfig()).eval()
    long, short = torch.randn(1, 80, 90), torch.randn(1, 80, 41)
    padded = torch.zeros(2, 80, 90)
    padded[0], padded[1, :, :41] = long[0], short[0]
    with torch.no_grad():
        both = head.of_features(SpeechFeatures(padded, torch.tensor([90, 41])))
        alone = head.of_features(SpeechFeatures(short, torch.tensor([41])))
    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=1e-4)


def test_emotion_moves_speech_embeddings_only_where_it_is_wanted() -> None:
    config = replace(BlspEmoConfig.tiny(emotion_head="spectral"), emotion_in_embeddings=True)
    torch.manual_seed(3)
    model = BlspEmo(config).eval()
    vectors = model.emotion_vectors
    assert vectors is not None
    states = model.encode(model.features([_tone(200.0, 0.5)]))
    with torch.no_grad():
        before = model.adapt(states).embeddings
        torch.nn.init.normal_(vectors.weight)
        sad = torch.eye(5)[[int(Emotion.SAD)]]
        after = model.adapt(states, emotions=sad).embeddings
    torch.testing.assert_close(after - before, vectors.weight[Emotion.SAD].expand_as(before))
    with pytest.raises(ValueError, match="emotion_in_embeddings"):
        replace(BlspEmoConfig.tiny(), emotion_in_embeddings=True)


@needs_flite
def test_phones_are_the_same_whether_asked_one_by_one_or_together() -> None:
    texts = ["hello", "it's", "i", "kids are talking by the door", "grandmother"] * 20
    assert phones_of(texts) == [phones_of([text])[0] for text in texts[:5]] * 20


def test_several_heads_are_averaged_by_their_probabilities() -> None:
    torch.manual_seed(3)
    config = EmotionHeadConfig(kind="spectral", hidden=16, channels=(4, 8), members=3)
    head = build_emotion_head(config, SpeechEncoderConfig(), 8).eval()
    assert isinstance(head, EmotionHeadEnsemble)
    features = SpeechFeatures(torch.randn(2, 80, 60), torch.tensor([60, 41]))
    states = torch.zeros(2, 1, 8)
    speech = SpeechStates(states, torch.tensor([1, 1]), features=features)
    with torch.no_grad():
        alone = torch.stack([torch.softmax(member(speech), -1) for member in head.members])
        torch.testing.assert_close(torch.softmax(head(speech), -1), alone.mean(0))
