"""The settings of `app.py web`."""

from pathlib import Path

from pydantic import Field

from assistant.remembered import DEFAULT_FILE
from assistant.settings import EngineSettings
from assistant.turns.settings import TalkSettings, TurnJudgeSettings
from ui.realtime.hosting.admission import AdmissionSettings


class WebSettings(TurnJudgeSettings, EngineSettings):
    """Opens Attune in the browser, and a realtime socket that other software can use.

    Only this computer can reach it. To let others in, give --host and a password: --auth FILE, or
    ATTUNE_AUTH=USER:PASSWORD in the environment.
    """

    host: str = "127.0.0.1"
    """Address to listen on; anything but this computer needs a password."""
    port: int | None = Field(default=None, ge=0, le=65_535)
    """Port to listen on, 0 for any free one; without it 7860, or the next one that is free."""
    hosts: tuple[str, ...] = ()
    """Further names that browsers may call this server by, such as attune.example.org."""
    auth: Path | None = None
    """File with the line USER:PASSWORD that every visitor must give (or set ATTUNE_AUTH)."""
    more_models: tuple[str, ...] = ()
    """Checkpoints that visitors may choose besides --model; each stays in memory."""
    open_browser: bool = False
    """Open the page in the browser of this computer."""
    gradio: bool = False
    """Offer a Gradio page for demos beside the page (/gradio): for Hugging Face Spaces, notebooks
    and gradio_client; nothing that is said there is recorded."""
    records: Path | None = None
    """Folder for the talks of visitors who agree to be recorded; without it nobody is asked."""
    index: str | None = None
    """Database of the index of recorded talks, instead of a file in their folder."""
    memory_file: Path = DEFAULT_FILE
    """What is remembered between talks, where that is switched on, and only this computer can
    reach the server: it is one person's."""
    show_records: bool = False
    """Offer the page of recorded talks (/records) to whoever knows the password. Where there is
    none, and only this computer can reach the server, it is there anyway."""
    drain_s: float = Field(default=20.0, ge=0.0, le=600.0)
    """How long answers under way may go on when the server is stopped, in seconds."""
    finish_s: float = Field(default=0.0, ge=0.0, le=86_400.0)
    """How long whole talks may go on before that, in seconds, while nobody new comes in: for a new
    version behind a balancer, which sends new visitors to other servers meanwhile."""
    admission: AdmissionSettings = AdmissionSettings()
    talk: TalkSettings = TalkSettings()
