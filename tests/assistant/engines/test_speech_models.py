import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch

from assistant.conversation.engines import close
from assistant.engines.blsp_emo import BlspEmoDialogue, BlspEmoModel
from assistant.engines.cascade import CascadeModel
from assistant.engines.chat_server.model import ChatServerDialogue, ChatServerModel
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeechModel,
    Transcript,
)
from assistant.engines.settings import GenerationSettings, LlmSettings, ModelSettings
from assistant.engines.table import ENGINES, engine_factory
from assistant.errors import EngineFailed, EngineUnavailable
from assistant.safety import Help, reply_of
from models.config import TurnEndConfig
from models.examples.written import EXAMPLES, Example, write_examples
from tests.assistant.engines.chat_server.fake_server import FakeServer
from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint
from tests.fakes import speech_like
from tests.models.examples.small_encoder import write_encoder

RUN = ModelSettings(device="cpu", dtype="float32", threads=1)
GENERATION = GenerationSettings(longest_tokens=12)
SPEECH = speech_like((0.1, 1.4), length_s=1.5)
OTHER_SPEECH = -0.5 * speech_like((0.2, 0.8), length_s=1.2)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    server = FakeServer(replies=())
    yield server
    server.close()


RESIDENT = [name for name, engine in ENGINES["speech_model"].items() if not engine.works_elsewhere]
"""Those that load a checkpoint here; what works elsewhere is tested with its own way there."""


@pytest.fixture(scope="module", params=RESIDENT)
def model(
    request: pytest.FixtureRequest, checkpoint: Path, server: FakeServer
) -> Iterator[SpeechModel]:
    threads = torch.get_num_threads()
    given: list[object] = [str(checkpoint), RUN, GENERATION]
    if ENGINES["speech_model"][request.param].asks_server:
        given.append(LlmSettings(server=server.url))
    model = engine_factory("speech_model", request.param)(*given)
    yield model
    close(model)
    torch.set_num_threads(threads)


def hear(dialogue: Dialogue, speech: np.ndarray = SPEECH) -> tuple[EmotionEstimate, Transcript]:
    estimate, words = sorted(
        dialogue.hear(speech, Cancel()), key=lambda item: isinstance(item, Transcript)
    )
    assert isinstance(estimate, EmotionEstimate)
    assert isinstance(words, Transcript)
    return estimate, words


def reply(dialogue: Dialogue, cancel: Cancel | None = None) -> str:
    return "".join(delta.text for delta in dialogue.reply(cancel or Cancel()))


def with_example(checkpoint: Path, folder: Path, **examples: float) -> Path:
    """Returns a copy of `checkpoint` that knows one written exchange."""
    copytree(checkpoint, folder / "model")
    write_examples(folder / "model" / EXAMPLES, [Example("It rained again.", "All day?")])
    file = folder / "model" / "config.json"
    config = json.loads(file.read_text())
    encoder = str(write_encoder(folder / "encoder"))
    config["parts"] = (config.get("parts") or {}) | {"sentences": encoder}
    config["examples"] = (config.get("examples") or {}) | examples
    file.write_text(json.dumps(config))
    return folder / "model"


@pytest.mark.parametrize("kind", [BlspEmoModel, CascadeModel])
def test_a_reply_says_whether_it_was_written_before(
    checkpoint: Path, tmp_path: Path, kind: Any
) -> None:
    folder = with_example(checkpoint, tmp_path, count=1, answers_from=0.9)
    dialogue = kind(str(folder), RUN, GENERATION).open(Persona())
    for words, source in (("It rained again.", "written"), ("Who is that?", "model")):
        dialogue.read(words)
        assert {delta.source for delta in dialogue.reply(Cancel())} == {source}
    # What is said in danger takes its place, and is nobody's answer to the saying.
    dialogue = kind(str(folder), RUN, GENERATION).open(Persona())
    dialogue.read("It rained again.")
    (said,) = reply_of(dialogue, Help("fire", "Call 112.", "Get out."), Cancel())
    assert (said.text, said.source) == ("Get out.", "fixed")


def test_the_settings_say_how_many_examples_are_shown(checkpoint: Path, tmp_path: Path) -> None:
    folder = with_example(checkpoint, tmp_path)
    shown: dict[int | None, bool] = {}
    for count in (None, 0, 1):
        generation = GENERATION.model_copy(update={"examples": count})
        dialogue = BlspEmoModel(str(folder), RUN, generation).open(Persona())
        dialogue.read("It rained again.")
        shown[count] = "All day?" in known_text(dialogue)
    # The tiny checkpoint itself asks for none.
    assert shown == {None: False, 0: False, 1: True}


def known_text(dialogue: Dialogue) -> str:
    """Returns the words in the LLM's context; speech has none."""
    if isinstance(dialogue, ChatServerDialogue):
        return "".join(message["content"] for message in dialogue.messages)
    assert isinstance(dialogue, BlspEmoDialogue)
    ids = [token for piece in dialogue._session._text.pieces for token in piece.ids]
    return dialogue._model.tokenizer.decode(ids)


def test_a_reply_may_begin_once_the_emotion_is_known(model: SpeechModel) -> None:
    plain, early = model.open(Persona()), model.open(Persona())
    hear(plain)
    hearing = early.hear(SPEECH, Cancel())
    first = next(hearing)
    assert isinstance(first, Transcript) == isinstance(model, CascadeModel)
    if isinstance(first, Transcript):
        assert isinstance(next(hearing), EmotionEstimate)
    answer = early.reply(Cancel())
    begun = next(answer).text
    rest = list(hearing)
    assert [type(item) for item in (first, *rest)].count(Transcript) == 1
    assert begun + "".join(delta.text for delta in answer) == reply(plain)


def test_emotion_words_and_a_reply(model: SpeechModel) -> None:
    dialogue = model.open(Persona())
    estimate, words = hear(dialogue)
    assert sum(estimate.probabilities) == pytest.approx(1.0, abs=1e-5)
    assert words.source == "decoder"
    assert words.confidence is not None
    assert 0.0 <= words.confidence <= 1.0
    assert reply(dialogue)


def test_conversations_do_not_see_each_other(model: SpeechModel) -> None:
    alone = model.open(Persona())
    hear(alone)
    expected = [reply(alone)]
    hear(alone, OTHER_SPEECH)
    expected.append(reply(alone))

    first, second = model.open(Persona()), model.open(Persona())
    hear(first)
    second.read("something else entirely")
    replies = [reply(first)]
    reply(second)
    hear(first, OTHER_SPEECH)
    replies.append(reply(first))
    assert replies == expected


def test_what_is_withdrawn_leaves_no_trace(model: SpeechModel) -> None:
    plain, changed = model.open(Persona()), model.open(Persona())
    hear(changed, OTHER_SPEECH)
    changed.withdraw()
    hear(plain)
    hear(changed)
    assert reply(changed) == reply(plain)


def test_a_reply_begun_too_soon_is_withdrawn_with_its_question(model: SpeechModel) -> None:
    plain, changed = model.open(Persona()), model.open(Persona())
    for dialogue in (plain, changed):
        hear(dialogue)
        reply(dialogue)
    hear(changed, OTHER_SPEECH)
    next(iter(changed.reply(Cancel())))
    changed.withdraw()
    assert known_text(changed) == known_text(plain)
    changed.withdraw()
    assert known_text(changed) == known_text(plain), "the answered turn stays"
    hear(plain)
    hear(changed)
    assert reply(changed) == reply(plain)


def test_completeness_is_a_probability_where_it_was_calibrated(
    model: SpeechModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(model, ChatServerModel):
        assert model.scorer() is None, "a server does not tell how likely its words are"
        return
    assert isinstance(model, BlspEmoModel | CascadeModel)
    whole = Transcript("what time is it")
    assert model.scorer().score(OTHER_SPEECH, whole) is None, "raw odds say nothing"
    calibrated = replace(model.model.config, turn_end=TurnEndConfig(slope=0.7, offset=2.0))
    monkeypatch.setattr(model.model, "config", calibrated)
    scorer = model.scorer()
    scores = [scorer.score(OTHER_SPEECH, w) for w in (whole, Transcript("I was thinking"), whole)]
    assert all(score is not None and 0.0 < score < 1.0 for score in scores)
    assert scores[0] == scores[2]
    assert scorer.score(OTHER_SPEECH, Transcript(" ")) is None
    assert scorer.score(OTHER_SPEECH, Transcript("mumble", confidence=0.05)) is None


def test_what_was_not_heard_of_a_reply_is_forgotten(model: SpeechModel) -> None:
    dialogue = model.open(Persona())
    hear(dialogue)
    text = reply(dialogue)
    before, _, rest = known_text(dialogue).rpartition(text)
    assert rest == ""
    dialogue.truncate(text[: len(text) // 2])
    assert len(before) < len(known_text(dialogue)) < len(before + text)
    dialogue.truncate("")
    assert known_text(dialogue) == before
    dialogue.read("and then?")
    assert "and then?" in known_text(dialogue)
    assert reply(dialogue)


def test_a_typed_question_is_answered(model: SpeechModel) -> None:
    dialogue = model.open(Persona("You are brief."))
    dialogue.read("how are you")
    assert reply(dialogue)


def test_a_cancelled_reply_stops_between_tokens(model: SpeechModel) -> None:
    dialogue = model.open(Persona())
    hear(dialogue)
    cancel = Cancel()
    pieces: list[str] = []
    for delta in dialogue.reply(cancel):
        pieces.append(delta.text)
        cancel.set()
    assert len(pieces) <= 2


def test_a_reply_to_nothing_fails_as_a_turn_only(model: SpeechModel) -> None:
    dialogue = model.open(Persona())
    with pytest.raises(EngineFailed, match="nothing to reply"):
        reply(dialogue)
    hear(dialogue)
    assert reply(dialogue)


def test_an_empty_utterance_fails_as_a_turn_only(model: SpeechModel) -> None:
    dialogue = model.open(Persona())
    with pytest.raises(EngineFailed):
        hear(dialogue, np.zeros(0, dtype=np.float32))
    hear(dialogue)
    assert reply(dialogue)


def test_what_is_heard_does_not_depend_on_the_engine(model: SpeechModel, checkpoint: Path) -> None:
    direct = BlspEmoModel(str(checkpoint), RUN, GENERATION)
    assert hear(direct.open(Persona())) == hear(model.open(Persona()))
    assert model.transcribe(SPEECH) == direct.transcribe(SPEECH)
    assert model.weigh(SPEECH, ["stop"]) == direct.weigh(SPEECH, ["stop"])


def test_engines_of_one_checkpoint_share_it_in_memory(checkpoint: Path) -> None:
    direct = BlspEmoModel(str(checkpoint), RUN, GENERATION)
    cascade = CascadeModel(str(checkpoint), RUN, GENERATION)
    other = BlspEmoModel(str(checkpoint), RUN.model_copy(update={"dtype": "bfloat16"}), GENERATION)
    assert direct.computes_with is cascade.computes_with
    assert direct.computes_with is not other.computes_with


def test_a_checkpoint_that_was_written_anew_is_loaded_anew(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path)
    before = BlspEmoModel(str(folder), RUN, GENERATION)
    write_tiny_checkpoint(folder, seed=1)
    os.utime(folder / "config.json", ns=(1, 1))
    assert BlspEmoModel(str(folder), RUN, GENERATION).computes_with is not before.computes_with


def test_only_the_cascade_that_is_told_the_emotion_knows_it(checkpoint: Path) -> None:
    for tells in (False, True):
        dialogue = CascadeModel(str(checkpoint), RUN, GENERATION, tells_emotion=tells).open(
            Persona()
        )
        estimate, _ = hear(dialogue)
        assert (f"sounds {estimate.emotion.adjective}" in known_text(dialogue)) == tells


def test_a_missing_checkpoint_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="nowhere"):
        BlspEmoModel(str(tmp_path / "nowhere"), RUN, GENERATION)
