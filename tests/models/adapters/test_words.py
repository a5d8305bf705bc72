"""Words that the decoder writes become the LLM's own tokens, with what its states add."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from models.adapters.words import (
    NOTHING_UNDERSTOOD,
    WordStates,
    shared_text,
    span_overlaps,
    token_spans,
)
from models.blsp_emo import BlspEmo, HeardSpeech
from models.checkpoints import checkpoint
from models.config import BlspEmoConfig, TranscriptionConfig, WordConfidenceConfig
from models.generation import CachedText
from models.talk import TalkSession
from models.tokenizer import JsonTokenizer
from models.transcription import transcribe
from models.words.written import WrittenWords, written_words
from tests.models.small import byte_tokenizer, tone

START, END = 257, 258


def model_of(seed: int = 2, **changes: object) -> BlspEmo:
    torch.manual_seed(seed)
    tiny = BlspEmoConfig.tiny(
        adapter="words",
        emotion_head="attentive",
        decoder=True,
        start_ids=(START,),
        stop_ids=(END,),
    )
    model = BlspEmo(replace(tiny, emotion_in_embeddings=True, **changes)).eval()
    model.tokenizer = byte_tokenizer()
    return model


def says(model: BlspEmo, monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    """Lets the decoder write `texts`, one for each piece."""
    left = list(texts)

    def written(decoder, config, states, *_, **__):
        ids = tuple(model.decoder_tokenizer.encode(left.pop(0)))
        states = torch.randn(len(ids), decoder.config.width) if ids else None
        return WrittenWords(ids, (-0.1,) * (len(ids) + 1), states=states)

    monkeypatch.setattr("models.blsp_emo.written_words", written)


@pytest.mark.parametrize("text", ["Hi there.", "né? – “Zoë”", "one  two", "日本語 and 😀!", ""])
def test_spans_cover_the_text_once(text: str, tmp_path) -> None:
    for tokenizer in (byte_tokenizer(), words_tokenizer(tmp_path)):
        spans = token_spans(tokenizer, tokenizer.encode(text))
        covered = [i for start, end in dict.fromkeys(spans) for i in range(start, end)]
        assert covered == list(range(len(text)))


def words_tokenizer(folder: Path) -> JsonTokenizer:
    """Knows the words hello and there."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(["hello there hello there"], trainer)
    backend.save(str(folder / "tokenizer.json"))
    return JsonTokenizer(folder / "tokenizer.json")


def test_each_token_takes_the_states_of_those_that_share_its_characters(tmp_path) -> None:
    ours, theirs = words_tokenizer(tmp_path), byte_tokenizer()
    shared = shared_text("hello there", ours, theirs)
    assert theirs.decode(shared.decoder_ids) == " hello there"
    assert len(shared.ids) == 2
    expected = torch.zeros(2, 12)
    expected[0, 1:6] = 1 / 5
    expected[1, 6:12] = 1 / 6
    assert torch.allclose(shared.overlaps, expected)


def test_text_of_which_nothing_was_heard_takes_no_states() -> None:
    assert span_overlaps([(0, 1), (1, 4)], [(0, 1)]).tolist() == [[1.0], [0.0]]
    assert span_overlaps([], [(0, 1)]).shape == (0, 1)
    assert span_overlaps([(0, 1)], []).shape == (1, 0)


def test_a_new_model_is_a_cascade_exactly_but_for_the_emotion(monkeypatch) -> None:
    model = model_of()
    says(model, monkeypatch, " I lost my keys.")
    heard = model.hear(tone(0.8))
    typed = model.llm.embed(torch.tensor(model.prompts.content("I lost my keys.")))
    assert torch.equal(heard.speech_embeddings, typed)
    assert transcribe(model, heard).text == "I lost my keys."
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"))
    says(model, monkeypatch, " I lost my keys.")
    told = model.hear(tone(0.8))
    vector = torch.tensor(told.probabilities) @ model.get_parameter("emotion_vectors.weight")
    assert torch.allclose(told.speech_embeddings, typed + vector, atol=1e-5)


def test_a_spoken_turn_is_answered_as_the_typed_one(monkeypatch) -> None:
    model = model_of()
    replies = []
    for spoken in (True, False):
        talk = TalkSession(model)
        talk.sampling = replace(talk.sampling, max_new_tokens=8)
        if spoken:
            says(model, monkeypatch, " I lost my keys.")
            talk.listen(model.hear(tone(0.8)))
        else:
            talk.read("I lost my keys.")
        replies.append("".join(talk.reply()))
    assert replies[0] == replies[1] != ""


def test_what_training_gives_the_llm_is_what_a_talk_gives_it() -> None:
    letters = set(byte_tokenizer().encode("abcdefgh "))
    model = model_of(
        transcription=TranscriptionConfig(
            prompt_ids=(START,), suppressed_ids=tuple(set(range(300)) - letters)
        )
    )
    torch.nn.init.normal_(model.adapter.get_parameter("residual.weight"))
    heard = model.hear(tone(0.9))
    states = model.encode(model.features([tone(0.9)]))
    decoder, config = model.decoder, model.config.transcription
    assert decoder is not None and config is not None
    words = written_words(decoder, config, states, model.decoder_tokenizer)
    assert words.ids and words.states is not None
    text = model.decoder_tokenizer.decode(words.ids).strip()
    assert heard.words is not None and heard.words.text == text
    written = decoder.written(torch.tensor([words.ids]), states, prompt=(START,))
    assert torch.allclose(written[0], words.states, atol=1e-4)
    shared = shared_text(text, model.tokenizer, model.tokenizer, words.ids)
    ids = torch.tensor([shared.ids])
    given = model.embed_words(
        ids, torch.tensor([ids.shape[1]]), WordStates(written, shared.overlaps[None])
    )
    assert torch.allclose(given.of(0), heard.speech_embeddings, atol=1e-3)
    assert not torch.allclose(given.of(0), model.llm.embed(ids)[0], atol=0.1)


@pytest.mark.parametrize("positions", [0, 2])
@pytest.mark.parametrize(
    ("said", "least"), [("", None), ("", 0.1), ("  ", 0.1), (" Thank you.", 0.99)]
)
def test_nothing_understood_is_three_dots_without_any_emotion(
    monkeypatch, said, least, positions
) -> None:
    judged = None if least is None else WordConfidenceConfig(least=least)
    model = model_of(word_confidence=judged, emotion_positions=positions)
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"))
    torch.nn.init.normal_(model.adapter.get_parameter("residual.weight"))
    says(model, monkeypatch, said)
    heard = model.hear(tone(0.8))
    dots = model.llm.embed(torch.tensor(model.prompts.content(NOTHING_UNDERSTOOD)))
    assert torch.equal(heard.speech_embeddings, dots)
    assert transcribe(model, heard).text == said.strip()


def test_a_talk_holds_the_voice_behind_the_words_and_typed_turns_do_not(monkeypatch) -> None:
    model = model_of(emotion_positions=2)
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"), std=0.1)
    says(model, monkeypatch, " I lost my keys.", " And my hat.", " I lost my keys.")
    talk = TalkSession(model)
    talk.sampling = replace(talk.sampling, max_new_tokens=4)
    heard = happily(model.hear(tone(0.8)))
    words = len(model.prompts.content("I lost my keys."))
    assert len(heard.speech_embeddings) == words + 2
    assert transcribe(model, heard).text == "I lost my keys."
    talk.listen(heard)
    talk.compute()
    before = talk.position
    said = talk.completeness("I lost")
    assert talk.position == before and 0 < said < 1
    talk.listen(happily(model.hear(tone(0.8))))
    first = "".join(talk.reply())
    talk.truncate(first[:1])
    talk.read("Well?")
    typed = [len(piece) for piece in talk.pieces if piece.speech is not None]
    assert typed == [words + 2, len(model.prompts.content("And my hat.")) + 2]
    again = CachedText(model.llm)
    for piece in talk.pieces:
        again.append_ids(piece.ids) if piece.speech is None else again.append_speech(piece.speech)
    assert torch.allclose(talk._text.logits(), again.logits(), atol=1e-4), "cached = computed anew"
    alone = TalkSession(model_of())
    with_voice = TalkSession(model)
    for one in (alone, with_voice):
        one.read("I lost my keys.")
        one.sampling = replace(one.sampling, max_new_tokens=8)
    assert "".join(alone.reply()) == "".join(with_voice.reply()) != ""


def happily(heard: HeardSpeech) -> HeardSpeech:
    """The same, taken for surely happy."""
    return replace(heard, probabilities=(0.05, 0.8, 0.05, 0.05, 0.05), abstained=False)


def test_of_a_plain_voice_nothing_is_told_unless_it_is_asked_about(monkeypatch) -> None:
    model = model_of(emotion_positions=2)
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"), std=0.1)
    says(model, monkeypatch, " I lost my keys.")
    words = len(model.prompts.content("I lost my keys."))
    heard = happily(model.hear(tone(0.8)))
    assert heard.untold is not None
    assert torch.allclose(heard.untold, heard.speech_embeddings[:words], atol=1e-6)
    plain = replace(heard, probabilities=(0.8, 0.05, 0.05, 0.05, 0.05))
    unsure = replace(heard, probabilities=(0.1, 0.1, 0.6, 0.1, 0.1))
    for one, told in ((heard, 2), (plain, 0), (unsure, 0), (replace(heard, abstained=True), 0)):
        talk, asked = TalkSession(model), TalkSession(model)
        asked.read("How does this sound?")
        for session in (talk, asked):
            session.listen(session.fitting_speech(one))
        assert [len(p) for p in talk.pieces if p.speech is not None] == [words + told]
        assert [len(p) for p in asked.pieces if p.speech is not None] == [words + 2]


def test_what_is_said_behind_a_plain_turn_is_no_question_about_it(monkeypatch) -> None:
    model = model_of(emotion_positions=2)
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"), std=0.1)
    says(model, monkeypatch, " I lost my keys.", " I lost my keys.")
    talk = TalkSession(model)
    words = len(model.prompts.content("I lost my keys."))
    for _ in range(2):
        heard = happily(model.hear(tone(0.8)))
        talk.listen(replace(heard, probabilities=(0.8, 0.05, 0.05, 0.05, 0.05)))
    assert [len(p) for p in talk.pieces if p.speech is not None] == [words, words]


def test_an_answer_that_claims_to_be_deaf_is_begun_again_without_the_feeling(monkeypatch) -> None:
    model = model_of(emotion_positions=2)
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"), std=0.1)
    says(model, monkeypatch, " I lost my keys.", " I lost my keys.", " I lost my keys.")
    words = len(model.prompts.content("I lost my keys."))
    answers = iter(["I'm sorry, I can't hear you.", "Where were", "I didn't hear that."])
    talk = TalkSession(model)
    talk.read("Hello.")
    talk.replace_reply("Hi!")

    def generated(cancelled: Callable[[], bool]) -> Iterator[str]:
        assert talk._reply_ids == []
        answer = next(answers)
        ids = model.prompts.content(answer)
        talk._reply_ids.extend(ids)
        talk._text.append_ids(ids)
        yield from (answer[:5], answer[5:])

    monkeypatch.setattr(talk, "_generated", generated)
    talk.listen(happily(model.hear(tone(0.8))))
    assert "".join(talk.reply()) == "Where were"
    assert [len(p) for p in talk.pieces if p.speech is not None] == [words]
    talk.truncate("Where")
    said = model.tokenizer.decode([i for p in talk.pieces if p.speech is None for i in p.ids])
    assert said.endswith("Where") and "sorry" not in said
    plain = replace(happily(model.hear(tone(0.8))), abstained=True)
    talk.listen(plain)
    assert "".join(talk.reply()) == "I didn't hear that.", "nothing was told that could be left out"


@pytest.mark.parametrize(("heard", "kept"), [(None, True), ("A day, and you sound", False)])
def test_the_talk_holds_an_answer_to_a_feeling_as_it_was_said(monkeypatch, heard, kept) -> None:
    model = model_of(emotion_positions=2)
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"), std=0.1)
    says(model, monkeypatch, " I lost my keys.")
    talk = TalkSession(model)

    def generated(cancelled: Callable[[], bool]) -> Iterator[str]:
        for piece in ("A day", ", and you", "'re", " happy", ". Why?"):
            ids = model.prompts.content(piece)
            talk._reply_ids.extend(ids)
            talk._text.append_ids(ids)
            yield piece

    monkeypatch.setattr(talk, "_generated", generated)
    talk.listen(happily(model.hear(tone(0.8))))
    reply = talk.reply()
    if heard is None:
        assert "".join(reply) == "A day, and you sound happy. Why?"
    else:  # interrupted in the middle of it
        assert [next(reply) for _ in range(3)] == ["A day", ", and ", "you sound happy. Why?"]
        del reply  # as whoever is interrupted drops it
        talk.truncate(heard)
    said = model.tokenizer.decode([i for p in talk.pieces if p.speech is None for i in p.ids])
    assert said.endswith("A day, and you sound happy. Why?" if kept else "A day, and you sound")


def test_a_long_turn_is_told_once_behind_all_its_words(monkeypatch) -> None:
    model = model_of(emotion_positions=2)
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"), std=0.1)
    says(model, monkeypatch, " I lost my keys.", " And my hat.", "")
    heard = model.hear(tone(65.0))
    assert len(heard.speech_states) == 3
    words = len(model.prompts.content("I lost my keys. And my hat."))
    assert heard.untold is not None and len(heard.untold) == words
    assert torch.equal(heard.speech_embeddings[:words], heard.untold)
    told = torch.tensor(heard.probabilities) @ model.get_parameter("emotion_vectors.weight")
    assert torch.allclose(heard.speech_embeddings[words:].flatten(), told[-64:], atol=1e-5)


def test_a_turn_that_is_too_long_keeps_the_voice(monkeypatch) -> None:
    model = model_of(emotion_positions=2, turn_tokens=16)
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"), std=0.1)
    says(model, monkeypatch, " I lost my keys, and then I lost my hat.")
    heard = model.hear(tone(0.8))
    taken = TalkSession(model).fitting_speech(heard)
    assert len(heard.speech_embeddings) > len(taken.speech_embeddings) == 16
    told = torch.tensor(heard.probabilities) @ model.get_parameter("emotion_vectors.weight")
    assert torch.allclose(taken.speech_embeddings[-2:].flatten(), told[-64:], atol=1e-5)


def test_pieces_of_one_utterance_are_one_text(monkeypatch) -> None:
    model = model_of()
    says(model, monkeypatch, " First.", "", " Second.")
    heard = model.hear(tone(65.0))
    assert len(heard.speech_states) == 3
    typed = model.llm.embed(torch.tensor(model.prompts.content("First. Second.")))
    assert torch.equal(heard.speech_embeddings, typed)
    assert transcribe(model, heard).text == "First. Second."


def test_a_piece_that_only_repeats_itself_is_given_to_nobody(monkeypatch) -> None:
    model = model_of()
    says(model, monkeypatch, " First.", " and so on" * 30, " Second.")
    heard = model.hear(tone(65.0))
    typed = model.llm.embed(torch.tensor(model.prompts.content("First. Second.")))
    assert torch.equal(heard.speech_embeddings, typed)


def test_words_are_decoded_once(monkeypatch) -> None:
    model = model_of()
    heard = model.hear(tone(0.9))
    monkeypatch.setattr("models.transcription.written_words", lambda *_, **__: pytest.fail("again"))
    assert transcribe(model, heard) == heard.words


def test_a_hearing_that_is_not_wanted_any_more_ends_early() -> None:
    model = model_of()
    words = model.hear(tone(0.9), cancelled=lambda: True).words
    assert words is not None and words.text == ""


def test_it_is_saved_and_loaded(tmp_path) -> None:
    model = model_of()
    torch.nn.init.normal_(model.adapter.get_parameter("residual.weight"))
    checkpoint.save(model.checkpoint(), tmp_path)
    again = BlspEmo.from_pretrained(tmp_path, dtype="float32", device="cpu")
    ours, theirs = model.hear(tone(0.7)), again.hear(tone(0.7))
    assert torch.equal(ours.speech_embeddings, theirs.speech_embeddings)
    assert ours.words == theirs.words


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"decoder": True, "emotion_head": "mean"}, "another emotion head than mean"),
        ({"decoder": False, "emotion_head": "attentive"}, "needs a decoder"),
    ],
)
def test_what_does_not_go_with_it_is_refused(options: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        BlspEmoConfig.tiny(adapter="words", **options)
