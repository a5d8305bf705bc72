import json
import math
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer

from models import transcription
from models.blsp_emo import BlspEmo
from models.checkpoints import checkpoint
from models.config import WordConfidenceConfig
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import whisper_config
from models.torchaudio_guard import guard_torchaudio
from models.weights import CheckpointError
from models.words import written
from models.words.written import WordScores
from tests.models.small import byte_tokenizer, tiny_model, tone, write_byte_tokenizer

START, END = 257, 258


@pytest.fixture(scope="module")
def model() -> BlspEmo:
    torch.set_num_threads(1)
    return tiny_model(seed=2, decoder=True, start_ids=(START,), stop_ids=(END,))


@torch.no_grad()
def test_the_decoder_gives_the_same_with_cache_without_and_in_a_batch(model):
    waves = [tone(0.5), tone(1.2)]
    ids = torch.tensor([[START, 5, 6, 7], [START, 9, 8, 7]])
    batch = model.decoder(ids, model.encode(model.features(waves)))
    for row, wave in enumerate(waves):
        states = model.encode(model.features([wave]))
        alone = model.decoder(ids[row : row + 1], states)
        assert torch.allclose(batch[row], alone[0], atol=1e-5)
        cache = model.decoder.new_cache()
        steps = [model.decoder(ids[row : row + 1, i : i + 1], states, cache) for i in range(4)]
        assert torch.allclose(torch.cat(steps, dim=1), alone, atol=1e-5)


@torch.no_grad()
def test_the_decoder_is_that_of_transformers():
    guard_torchaudio()
    from transformers import WhisperForConditionalGeneration

    model = tiny_model(seed=4, decoder=True, short_inputs=False)
    theirs = WhisperForConditionalGeneration(whisper_config(model.config.speech_encoder)).eval()
    theirs.model.encoder.load_state_dict(model.speech_encoder.whisper.state_dict())
    assert model.decoder is not None
    theirs.model.decoder.load_state_dict(model.decoder.whisper.state_dict())
    features = model.features([tone(1.0)])
    ids = torch.tensor([[1, 2, 3]])
    expected = theirs(features.log_mel, decoder_input_ids=ids).logits
    assert torch.allclose(model.decoder(ids, model.encode(features)), expected, atol=1e-5)


def test_words_come_from_the_states_of_the_one_encode(model, monkeypatch):
    heard = model.hear(tone(0.9))
    monkeypatch.setattr(model, "encode", lambda _: pytest.fail("it was encoded again"))
    words = transcription.transcribe(model, heard)
    assert words.source == "decoder"
    assert words.confidence is not None and 0 < words.confidence <= 1


def test_confidence_is_the_share_of_right_words_once_it_is_fitted():
    scores = WordScores(decoder=-1.0)
    assert scores.confidence(None) == pytest.approx(math.exp(-1.0))
    fitted = WordConfidenceConfig(decoder=0.5, offset=0.5)
    assert scores.confidence(fitted) == pytest.approx(0.5)
    assert WordScores(-1000.0).confidence(fitted) == pytest.approx(0.0)
    unsure = [WordScores(-x).confidence(fitted) for x in (0.1, 1.0, 3.0)]
    assert unsure == sorted(unsure, reverse=True)


def test_greedy_words_equal_uncached_steps_and_score_them(model):
    states = model.hear(tone(0.7)).speech_states[0]
    found = written.greedy_words(model.decoder, model.config.transcription, states)
    ids, scores = found.ids, found.log_probabilities
    given = [START]
    with torch.no_grad():
        for token, score in zip(ids[:10], scores[:10], strict=True):
            logits = model.decoder(torch.tensor([given]), states)[0, -1]
            assert int(logits.argmax()) == token
            assert torch.log_softmax(logits, 0)[token].item() == pytest.approx(score, abs=1e-4)
            given.append(token)


def test_a_decoder_in_a_circle_is_stopped(model):
    class Circle(SpeechDecoder):
        def states(self, ids, speech, cache=None):
            return ids[..., None].float()

        def logits(self, states):
            logits = torch.zeros(300)
            logits[40 + (int(states) + 1) % 3] = 9.0
            return logits

    states = model.hear(tone(0.5)).speech_states[0]
    circle = Circle(model.config.speech_encoder)
    found = written.greedy_words(circle, model.config.transcription, states)
    assert len(found.ids) == 3


def test_without_a_decoder_the_llm_is_asked_and_the_words_say_so():
    model = tiny_model(seed=5)
    heard = model.hear(tone(0.6))
    words = transcription.transcribe(model, heard)
    assert words.source == "llm" and words.confidence is None
    assert transcription.transcribe(model, heard, cancelled=lambda: True).text == ""


def write_whisper(model: BlspEmo, folder, *, change: float = 0.0) -> None:
    """A Whisper folder in the published layout around the encoder of `model`."""
    guard_torchaudio()
    from transformers import WhisperForConditionalGeneration

    shape = whisper_config(
        model.config.speech_encoder,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=64,
        vocab_size=262,
        max_target_positions=48,
    )
    torch.manual_seed(9)
    whisper = WhisperForConditionalGeneration(shape)
    whisper.model.encoder.load_state_dict(model.speech_encoder.whisper.state_dict())
    whisper.model.encoder.get_parameter("layers.0.fc1.weight").data += change
    whisper.save_pretrained(folder)
    write_byte_tokenizer(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(["<|startoftranscript|>", "<|en|>", "<|notimestamps|>"])
    tokenizer.save(str(folder / "tokenizer.json"))


def test_the_decoder_of_the_same_whisper_fits_and_is_saved_with_the_model(tmp_path):
    model = tiny_model(seed=6, short_inputs=False)
    (tmp_path / "whisper").mkdir()
    write_whisper(model, tmp_path / "whisper")
    model.attach_decoder(tmp_path / "whisper")
    end = byte_tokenizer().special_id("<|endoftext|>")
    assert model.config.transcription is not None
    assert model.config.transcription.stop_ids == (end,)
    assert model.config.transcription.prompt_ids == (259, 260, 261)
    heard = model.hear(tone(0.5))
    words = transcription.transcribe(model, heard)
    assert words.source == "decoder"
    checkpoint.save(model.checkpoint(), tmp_path / "saved")
    loaded = BlspEmo.from_pretrained(tmp_path / "saved", dtype="float32", device="cpu")
    assert transcription.transcribe(loaded, loaded.hear(tone(0.5))) == words


def test_another_whisper_is_refused(tmp_path):
    model = tiny_model(seed=6, short_inputs=False)
    (tmp_path / "other").mkdir()
    write_whisper(model, tmp_path / "other", change=0.5)
    with pytest.raises(CheckpointError, match=r"encoders differ in layers\.0\.fc1\.weight"):
        model.attach_decoder(tmp_path / "other")
    config = json.loads((tmp_path / "other" / "config.json").read_text())
    (tmp_path / "other" / "config.json").write_text(json.dumps({**config, "d_model": 64}))
    with pytest.raises(CheckpointError, match="d_model 64"):
        model.attach_decoder(tmp_path / "other")


class Writes(SpeechDecoder):
    """A decoder that writes `ids` whatever it hears, and thinks that nobody speaks."""

    def __init__(self, model, ids, *, no_speech=0.0, sure=9.0):
        super().__init__(model.config.speech_encoder)
        self.ids, self.no_speech, self.sure, self.given = list(ids), no_speech, sure, 0

    def states(self, ids, speech, cache=None):
        rows = torch.zeros(1, ids.shape[1], 300)
        rows[0, 0, NOBODY] = 0.0 if self.given else self.no_speech
        rows[0, -1, self.ids[self.given % len(self.ids)]] += self.sure
        self.given += 1
        return rows

    def logits(self, states):
        return states


NOBODY = 259


def test_words_where_nobody_speaks_are_none(model):
    states = model.hear(tone(0.5)).speech_states[0]
    config = replace(model.config.transcription, no_speech_id=NOBODY, prompt_ids=(START, 1))

    def words(**options):
        decoder = Writes(model, [72, 105, END], **options)
        return written.greedy_words(decoder, config, states)

    silent, spoken = words(no_speech=12.0, sure=4.0), words(no_speech=0.0, sure=9.0)
    assert silent.no_speech > 0.9 and spoken.no_speech < 0.1
    tokenizer = model.tokenizer
    assert written.words_of([silent], tokenizer, None).text == ""
    assert written.words_of([silent], tokenizer, None).confidence == 0.0
    assert written.words_of([spoken], tokenizer, None).text
    both = written.words_of([silent, spoken], tokenizer, None)
    assert both.text == written.words_of([spoken], tokenizer, None).text


def test_a_decoder_that_finds_no_end_says_no_more_than_a_person_can(model):
    states = model.hear(tone(1.0)).speech_states[0]
    endless = written.greedy_words(
        Writes(model, range(30, 200)), model.config.transcription, states
    )
    assert 8 <= len(endless.ids) <= 20
    twice = written.greedy_words(Writes(model, range(30, 39)), model.config.transcription, states)
    assert list(twice.ids) == list(range(30, 39)), "the second round is left out"
