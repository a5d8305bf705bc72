import math
from dataclasses import replace

import pytest
import torch

from models.config import GuidanceConfig, TurnEndConfig
from models.decoding.sampling import Sampling
from models.emotions import Emotion
from models.generation import CachedText, generate
from models.talk import SystemLineTooLong, TalkSession
from tests.models.small import byte_tokenizer, tiny_model, tone


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return tiny_model(seed=7)


@pytest.fixture
def talk(model):
    return TalkSession(model, persona="Be kind.", sampling=Sampling(max_new_tokens=12))


def replied(talk: TalkSession) -> str:
    return "".join(talk.reply())


def positions_of(talk: TalkSession) -> list[int]:
    """All token ids of the conversation, -1 where there is speech."""
    ids: list[int] = []
    for piece in talk.pieces:
        ids += piece.ids or [-1] * len(piece)
    return ids


def test_a_read_conversation_is_the_prompt_that_training_uses(model, talk):
    talk.read("Hi.")
    talk.replace_reply("Hello.")
    talk.read("And you?")
    list(talk.reply())
    expected = model.prompts.conversation("Be kind.", [("Hi.", "Hello.")], "And you?")
    assert positions_of(talk)[: len(expected)] == expected


def test_a_turn_is_prefilled_once_and_the_second_reply_equals_a_fresh_run(model, talk):
    heard = model.hear(tone(0.8))
    talk.listen(heard)
    first = replied(talk)
    talk.read("More.")
    second = replied(talk)
    again = TalkSession(model, persona="Be kind.", sampling=Sampling(max_new_tokens=12))
    again.listen(heard)
    assert replied(again) == first
    again.read("More.")
    assert replied(again) == second


def test_an_utterance_can_be_withdrawn_without_a_trace(model, talk):
    heard = model.hear(tone(0.5))
    talk.listen(heard)
    talk.completeness("so far")
    talk.withdraw()
    # Its system line alone stays: the next turn needs it again.
    assert talk.position == len(model.prompts.opening("Be kind.")) and not talk.is_waiting
    talk.read("Hi.")
    first = replied(talk)
    position = talk.position
    talk.listen(heard)
    talk.withdraw()
    assert talk.position == position
    fresh = TalkSession(model, persona="Be kind.", sampling=Sampling(max_new_tokens=12))
    fresh.read("Hi.")
    assert replied(fresh) == first


def test_two_utterances_in_a_row_are_one_turn(model, talk):
    heard = model.hear(tone(0.4))
    talk.listen(heard)
    before = talk.position
    talk.listen(heard)
    assert talk.position == before + len(heard.speech_embeddings)


def test_the_history_keeps_what_was_heard_of_a_reply(model):
    talk = TalkSession(model, persona="Be kind.")
    talk.read("Hi.")
    said = "I am so glad you told me."
    talk.replace_reply(said)
    talk.truncate("I  am so\nglad")
    talk.read("Stop.")
    expected = model.prompts.conversation("Be kind.", [("Hi.", "I am so glad")], "Stop.")
    assert positions_of(talk) == expected[: -len(model.prompts.reply_header())]


def test_truncating_a_generated_reply_crops_the_cache(model, talk):
    talk.read("Hi.")
    reply = replied(talk)
    start = talk.position
    half = reply[: len(reply) // 2]
    talk.truncate(half)
    assert talk.position < start
    talk.truncate("")
    talk.read("Next.")
    ids = byte_tokenizer().encode("<|im_start|>assistant\n<|im_end|>", markup=True)
    text = positions_of(talk)
    assert any(text[i : i + len(ids)] == ids for i in range(len(text)))


def test_nothing_to_reply_to_is_said(talk):
    with pytest.raises(ValueError, match="nothing to reply"):
        list(talk.reply())
    talk.read("Hi.")
    list(talk.reply())
    with pytest.raises(ValueError, match="nothing to reply"):
        list(talk.reply())


def test_a_cancelled_reply_stops_and_the_talk_goes_on(talk):
    talk.read("Hi.")
    seen: list[str] = []
    for delta in talk.reply(cancelled=lambda: len(seen) >= 2):
        seen.append(delta)
    assert len(seen) <= 3
    talk.read("Go on.")
    assert isinstance(replied(talk), str)


def test_the_emotion_in_words_stands_in_the_system_line_and_follows_changes(model, talk):
    talk.read("Hi.", emotion=Emotion.SAD)
    talk.replace_reply("Oh.")
    talk.read("Hm.", emotion=Emotion.HAPPY)
    second = replied(talk)
    system = "Be kind. The person sounds happy."
    expected = model.prompts.conversation(system, [("Hi.", "Oh.")], "Hm.")
    assert positions_of(talk)[: len(expected)] == expected
    talk.truncate(second[:1])
    talk.read("So.", emotion=Emotion.HAPPY)
    assert len(positions_of(talk)) == talk.position


def test_a_long_talk_forgets_its_oldest_turns_whole(model, talk):
    for index in range(12):
        talk.read(f"This is question number {index}.")
        list(talk.reply())
        assert talk.position <= model.config.context_tokens
    assert talk.forgotten_turns > 0
    text = byte_tokenizer().decode([i for i in positions_of(talk) if i >= 0])
    assert text.startswith("system\nBe kind.")
    assert "number 0." not in text and "number 11." in text


def test_a_turn_beyond_the_context_is_refused(talk):
    with pytest.raises(ValueError, match="shorter turns"):
        talk.read("word " * 400)


def test_hearing_needs_sound(model):
    with pytest.raises(ValueError, match="empty"):
        model.hear(tone(0.0))


def test_a_long_utterance_is_one_turn_of_several_pieces(model):
    heard = model.hear(tone(65.0))
    assert len(heard.speech_states) == 3
    assert sum(heard.probabilities) == pytest.approx(1.0)
    assert heard.speech_embeddings.shape[0] == pytest.approx(65 * 6.25, abs=6)


def test_completeness_is_a_probability_and_leaves_no_trace(model, talk):
    assert 0 < talk.completeness("I wanted to") < 1
    assert talk.position == len(model.prompts.opening("Be kind.")), "the system line alone"
    talk.read("Hi.")
    first = replied(talk)
    position = talk.position
    assert 0 < talk.completeness("And then") < 1
    assert talk.position == position
    fresh = TalkSession(model, persona="Be kind.", sampling=Sampling(max_new_tokens=12))
    fresh.read("Hi.")
    assert replied(fresh) == first


def test_completeness_is_the_calibrated_odds_of_an_end(model, talk, monkeypatch):
    log_odds = talk.end_log_odds("I wanted to")
    assert talk.end_log_odds("I wanted to . ") == log_odds
    assert talk.completeness("I wanted to") == pytest.approx(1 / (1 + math.exp(-log_odds)))
    calibrated = replace(model.config, turn_end=TurnEndConfig(slope=0.5, offset=2.0))
    monkeypatch.setattr(model, "config", calibrated)
    expected = 1 / (1 + math.exp(-(0.5 * log_odds + 2.0)))
    assert talk.completeness("I wanted to") == pytest.approx(expected)
    assert talk.end_log_odds("I wanted to") == log_odds


def test_completeness_stays_a_probability_however_sure(model, talk, monkeypatch):
    for offset, expected in ((5_000.0, 1.0), (-5_000.0, 0.0)):
        sure = replace(model.config, turn_end=TurnEndConfig(offset=offset))
        monkeypatch.setattr(model, "config", sure)
        assert talk.completeness("I wanted to") == expected


def limited(model, monkeypatch, **limits):
    monkeypatch.setattr(model, "config", replace(model.config, **limits))
    return TalkSession(model, persona="Be kind.", sampling=Sampling(max_new_tokens=12))


@pytest.mark.parametrize("limits", [{"talk_turns": 3}, {"talk_tokens": 200}])
def test_a_talk_stays_within_what_the_model_was_trained_on(model, monkeypatch, limits):
    talk = limited(model, monkeypatch, **limits)
    for index in range(30):
        if index % 3 == 1:
            talk.listen(model.hear(tone(0.5)))
        else:
            talk.read(f"Question {index}.")
        assert talk.forgotten_turns >= index + 1 - 3 or "talk_turns" not in limits
        assert talk.position <= limits.get("talk_tokens", 512)
        list(talk.reply())
    text = byte_tokenizer().decode([i for i in positions_of(talk) if i >= 0])
    assert text.startswith("system\nBe kind.")
    assert "Question 29." in text
    assert "Question 20." not in text


def test_after_forgetting_the_reply_is_that_of_a_talk_that_begins_there(model, monkeypatch):
    talk = limited(model, monkeypatch, talk_turns=3)
    heard = model.hear(tone(0.6))
    for index in range(6):
        talk.listen(heard) if index == 4 else talk.read(f"Question {index}.")
        if index < 5:
            list(talk.reply())
    fresh = CachedText(model.llm)
    for piece in talk.pieces:
        fresh.append_ids(piece.ids) if piece.speech is None else fresh.append_speech(piece.speech)
    fresh.append_ids(model.prompts.reply_header())
    tokens = generate(fresh, talk.sampling, stop_ids=model.tokenizer.end_ids)
    assert replied(talk) == model.tokenizer.decode(list(tokens))
    assert talk.forgotten_turns == 3


def test_what_is_withdrawn_and_heard_again_forgets_no_more_than_once(model, monkeypatch):
    talk = limited(model, monkeypatch, talk_turns=3)
    for index in range(3):
        talk.read(f"Question {index}.")
        list(talk.reply())
    for _ in range(5):
        talk.read("Question 3.")
        talk.withdraw()
    assert talk.forgotten_turns == 1


def test_a_turn_as_long_as_the_talk_leaves_nothing_before_it(model, monkeypatch):
    talk = limited(model, monkeypatch, talk_tokens=100)
    for _ in range(3):
        talk.read("a" * 50)
        list(talk.reply())
    text = byte_tokenizer().decode(positions_of(talk))
    assert text.count("user") == 1
    with pytest.raises(ValueError, match="shorter turns"):
        talk.read("a" * 100)
    assert talk.position < 200, "what was refused changed nothing"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Short.", "Short."),
        ("x" * 60 + ". It ends. So it does, and I said so.", "It ends. So it does, and I said so."),
        ("word " * 100 + "end", "word " * 9 + "end"),
        ("y" * 400, "y" * 50),
        ("ä" * 400, "ä" * 25),
    ],
)
def test_of_a_long_text_the_end_fits(model, monkeypatch, text, kept):
    talk = limited(model, monkeypatch, talk_tokens=100)
    fitting = talk.fitting(text)
    assert fitting == kept or (len(kept) > 40 and fitting == kept[-len(fitting) :])
    talk.read(fitting)


def test_replies_are_led_where_the_checkpoint_asks_for_it():
    model = tiny_model(seed=3)
    plain = TalkSession(model)
    plain.read("Hello.")
    general = "".join(plain.reply())
    model.config = replace(model.config, guidance=GuidanceConfig(weight=1e4, plausible=1e-9))
    talk = TalkSession(model)
    talk.read("Hello.")
    led = "".join(talk.reply())
    assert led != general
    talk.read("And again.")
    assert "".join(talk.reply()) and talk.pieces


def test_of_long_speech_the_end_fits_the_turn(model, talk, monkeypatch):
    monkeypatch.setattr(model, "config", replace(model.config, talk_tokens=128, turn_tokens=30))
    heard = model.hear(tone(3.0))
    heard = replace(heard, speech_embeddings=torch.cat([heard.speech_embeddings] * 3))
    assert len(heard.speech_embeddings) > 30
    talk.read("What is this?")
    asked = len(model.prompts.content("What is this?"))
    with pytest.raises(ValueError, match="shorter turns"):
        talk.listen(heard)
    taken = talk.fitting_speech(heard).speech_embeddings
    assert torch.equal(taken, heard.speech_embeddings[-(30 - asked) :])
    talk.listen(talk.fitting_speech(heard))
    replied(talk)
    assert len(talk.fitting_speech(heard).speech_embeddings) == 30


def test_a_reply_says_whether_it_was_cut(model, talk, monkeypatch):
    talk.read("Go on.")
    replied(talk)
    assert talk.is_cut
    every_token = tuple(range(300))
    monkeypatch.setattr(model.tokenizer, "end_ids", every_token)
    talk.read("And now?")
    assert replied(talk) == ""
    assert not talk.is_cut


def test_speech_that_does_not_fill_its_positions_is_refused(model):
    mask = torch.tensor([[False, True, True]])
    with pytest.raises(ValueError, match="2 positions are reserved for 3 speech embeddings"):
        model.llm.embed(torch.zeros_like(mask, dtype=torch.long), mask, torch.zeros(3, 32))


def test_a_long_system_line_is_computed_before_the_first_turn_a_part_at_a_time(model, monkeypatch):
    monkeypatch.setattr("models.dialogue_text.PREFILL_STEP", 64)
    persona = "Be kind. " * 25
    computed = counted(model, monkeypatch)
    talk = TalkSession(model, persona=persona, sampling=Sampling(max_new_tokens=4))
    steps = sum(1 for _ in talk.prefill())
    opening = len(model.prompts.opening(persona))
    assert steps == (opening - 1) // 64
    assert sum(computed) == opening and max(computed) == 64
    talk.read("Hi.")
    answer = replied(talk)
    # The last position of a prefill gives no token to choose from: it alone is computed again.
    assert sum(computed) <= talk.position + 1
    fresh = TalkSession(model, persona=persona, sampling=Sampling(max_new_tokens=4))
    fresh.read("Hi.")
    assert replied(fresh) == answer


def test_who_speaks_before_a_long_system_line_is_computed_loses_nothing(model, monkeypatch):
    monkeypatch.setattr("models.dialogue_text.PREFILL_STEP", 64)
    persona = "Be kind. " * 25
    talk = TalkSession(model, persona=persona, sampling=Sampling(max_new_tokens=4))
    steps = talk.prefill()
    next(steps)
    talk.read("Hi.")
    assert next(steps, None) is None
    fresh = TalkSession(model, persona=persona, sampling=Sampling(max_new_tokens=4))
    fresh.read("Hi.")
    assert replied(talk) == replied(fresh)


def test_a_short_system_line_is_computed_with_the_first_turn(model, monkeypatch):
    computed = counted(model, monkeypatch)
    talk = TalkSession(model, persona="Be kind.")
    assert not list(talk.prefill()) and not computed


def test_the_first_turn_is_withdrawn_without_its_system_line(model, monkeypatch):
    talk = TalkSession(model, persona="Be kind.", sampling=Sampling(max_new_tokens=2))
    talk.read("Hi.")
    replied(talk)
    talk.take_back()
    computed = counted(model, monkeypatch)
    talk.read("Ho.")
    replied(talk)
    assert sum(computed) < len(model.prompts.opening("Be kind."))


def test_a_system_line_that_leaves_no_room_for_what_the_model_follows_is_refused(model):
    longest = model.config.longest_talk
    with pytest.raises(SystemLineTooLong, match="shorten it"):
        TalkSession(model, persona="a" * longest)
    assert TalkSession(model, persona="a" * (longest // 3))


def test_beside_a_long_system_line_the_talk_is_not_forgotten_as_a_whole(model):
    persona = "a" * (model.config.longest_talk // 3)
    talk = TalkSession(model, persona=persona, sampling=Sampling(max_new_tokens=8))
    while not talk.forgotten_turns:
        talk.read("Hi there, you.")
        replied(talk)
    assert len(talk._dialogue.turns) > 1


def counted(model, monkeypatch):
    """Returns a list that gets how many positions each step of the LLM computes."""
    computed = []
    forward = model.llm.forward

    def counting(embeddings, **options):
        computed.append(embeddings.shape[1])
        return forward(embeddings, **options)

    monkeypatch.setattr(model.llm, "forward", counting)
    return computed
