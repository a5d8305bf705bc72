"""The settings of `app.py web`."""

from pathlib import Path

from pydantic import Field

from assistant.engines.settings import TurnJudgeName
from assistant.engines.table import USUAL_TURN_JUDGE
from assistant.settings import EngineSettings
from assistant.turns.judges import TurnJudge
from assistant.turns.settings import TalkSettings
from ui.realtime.hosting.admission import AdmissionSettings


class WebSettings(EngineSettings):
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
    records: Path | None = None
    """Folder for the talks of visitors who agree to be recorded; without it nobody is asked."""
    index: str | None = None
    """Database of the index of recorded talks, instead of a file in their folder."""
    show_records: bool = False
    """Offer the page of recorded talks (/records) to whoever knows the password. Where there is
    none, and only this computer can reach the server, it is there anyway."""
    drain_s: float = Field(default=20.0, ge=0.0, le=600.0)
    """How long answers under way may go on when the server is stopped, in seconds."""
    turn_judge: TurnJudge = "both"
    """What judges whether a pause ends the turn: the sound of the voice, the speech model by the
    words, or the sound and, where they are surely understood, the words."""
    turn_model: TurnJudgeName = USUAL_TURN_JUDGE
    """What judges by the sound: turn_ear, Attune's own, or smart_turn:FILE.onnx (Smart Turn v3)."""
    admission: AdmissionSettings = AdmissionSettings()
    talk: TalkSettings = TalkSettings()
