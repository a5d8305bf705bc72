"""Attune's ears with an LLM behind a server: what it is told, and what a talk does meanwhile."""

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant import events
from assistant.assembly import OpenedVoice, notices, open_speech_model, parts_of
from assistant.audio.file_devices import FileMicrophone
from assistant.clock import replay
from assistant.conversation.conversation import Conversation
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.chat_server.messages import tokens
from assistant.engines.chat_server.model import ChatServerDialogue, ChatServerModel
from assistant.engines.protocols import Cancel, Persona, TextDelta
from assistant.engines.settings import LlmSettings, ModelSettings, SpeechModelSettings
from assistant.errors import EngineFailed, EngineUnavailable, PersonaTooLong
from assistant.turns.settings import TalkSettings
from models.checkpoints.embedded import parts_of_model
from models.emotions import Emotion
from models.listening.listener import HeardWords, Listener
from models.prompts import NOT_UNDERSTOOD, VOICE_NOTE
from models.words.written import Words
from tests.assistant.engines.chat_server.fake_server import FakeServer, error
from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint
from tests.fakes import ToneVoice, certain, scripted, speech_like
from tests.talking import ends

RUN = ModelSettings(device="cpu", dtype="float32", threads=1)
TOOL = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def model(checkpoint: Path, server: FakeServer) -> Iterator[ChatServerModel]:
    model = ChatServerModel(str(checkpoint), RUN, llm=LlmSettings(server=server.url))
    yield model
    model.close()


def heard(text: str, emotion: Emotion = Emotion.SAD, *, abstained: bool = False) -> HeardWords:
    words = Words(text, 0.9, "decoder")
    return HeardWords(words, bool(text), certain(emotion).probabilities, abstained)


def reply(dialogue: ChatServerDialogue) -> str:
    return "".join(delta.text for delta in dialogue.reply(Cancel()))


def test_only_what_hears_is_loaded_and_needed(checkpoint: Path, tmp_path: Path) -> None:
    """A checkpoint of which the LLM and its tokenizer are parts that are not on this machine."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(checkpoint / "model.safetensors")
    hearing = {n: t for n, t in tensors.items() if not n.startswith("llm.")}
    save_file(hearing, tmp_path / "model.safetensors")
    config = json.loads((checkpoint / "config.json").read_text())
    config["parts"] = {"speech": "", "llm": "nowhere"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    tokenizer = (checkpoint / "tokenizer.json").read_bytes()
    (tmp_path / "whisper_tokenizer.json").write_bytes(tokenizer)

    ears = Listener.from_pretrained(tmp_path, dtype="float32", device="cpu")
    whole = Listener.from_pretrained(checkpoint, dtype="float32", device="cpu")
    speech = speech_like((0.1, 1.0), length_s=1.2)
    assert ears.hear(speech) == whole.hear(speech)
    assert not any(name.startswith(("llm", "adapter")) for name, _ in ears.named_parameters())


def test_of_mini_the_llm_is_not_even_fetched() -> None:
    asking = SpeechModelSettings(llm=LlmSettings(server="localhost:1"))
    assert asking.engine == "chat_server"
    whole = [part.kind for part in parts_of_model("mini")]
    assert sorted(whole) == ["llm", "sentences", "speech"]
    assert [part.kind for part in parts_of(asking)] == ["speech"]


def test_the_llm_is_told_how_the_words_sound(model: ChatServerModel, server: FakeServer) -> None:
    told = [
        model.said(heard("I failed.")),
        model.said(heard("I failed.", abstained=True)),
        model.said(heard("I failed.", Emotion.NEUTRAL)),
        model.said(heard("")),
    ]
    assert told == ["(The person sounds sad.) I failed.", "I failed.", "I failed.", NOT_UNDERSTOOD]
    assert VOICE_NOTE in model.system(Persona("You are brief."))
    assert model.system(Persona("You are brief.")).startswith("You are brief.")


def test_what_is_known_of_the_person_is_told_where_there_is_room(model: ChatServerModel) -> None:
    knowing = model.open(Persona("Be brief.", known="The person is called Ada."))
    assert knowing.messages[0]["content"].endswith("The person is called Ada.")
    full = model.open(Persona("Be brief.", known="The person is called Ada. " * 500))
    assert "Ada" not in full.messages[0]["content"]


def test_a_study_may_leave_the_emotion_out(checkpoint: Path, server: FakeServer) -> None:
    llm = LlmSettings(server=server.url, tells_emotion=False)
    model = ChatServerModel(str(checkpoint), RUN, llm=llm)
    assert model.said(heard("I failed.")) == "I failed."
    assert VOICE_NOTE not in model.system(Persona())
    model.close()


def test_the_talk_is_told_as_it_was_heard(model: ChatServerModel, server: FakeServer) -> None:
    dialogue = model.open(Persona("You are brief."))
    dialogue.read("Hello.")
    assert reply(dialogue).split() == "That sounds hard. What happened?".split()
    dialogue.truncate("That sounds")
    dialogue.read("I was not done.")
    reply(dialogue)
    contents = [message["content"] for message in server.asked[1]["messages"]]
    assert contents[1:] == ["Hello.", "That sounds", "I was not done."]


def test_who_stops_reading_closes_the_connection(
    model: ChatServerModel, server: FakeServer
) -> None:
    server.held.clear()
    dialogue = model.open(Persona())
    dialogue.read("Hello.")
    answer = dialogue.reply(Cancel())
    while not next(answer).text:
        pass
    assert isinstance(answer, Iterator)
    answer.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert server.left.wait(10.0), "the server was left to generate for nobody"
    dialogue.truncate("That")
    dialogue.read("Wait.")
    server.held.set()
    reply(dialogue)
    assert [m["content"] for m in server.asked[1]["messages"]][2] == "That"


def test_a_cancel_is_noticed_while_nothing_comes(
    model: ChatServerModel, server: FakeServer
) -> None:
    server.first_held.clear()
    dialogue = model.open(Persona())
    dialogue.read("Hello.")
    cancel = Cancel()
    deltas: list[TextDelta] = []
    reader = threading.Thread(target=lambda: deltas.extend(dialogue.reply(cancel)))
    reader.start()
    while not server.asked:
        time.sleep(0.01)
    cancel.set()
    reader.join(10.0)
    assert not reader.is_alive()
    assert server.left.wait(10.0)
    assert not any(delta.text for delta in deltas)


def test_what_fails_leaves_a_talk_that_can_go_on(
    model: ChatServerModel, server: FakeServer
) -> None:
    dialogue = model.open(Persona())
    dialogue.read("Hello.")
    server.answer = lambda _question: error(500, {"error": "out of memory"})
    with pytest.raises(EngineFailed, match="out of memory"):
        reply(dialogue)
    dialogue.withdraw()
    server.answer = lambda _question: None
    dialogue.read("Again.")
    assert reply(dialogue)
    assert [m["content"] for m in server.asked[-1]["messages"]][1:] == ["Again."]


def test_a_question_that_is_too_long_is_told_by_its_end(
    checkpoint: Path, server: FakeServer
) -> None:
    llm = LlmSettings(server=server.url, context_tokens=512)
    model = ChatServerModel(str(checkpoint), RUN, llm=llm)
    dialogue = model.open(Persona("Be brief."))
    dialogue.read("Well. " * 300 + "And now?")
    assert dialogue.is_shortened
    assert dialogue.messages[-1]["content"].endswith("And now?")
    for _ in range(30):
        dialogue.read("This is a sentence of some length, said again and again.")
        dialogue.replace_reply("I see, and I listen to you.")
    assert sum(tokens(message["content"]) for message in dialogue.messages) < 512 - 100
    with pytest.raises(PersonaTooLong, match=r"--llm-context-tokens"):
        model.open(Persona("Be brief. " * 200))
    model.close()


def test_functions_are_offered_and_called(model: ChatServerModel, server: FakeServer) -> None:
    call = {"tool_calls": [{"index": 0, "function": {"name": "clock", "arguments": "{}"}}]}
    server.replies = [[call]]
    dialogue = model.open_with_tools(Persona(), [TOOL])
    assert dialogue is not None
    dialogue.read("What time is it?")
    assert reply(dialogue) == '<tool_call>{"name": "clock", "arguments": {}}</tool_call>'
    assert server.asked[0]["tools"] == [TOOL]


def test_the_server_is_warmed_before_anybody_speaks(
    model: ChatServerModel, server: FakeServer
) -> None:
    model._warming.result(10.0)
    [question] = server.warmed
    assert question["messages"][0]["content"] == model.system(Persona())


def test_nothing_is_loaded_where_no_server_answers(tmp_path: Path) -> None:
    llm = LlmSettings(server="http://127.0.0.1:9/v1")
    with pytest.raises(EngineUnavailable, match="no LLM server answers"):
        ChatServerModel(str(tmp_path / "nowhere"), RUN, llm=llm)


def test_a_checkpoint_without_ears_of_its_own_is_refused(
    checkpoint: Path, tmp_path: Path, server: FakeServer
) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    config["emotion_head"]["kind"] = "mean"
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(EngineUnavailable, match=r"cannot hear without .*--model mini"):
        ChatServerModel(str(tmp_path), RUN, llm=LlmSettings(server=server.url))


def test_that_words_leave_the_machine_is_said_and_recorded(
    model: ChatServerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model.sends_words_to is None
    address = dataclasses.replace(model._asker.client.address, host="llm.example.org")
    monkeypatch.setattr(model._asker.client, "address", address)
    assert model.sends_words_to == "llm.example.org"
    voice = OpenedVoice(ToneVoice(), "tone", "tone")
    assert "llm.example.org is sent your words" in (notices(voice, model) or "")
    talk = held(model, [])
    begun = talk.conversation.opening()[0]
    assert isinstance(begun, events.ConversationStarted)
    assert begun.in_force["words_sent_to"] == "llm.example.org"


def test_the_key_stands_in_no_setting(
    checkpoint: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = "secret-key"
    monkeypatch.setenv("ATTUNE_LLM_KEY", "secret-key")
    settings = SpeechModelSettings(
        model=str(checkpoint), run=RUN, llm=LlmSettings(server=server.url)
    )
    model = open_speech_model(settings)
    assert "secret-key" not in json.dumps(settings.effective())
    assert "secret-key" not in repr(vars(model))
    model.close()  # pyright: ignore[reportAttributeAccessIssue]


def held(
    model: ChatServerModel,
    happened: list[events.Event],
    *spans: tuple[float, float],
) -> TalkLoop:
    """Holds a talk on a virtual clock in which somebody makes a sound in `spans`, seconds."""
    engines = scripted(model)
    sound = speech_like(*spans, length_s=30.0) if spans else np.zeros(16_000, dtype=np.float32)
    dialogue = model.open(Persona())
    conversation = Conversation(engines, dialogue, told=lambda: {})
    loop = TalkLoop(conversation, ends(FileMicrophone([sound])), TalkSettings())
    if spans:
        loop.follow(happened.append)
        replay(loop.run(), workers=engines.workers)
        engines.close_workers()
    return loop


def test_a_talk_is_held_and_goes_on_after_a_failure(
    model: ChatServerModel, server: FakeServer
) -> None:
    failures = iter([False, True, False])
    server.answer = lambda q: (
        error(500, {"error": "no memory"})
        if q["max_tokens"] > 1 and next(failures, False)
        else None
    )
    happened: list[events.Event] = []
    held(model, happened, (0.5, 2.0), (9.0, 10.5), (19.0, 20.5))
    finished = [event.heard for event in happened if isinstance(event, events.ReplyFinished)]
    assert finished == ["That sounds hard. What happened?"] * 2
    [failed] = [event for event in happened if isinstance(event, events.TurnFailed)]
    assert "no memory" in failed.message
    roles = [message["role"] for message in server.asked[-1]["messages"]]
    assert roles == ["system", "user", "assistant", "user"], "the failed turn left no trace"


def test_who_goes_on_after_a_pause_withdraws_the_question(
    model: ChatServerModel, server: FakeServer
) -> None:
    happened: list[events.Event] = []
    held(model, happened, (0.5, 2.0), (2.4, 4.0))
    assert len(server.asked) >= 2, "the pause was enough to ask"
    roles = [message["role"] for message in server.asked[-1]["messages"]]
    assert roles == ["system", "user"], "the question of the pause left no trace"
    assert [e.turn for e in happened if isinstance(e, events.ReplyFinished)] == [0]
