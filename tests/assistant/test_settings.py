from pathlib import Path

import pytest
from pydantic import ValidationError

import app
from assistant.engines.settings import SpeechModelSettings
from assistant.settings import EngineSettings, HelpSettings, ReplySettings, TalkCommandSettings
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.settings import TurnJudgeSettings
from command_line.settings import Program, read_settings

FILE = """
[reply]
voice = "espeak"
policy = "flat"
[reply.generation]
temperature = 0.7
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "attune.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_win_over_the_file_and_the_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[ReplySettings] = []

    def note(settings: ReplySettings) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr("ui.report.reply", note)
    path = write(tmp_path, FILE)
    assert app.main(["reply", "a.wav", "--config", str(path), "--policy", "mirror"]) == 0
    (settings,) = seen
    assert settings.voice == "espeak"
    assert settings.policy == "mirror"
    assert settings.generation.temperature == 0.7
    assert settings.generation.longest_tokens == ReplySettings().generation.longest_tokens
    assert settings.questions == (Path("a.wav"),)


REFUSED_FILES = {
    "[reply]\nvoise = 'flite'": "reply.voise is no setting: did you mean voice?",
    "[reply.generation]\ntemperature = 99": "reply.generation.temperature must be at most 5",
    "[reply.generation]\ntemprature = 1": "did you mean temperature?",
    "[reply]\nvoice = ": "no valid TOML",
    "voice = 'flite'": "voice stands in no table: put it under [reply]",
    "temperature = 1": "put it under [reply.generation]",
    "[replay]\nvoice = 'flite'": "no command reads [replay]: did you mean [reply]?",
    "[generation]\ntemperature = 1": "did you mean [reply.generation]?",
    "[[reply]]\nvoice = 'flite'": "reply is no table: write [reply] on a line of its own",
    "reply = 3": "reply is no table",
    "[reply]\nllm = 'x'": "reply.llm must be a table of settings",
    "[reply]\nllm-server = 'http://127.0.0.1:1'": "did you mean server under [reply.llm]?",
    "[reply]\njson = true": "did you mean json_lines under [reply]?",
    "[reply]\n'run.threads' = 2": "did you mean threads under [reply.run]?",
    "[reply]\nvoice = 5": "reply.voice must be text",
    "[reply]\nvoice = ''": "reply.voice is empty",
    "[reply]\npersona = '  '": "reply.persona is empty",
    "[reply]\njoined = 'perhaps'": "reply.joined must be true or false",
    "[reply]\ngeneration = 5": "reply.generation must be a table",
    "[reply.generation]\nlongest_tokens = true": "must be a whole number",
    "[reply.generation]\nlongest_tokens = '90 tokens'": "must be a whole number, without a unit",
    "[reply.generation]\ntemperature = nan": "must be a number, not nan",
    "[reply.generation]\ntemperature = -inf": "must be a number, not -inf",
    "[reply]\nengine = 'cascad'": "did you mean cascade?",
    "[reply.run]\nthreads = 0": "reply.run.threads must be at least 1",
    "[reply.run]\ndevice = 'cpu'\ndtype = 'int4'": "reply.run: int4 runs on a GPU only",
}


@pytest.mark.parametrize("text", list(REFUSED_FILES))
def test_what_cannot_work_is_refused_with_its_path(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, text)
    told = refused(["reply", "--text", "hello", "--config", str(path)], capsys)
    assert REFUSED_FILES[text] in told
    assert str(path) in told


def test_a_part_holds_its_own_settings_and_no_others() -> None:
    whole = TalkCommandSettings(country="DE", voice="flite", turn_judge="words")
    part = whole.part(HelpSettings)
    assert type(part) is HelpSettings
    assert part.country == "DE"
    assert not hasattr(part, "voice")
    assert whole.part(TurnJudgeSettings).turn_judge == "words"
    assert whole.part(EngineSettings).part(SpeechModelSettings).run is whole.run


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Returns the one sentence that a command line is refused with."""
    assert app.main(arguments) == app.EXIT_USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 1, lines
    assert not any(word in lines[0] for word in ("pydantic", "tyro", "validation", "type=", "│"))
    return lines[0]


REFUSED_LINES = {
    "reply a.wav --voise flite": "did you mean --voice?",
    "reply --temperatur 1": "did you mean --generation.temperature?",
    "reply --temperature 9": "--temperature must be at most 5",
    "reply --threads 0": "--threads must be at least 1",
    "talk --microphne usb": "did you mean --devices.microphone?",
    "talk --interruptible --no-interruptible": "is given twice",
    "reply --generation 1": "a group of options: name one, such as --generation.",
    "reply --generation.temprature 1": "did you mean --generation.temperature?",
    "reply --text": "--text needs a value",
    "reply --text --json": "--text needs a value",
    "reply --text a --text b": "--text is given twice",
    "reply --text=a --text b": "--text is given twice",
    "reply --play --no-play": "--play is given twice",
    "reply --json=yes": "takes no value",
    "reply -x": "there is no option -x",
    "reply --engine foo": "--engine must be one of blsp_emo, cascade",
    "reply --llm-server ftp://x": "--llm-server must be the address of a server, such as http://",
    "reply --llm-server :x --text a": "--llm-server must be the address of a server",
    "talk --engine cascade --llm-name a": "the engine cascade asks no LLM server: leave one",
    "reply --llm.server a": "did you mean",
    "reply --vad foo": "--vad must be one of silero",
    "talk --turn-model foo.onnx": "--turn-model must be one of smart_turn, turn_ear",
    "reply --generation.temperature 5s": "must be a number, without a unit, not '5s'",
    "reply --generation.temperature inf": "must be a number, not inf",
    "reply --generation.longest-tokens 1.5": "must be a whole number",
    "reply --generation.longest-tokens 9999999": "must be at most 4096",
    "reply --generation.seed -1": "must be at least 0",
    "reply --config": "--config needs a value",
    "reply --config a.toml --config b.toml": "--config is given twice",
    "reply --config none.toml": "none.toml does not exist: check the name",
    "reply --config .": "is no file",
    "reply --config /dev/null/a.toml": "cannot be read",
    "reply --voice=": "--voice is empty",
    "talk question.wav": "did you mean --input question.wav?",
    "talk --consent audio sound": "--consent must be one of audio, words, emotion",
    "talk --talk.duck-db 6": "must be at most 0",
    "talk --devices.ahead-s 1min": "without a unit",
    "talk --talk.endpointing.eager-ms 999": "eager_ms (999) must not be greater than",
    "web --port 99999": "must be at most 65535",
    "web --port 80ms": "whole number",
    "web --host": "--host needs a value",
    "doctor now": "'now' stands behind no option",
    "voices sing": "must be one of list, sample, say, check, add, remove",
    "voices add anna --emotion cross a.wav": "must be one of neutral",
}


@pytest.mark.parametrize("line", list(REFUSED_LINES))
def test_a_wrong_command_line_is_refused_in_one_sentence(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert REFUSED_LINES[line] in refused(line.split(" "), capsys)


def test_who_names_an_llm_server_is_answered_by_it(tmp_path: Path) -> None:
    settings = read(["--llm-server", "localhost:11434", "--llm-name", "llama3.2"])
    assert settings.engine == "chat_server"
    assert settings.llm.server == "http://localhost:11434/v1"
    assert settings.llm.sends_words_to is None
    path = write(tmp_path, "[reply.llm]\nserver = 'https://llm.example.org/v1'\nname = 'x'")
    settings = read(["--config", str(path)])
    assert (settings.engine, settings.llm.name) == ("chat_server", "x")
    assert settings.llm.sends_words_to == "llm.example.org"
    assert read([]).engine == "blsp_emo"


def test_the_tables_of_other_commands_may_stand_beside(tmp_path: Path) -> None:
    path = write(tmp_path, "[talk]\nplain = true\n[web]\nport = 1\n[voices]\n[doctor]\n" + FILE)
    assert read(["--config", str(path)]).voice == "espeak"


def read(arguments: list[str]) -> ReplySettings:
    return read_settings(ReplySettings, Program("attune", "reply", app.COMMANDS), arguments)


def test_a_part_of_which_one_setting_is_given_keeps_the_commands_own_defaults(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, "[reply.endpointing]\neager_ms = 100")
    settings = read(["--config", str(path), "--endpointing.drop-ms", "160"])
    assert (settings.endpointing.eager_ms, settings.endpointing.drop_ms) == (100, 160)
    assert settings.endpointing.usual_share == ReplySettings().endpointing.usual_share


def test_values_may_be_given_in_every_usual_way() -> None:
    settings = read(
        [
            *("a.wav", "--text=-5 degrees, isn't it?", "--no-joined", "--json", "b c.wav"),
            *(
                "--generation.top_p",
                "0.5",
                "--seed",
                "7",
                "--run.threads",
                "None",
                "--",
                "--odd.wav",
            ),
        ]
    )
    assert settings.questions == (Path("a.wav"), Path("b c.wav"), Path("--odd.wav"))
    assert settings.text == "-5 degrees, isn't it?"
    assert settings.json_lines and not settings.joined
    assert (settings.generation.top_p, settings.generation.seed) == (0.5, 7)
    assert settings.run.threads is None


INVERTED = [
    {"end_threshold": 0.6},
    {"start_threshold": 0.2},
    {"duck_threshold": 0.3},
    {"contested_threshold": 0.3},
    {"duck_threshold": 0.9},
    {"onset_ms": 200},
    {"onset_ms": 120, "yield_ms": 100},
    {"yield_ms": 2_000},
    {"contested_speech_ms": 2_000},
    {"brief_ms": 2_000},
    {"drop_ms": 1_000},
    {"verdict_ms": 100},
    {"eager_ms": 500},
    {"shortest_silence_ms": 1_700},
    {"longest_silence_ms": 300},
    {"longest_silence_ms": 20_000, "longest_turn_s": 10.0},
]


@pytest.mark.parametrize("values", INVERTED)
def test_what_stands_the_wrong_way_round_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="must not be"):
        EndpointingSettings(**values)  # pyright: ignore[reportArgumentType]


def test_settings_are_frozen_and_round_trip() -> None:
    settings = ReplySettings(questions=(Path("a.wav"),), text="hi")
    with pytest.raises(ValidationError):
        settings.text = "other"  # pyright: ignore[reportAttributeAccessIssue]
    assert ReplySettings.model_validate_json(settings.model_dump_json()) == settings
