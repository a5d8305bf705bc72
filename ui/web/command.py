"""`app.py web`: loads the engines, says where the page is, and serves until it is stopped."""

import asyncio
import contextlib
import gc
import importlib.util
import itertools
import os
import socket
import sys
import uuid
import webbrowser
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assistant.assembly import (
    notices,
    open_chosen_model,
    open_chosen_voice,
    open_help,
    open_sound_judge,
)
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.empathy import load_policy, policy_names
from assistant.engines.protocols import (
    Cancel,
    Persona,
    SpeakingStyle,
    SpeechModel,
    TextToSpeech,
)
from assistant.engines.settings import CHAT_SERVER, SpeechModelSettings
from assistant.engines.table import ENGINES, open_vad, open_voice
from assistant.errors import EngineUnavailable, SettingsError
from assistant.records.recording import check_records
from assistant.remembered import RememberedFile
from assistant.settings import HelpSettings
from assistant.text_file import read_text
from assistant.turns.settings import TurnJudgeSettings
from assistant.voice.voice_names import KNOWN_VOICES, known_voice
from models.checkpoints.embedded import EMBEDDED
from ui.parts import shown
from ui.realtime.hosting.census import CENSUS, Census
from ui.realtime.hosting.engines import Resident
from ui.realtime.hosting.replicas import WAIT_S, Replicas
from ui.view import disclosure
from ui.web.listening import listen
from ui.web.settings import WebSettings

if TYPE_CHECKING:
    from ui.records.pages import RecordsPages
    from ui.web.upkeep import Carrier, Retain

LIBRARIES = ("fastapi", "uvicorn", "websockets")
PASSWORD_VARIABLE = "ATTUNE_AUTH"
SWITCH_S = 0.001
"""How long a thread may keep the others waiting for Python: a model makes thousands of small calls
a second, and each may have to wait so long."""
REHEARSED_TOKENS = 8
NEVER_BESIDE = frozenset({"kokoro"})
"""Engines whose voices each hold a large network of their own: offered where chosen."""


def web(settings: WebSettings) -> int:
    """Serves until interrupted; returns the exit status.

    Raises:
        SettingsError: The address is open to others and there is no password.
        EngineUnavailable: The model or the voice cannot be loaded.
        DeviceError: The port is taken.
        OutputError: Talks cannot be recorded in the folder that is named for them.
    """
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineUnavailable(
            f"the web page needs {', '.join(missing)}: `pip install -e '.[web]'` in Attune's folder"
        )
    if settings.gradio and importlib.util.find_spec("gradio") is None:
        raise EngineUnavailable(
            "--gradio needs gradio: `pip install -e '.[gradio]'` in Attune's folder"
        )
    from ui.web.limits import allow_open_files
    from ui.web.server import check_exposure

    if settings.records is not None:
        check_records(settings.records)
        if settings.index is not None:
            from assistant.records.database import read_url

            # Said now, and not in a line of the log when the first talk has ended.
            read_url(settings.index, settings.records)
    password = _password(settings.auth)
    check_exposure(settings.host, password)
    listening = listen(settings.host, settings.port)
    allow_open_files()
    with contextlib.closing(listening):
        print(disclosure(settings.llm.sends_words_to), file=sys.stderr)
        print("loading …", file=sys.stderr, flush=True)
        resident = open_resident(settings)
        if resident.notice:
            print(resident.notice, file=sys.stderr, flush=True)
        try:
            asyncio.run(_serve(settings, resident, listening, password))
        finally:
            resident.close()
    return 0


async def _serve(
    settings: WebSettings, resident: Resident, listening: socket.socket, password: str | None
) -> None:
    from ui.realtime.hosting.security import LOOPBACK
    from ui.web.server import Site, WebServer, server_config

    await rehearse(resident)
    if (pages := _records_pages(settings, password)) is not None:
        resident = replace(resident, shown_records=settings.records)
    if _is_own(settings, password):
        resident = replace(resident, remembered=RememberedFile(settings.memory_file))
    sys.setswitchinterval(SWITCH_S)
    hosts = LOOPBACK | {settings.host.lower(), *(name.lower() for name in settings.hosts)}
    site = Site(
        resident,
        settings.admission,
        hosts=hosts,
        password=password,
        records=pages,
        retain=_retaining(settings),
        carrier=_carrier(settings),
        with_gradio=settings.gradio,
    )
    # Collecting garbage must not look through the engines again and again: it holds up all talks.
    gc.collect()
    gc.freeze()
    port = listening.getsockname()[1]
    config = server_config(site.app, settings.host, port)
    name = "localhost" if settings.host in LOOPBACK else settings.host
    address = f"http://{name}:{port}/"
    print(f"Attune is open at {address}  (stop it with Ctrl+C)", flush=True)
    if pages is not None:
        print(f"recorded talks: {address}records", flush=True)
    if settings.gradio:
        print(f"for demos: {address}gradio", flush=True)
    if settings.open_browser:
        webbrowser.open(address)
    ends = {"drain_s": settings.drain_s, "finish_s": settings.finish_s}
    await WebServer(config, site, **ends).serve(sockets=[listening])


def _records_pages(settings: WebSettings, password: str | None) -> "RecordsPages | None":
    """Returns the pages of recorded talks, where all who can reach the server may see them.

    Visitors share one password: without a word of the host none of them sees others' talks.
    """
    from ui.records.pages import RecordsPages

    if settings.records is None or not (_is_own(settings, password) or settings.show_records):
        return None
    return RecordsPages(settings.records, settings.index)


def _retaining(settings: WebSettings) -> "Retain | None":
    """Returns what deletes the talks that their folder's rule does not allow any more."""
    from assistant.records.removal.retention import enforce_retention, forgetting

    root = settings.records
    return root and partial(enforce_retention, root, forgetting(root, settings.index))


def _carrier(settings: WebSettings) -> "Carrier | None":
    """Returns what tells a database of the talks that end; a file in their folder needs nobody."""
    from assistant.records.index import Index, Synced
    from ui.web.upkeep import Carrier

    root, url = settings.records, settings.index
    if root is None or url is None:
        return None

    def sync(ids: Collection[str] | None) -> Synced:
        with Index(root, url) as index:
            return index.sync() if ids is None else index.sync_only(ids)

    return Carrier(sync)


def _is_own(settings: WebSettings, password: str | None) -> bool:
    """Whether nobody but this computer can reach the server: who talks is one person."""
    from ui.realtime.hosting.security import LOOPBACK

    return settings.host in LOOPBACK and not settings.hosts and password is None


async def rehearse(resident: Resident) -> None:
    """Answers silence once, so that no visitor waits for what is loaded with the first turn.

    Raises:
        EngineFailed: An engine cannot answer here.
    """
    dialogue = resident.models[resident.default_model].open(Persona(resident.persona or None))
    voice, detector = resident.voices[resident.default_voice], resident.open_detector()
    silence = np.zeros(2 * SPEECH_RATE_HZ, dtype=np.float32)

    def answer() -> None:
        for _ in dialogue.hear(silence, Cancel()):
            pass
        for _ in itertools.islice(dialogue.reply(Cancel()), REHEARSED_TOKENS):
            pass

    def speak() -> None:
        for _ in voice.synthesize("Hello.", SpeakingStyle(), Cancel()):
            pass

    await resident.ear_worker.call(partial(detector.probability, silence[: detector.frame_samples]))
    await resident.model_worker.call(answer)
    await resident.voice_worker.call(speak)


def open_resident(settings: WebSettings) -> Resident:
    """Returns the engines that all visitors share.

    Raises:
        SettingsError: A name in the settings is unknown.
        EngineUnavailable: The model or the voice cannot be loaded; names the remedy.
    """
    load_policy(settings.policy)
    if settings.run.threads is None and {settings.model, *settings.more_models} <= {EMBEDDED}:
        # It is faster so, and several talks keep the cores busy as it is.
        settings = settings.model_copy(
            update={"run": settings.run.model_copy(update={"threads": 1})}
        )
    speech_model = settings.part(SpeechModelSettings)
    voice = open_chosen_voice(settings.voice, shown)
    models = {
        name: open_chosen_model(speech_model.model_copy(update={"model": name}), shown)
        for name in (settings.model, *settings.more_models)
    }
    elsewhere = ENGINES["speech_model"][settings.engine].works_elsewhere
    if elsewhere:
        models = {model.name: model for model in models.values()}
    return Resident(
        # Visitors see a folder's name, not where it lies.
        models={_shown_name(settings, name, model): model for name, model in models.items()},
        voices={_shown_voice(voice.name): voice.engine, **_other_voices(voice.name)},
        notice=notices(voice, *models.values()),
        open_detector=partial(open_vad, settings.vad),
        policies=(settings.policy, *(name for name in policy_names() if name != settings.policy)),
        persona=settings.persona or "",
        talk=settings.talk,
        judge=open_sound_judge(settings.part(TurnJudgeSettings)),
        judges_words=settings.turn_judge != "sound",
        help_finder=open_help(settings.part(HelpSettings)),
        records=settings.records,
        works_elsewhere=elsewhere,
        census=_census(settings),
        replicas=_replicas(settings),
    )


def _shown_name(settings: WebSettings, name: str, model: SpeechModel) -> str:
    """Returns how visitors see a model: by its folder's name, not where it lies."""
    if settings.engine == CHAT_SERVER:
        return model.name
    return Path(name).name if Path(name).is_dir() else name


def _shown_voice(name: str) -> str:
    """Returns how visitors see a voice: of one in a cluster not at which address that is."""
    return name.partition("@")[0] if name.startswith("cluster:") else name


def _census(settings: WebSettings) -> Census | None:
    """Returns what compares with the other gateways of the cluster that answers, if one does."""
    if settings.engine != "cluster":
        return None
    from assistant.engines.cluster.ray_link import connect

    link, own_name = connect(settings.model, CENSUS), uuid.uuid4().hex
    return Census(lambda count: link.call("compare", own_name, count))


def _replicas(settings: WebSettings) -> Replicas | None:
    """Returns what asks the replicas of the cluster how they are, if one answers."""
    if settings.engine != "cluster":
        return None
    from assistant.engines.cluster import model, voice
    from assistant.engines.cluster.ray_link import connect

    links = [connect(settings.model, part) for part in (model.DEPLOYMENT, voice.DEPLOYMENT)]
    wait_s = WAIT_S / 2  # a silent replica must leave time for the others
    return Replicas(
        lambda: [one for link in links for one in link.everyone("figures", wait_s=wait_s)]
    )


def _password(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(PASSWORD_VARIABLE) or None
    password = read_text(file, called="--auth").strip()
    if not password:
        # Whoever names a file wants a password: an empty one must not open the server to all.
        raise SettingsError(f"--auth {file} is empty: write the line USER:PASSWORD into it")
    return password


def _other_voices(chosen: str) -> dict[str, TextToSpeech]:
    """Returns the voices beside the chosen one that can speak here."""
    voices: dict[str, TextToSpeech] = {}
    own = known_voice(chosen)
    for known in KNOWN_VOICES:
        name = known.name
        if known is not own and name.partition(":")[0] not in NEVER_BESIDE:
            with contextlib.suppress(EngineUnavailable):
                voices[name] = open_voice(name)
    return voices
