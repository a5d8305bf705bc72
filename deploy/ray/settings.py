"""The settings of `python -m deploy.ray`."""

from pydantic import Field

from assistant.engines.cluster.course import APPLICATION
from assistant.engines.settings import SpeechModelSettings


class ClusterSettings(SpeechModelSettings):
    """Deploys replicas of model and voice on a Ray cluster, and starts gateways on this machine.

    Without --address a cluster of this machine alone is started, and ends with this command. What
    stands behind `--` is given to each gateway, which is `app.py web`.
    """

    address: str = ""
    """Head node of a cluster that runs already, or `auto` for the one of this machine."""
    application: str = APPLICATION
    """Name of the application; another one stands beside it on the same cluster."""
    models: int = Field(default=2, ge=1, le=1_000)
    """Replicas of the speech model."""
    most_models: int | None = Field(default=None, ge=1, le=1_000)
    """More replicas are started while talks wait, up to so many; without it there are --models."""
    talks_each: float = Field(default=4.0, gt=0.0, le=256.0)
    """Requests at once that a replica of the model is meant for: with more, another is started."""
    voice: str = "auto"
    """The voice, as `app.py talk --voice` has it."""
    voices: int = Field(default=1, ge=1, le=1_000)
    """Replicas of the voice."""
    cpus: float = Field(default=1.0, ge=0.0, le=256.0)
    """Processors that a replica of the model takes in Ray's book-keeping."""
    gpus: float = Field(default=0.0, ge=0.0, le=64.0)
    """Graphics cards likewise; .5 puts two replicas on one."""
    spare: bool | None = None
    """Whether an update starts each new replica before it ends the old one: no talk waits then, and
    one more of each has to fit. If you do not say: where replicas take no graphics card."""
    gateways: int = Field(default=2, ge=0, le=64)
    """Gateways that are started here; 0 deploys and leaves them to other machines."""
    port: int = Field(default=7860, ge=1, le=65_000)
    """Port of the first gateway; the others take the next ones."""
    debug: bool = False
    """Show tracebacks and log lines."""

    @property
    def has_spare(self) -> bool:
        """Whether an update starts a new replica before it ends the old one."""
        return self.gpus == 0 if self.spare is None else self.spare

    @property
    def voice_cpus(self) -> float:
        """Processors that a replica of the voice takes in Ray's book-keeping."""
        return min(1.0, self.cpus)

    def cpus_of(self, models: int, voices: int) -> float:
        """Returns what so many replicas take of Ray's processors."""
        return models * self.cpus + voices * self.voice_cpus
