"""The settings of each command, with their defaults; `command_line` reads what changes them."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field

from assistant.audio.devices import DeviceSettings
from assistant.audio.echo import EchoMode
from assistant.configuration import Settings
from assistant.engines.settings import DetectorName, LlmSettings, SpeechModelSettings
from assistant.engines.table import USUAL_VAD
from assistant.remembered import DEFAULT_FILE
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.settings import TalkSettings, TurnJudgeSettings


class CommonSettings(Settings):
    """What every command knows."""

    debug: bool = False
    """Show tracebacks and log lines."""


class MannerSettings(Settings):
    """Who speaks, who listens, and in which manner."""

    voice: str = "auto"
    """The voice: auto (piper, or flite or espeak where it cannot be had), piper, kokoro, flite,
    espeak or another installed engine, see `app.py voices`."""
    vad: DetectorName = USUAL_VAD
    """What tells speech from other sound, frame by frame."""
    policy: str = "empathetic"
    """How an emotion shapes the answer's voice: empathetic, mirror, flat, or a TOML file."""
    persona: str | None = None
    """The system line of the prompt, instead of the default persona. It may take half of what the
    model follows, some 7,000 characters with `mini`; a long one is computed before you speak."""


class HelpSettings(Settings):
    """What a person in danger is told."""

    country: str = "international"
    """Whose emergency numbers and help lines are named to a person in danger, such as DE or US."""
    help_language: str = "en"
    """Language of what is said to a person in danger: en, de, fr or one of --help-file."""
    help_file: Path | None = None
    """TOML file that adds countries, texts and patterns to assistant/safety.toml, in its form."""


class EngineSettings(HelpSettings, MannerSettings, SpeechModelSettings, CommonSettings):
    """Model, voice, manner and help: what every command that answers has in common."""


class PaceSettings(Settings):
    """How fast Attune speaks."""

    speed: float = Field(default=1.0, ge=0.5, le=1.5)
    """How fast Attune speaks, beside what the manner of an answer asks for: 0.8 is slower."""


class ReplySettings(PaceSettings, EngineSettings):
    """Answers recordings (and typed questions): emotion, words, reply, spoken answer, transcript.

    Each recording is one conversation of its own, cut into turns where the person pauses, unless
    --joined makes all of them one conversation. Results are written as they are made.
    """

    questions: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Sound files of a person speaking: any format, rate, channels and length. A folder stands for
    all sound files in it, - for what another program sends."""
    text: str | None = None
    """A typed question, answered after the recordings in a conversation of its own; - reads it from
    standard input."""
    joined: bool = False
    """Take all inputs, in their order, as one conversation."""
    out: Path | None = None
    """Where the spoken answers go: a WAV file for all, or a folder for one WAV per conversation
    (default: the folder answers/). The transcript is put beside it as .jsonl and .md."""
    force: bool = False
    """Write over files that are there already and that reply did not write itself."""
    play: bool = False
    """Play the answers on the loudspeaker too."""
    play_if_possible: bool = False
    """The same, but go on without a word where there is no loudspeaker."""
    json_lines: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print the transcript's JSON lines instead of readable text."""
    endpointing: EndpointingSettings = EndpointingSettings(usual_share=0.5)


class TalkCommandSettings(PaceSettings, TurnJudgeSettings, EngineSettings):
    """Talk with Attune: speak, be answered, interrupt, think aloud, without touching a key."""

    input: Path | None = None
    """A recording that is spoken to Attune instead of the microphone."""
    output: Path | None = None
    """With --input: a WAV file of what the loudspeaker would play, silence included."""
    pace: Literal["counted", "repeatable", "real"] = "counted"
    """How --input is played: counted jumps over every wait but counts the time of model and voice;
    repeatable counts nothing, so that two runs are alike; real plays it at its own pace."""
    echo: EchoMode = "cancel"
    """What keeps Attune from hearing itself: cancel for loudspeakers, headset where no echo
    reaches the microphone, push-to-talk to be heard only between two presses of the space bar."""
    plain: bool = False
    """Print plain lines, friendly to screen readers, instead of the live picture."""
    continues: Annotated[str | None, tyro.conf.arg(name="continue")] = None
    """Go on with a recorded talk: its id, or `last`; `app.py records` lists them. The model knows
    what was said then, and this talk becomes a record of its own where it is recorded."""
    record: bool = False
    """Record the talk as an event log and stereo sound; asks for consent first."""
    consent: tuple[Literal["audio", "words", "emotion"], ...] = ()
    """With --record: what the person has agreed to already, so that nothing is asked."""
    records: Path = Path("recordings")
    """Folder for recorded talks; each has a folder of its own in it."""
    memory_file: Path = DEFAULT_FILE
    """What is remembered between talks, where `app.py memory on` switched that on."""
    saves: Path = Path("talks")
    """Folder for talks that are saved by key."""
    devices: DeviceSettings = DeviceSettings()
    talk: TalkSettings = TalkSettings()


class DoctorSettings(CommonSettings):
    """Shows what works on this machine and how to mend what does not."""

    mic: bool = False
    """Listen to the microphone for five seconds, and say how well you are heard."""
    fetch: bool = False
    """Fetch the parts of the default model and voice that are not here yet, so that no talk waits
    for them and none needs a network."""
    llm: LlmSettings = LlmSettings()
    devices: DeviceSettings = DeviceSettings()
    json_lines: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print one JSON object instead of a table."""


class VoicesSettings(CommonSettings):
    """Lists the voices of this machine, tries one, checks whether they follow the styles, adds one.

    list shows what can speak here. sample [VOICE …] plays a sentence in each. say TEXT speaks a
    text. check [VOICE …] measures pitch, rate, level and pauses of each voice in each style. add
    NAME CLIP … gives a neural voice (Coqui XTTS) reference clips of one emotion; a new voice begins
    with neutral ones. remove NAME … deletes such a voice.
    """

    action: Annotated[
        Literal["list", "sample", "say", "check", "add", "remove"], tyro.conf.Positional
    ] = "list"
    """What to do."""
    items: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """say: the text. sample, check: the voices (default: all that can speak). add: the voice's
    name, then its clips. remove: the names of voices that were added."""
    voice: str = "auto"
    """say: the voice, as `list` names it."""
    emotion: Literal["neutral", "happy", "angry", "sad", "surprise"] = "neutral"
    """say: the emotion of the person who is answered; add: how the clips sound."""
    policy: str = "empathetic"
    """say, check: how an emotion shapes the answer's voice: empathetic, mirror, flat, or a file."""
    out: Path | None = None
    """say, sample: a WAV file to write instead of playing."""
    judge: str | None = None
    """check: a speech model (auto, a folder or a hub id) that says which emotion it hears."""
    xtts: str | None = None
    """add: folder of the XTTS model; without it Coqui's XTTS v2 is fetched when the voice is first
    used (2 GB, non-commercial licence)."""
    language: str | None = None
    """add: language code of the voice, such as en; XTTS knows 17 of them."""
    json_lines: Annotated[bool, tyro.conf.arg(name="json")] = False
    """list, check: print JSON lines instead of a table."""


class MemorySettings(CommonSettings):
    """Shows and changes what Attune remembers between talks. It is off until you switch it on.

    list shows it. on, off switch it. add TEXT keeps something, change NUMBER TEXT and remove NUMBER
    mend the list, erase deletes all of it. In a talk, "remember that …" keeps what you say, and
    "what do you remember about me?" is answered.
    """

    action: Annotated[
        Literal["list", "add", "change", "remove", "on", "off", "erase"], tyro.conf.Positional
    ] = "list"
    """What to do."""
    items: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """add: the text. change: its number and the text. remove: the numbers."""
    file: Path = DEFAULT_FILE
    """The file that holds it."""
    yes: bool = False
    """erase: do not ask."""
    json_lines: Annotated[bool, tyro.conf.arg(name="json")] = False
    """list: print a JSON object."""


class ModelsSettings(CommonSettings):
    """Lists the pretrained parts that voices and models are made of, fetches, verifies, removes.

    A part is fetched once, by itself where a command needs it. Every file is checked against the
    digest in Attune's catalogue. A folder that the environment variable ATTUNE_PARTS names is
    looked into first, for machines without a network.
    """

    action: Annotated[Literal["list", "get", "verify", "remove"], tyro.conf.Positional] = "list"
    """What to do."""
    items: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """The parts, as `list` names them; all where none is named."""
    sources: bool = False
    """list: name the sources of each part, too. verify: fetch each part anew from every source, to
    see whether they still serve it."""
    json_lines: Annotated[bool, tyro.conf.arg(name="json")] = False
    """list: print JSON lines instead of a table."""
