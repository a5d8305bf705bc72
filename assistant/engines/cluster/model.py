"""Speech model: replicas of one that work elsewhere, in a Ray Serve application."""

from collections.abc import Sequence
from typing import Any

from assistant.audio.waveform import Waveform
from assistant.engines.cluster.course import VERSION, Abilities
from assistant.engines.cluster.dialogue import ClusterDialogue
from assistant.engines.cluster.link import TRIES, Link, ReplicaLost
from assistant.engines.protocols import Persona, SpeechModel, Transcript
from assistant.engines.settings import GenerationSettings, ModelSettings
from assistant.errors import EngineFailed, EngineUnavailable

DEPLOYMENT = "SpeechModel"
"""Name of the deployment of speech models in its application."""


class ClusterModel(SpeechModel):
    """Looks like a resident model; each conversation is owned by this process."""

    def __init__(
        self,
        source: str = "",
        run: ModelSettings | None = None,
        generation: GenerationSettings | None = None,
        *,
        link: Link | None = None,
    ) -> None:
        """Connects.

        Args:
            source: `APPLICATION` or `APPLICATION@ADDRESS` of the cluster; see `ray_link.connect`.
            run: Of no effect: the replicas were started with settings of their own.
            generation: Likewise.
            link: Another way to the replicas than Ray's.

        Raises:
            EngineUnavailable: Ray is not installed, there is no such cluster or application, or
                it is of another version than this process.
        """
        if link is None:
            from assistant.engines.cluster.ray_link import connect

            link = connect(source, DEPLOYMENT)
        self._link = link
        self._abilities = abilities_of(link)
        self.name = self._abilities.name

    @property
    def call_marks(self) -> tuple[str, str] | None:
        """How the model calls functions; None where it calls nothing."""
        return self._abilities.call_marks

    def open(self, persona: Persona) -> ClusterDialogue:
        """Starts a conversation; a persona that is too long fails its first turn.

        Conversations are opened on the event loop, where no replica can be waited for.
        """
        return ClusterDialogue(self._link, persona)

    def open_with_tools(
        self, persona: Persona, tools: Sequence[dict[str, Any]]
    ) -> ClusterDialogue | None:
        """Starts a conversation in which functions may be called; None where it calls nothing."""
        return None if self.call_marks is None else ClusterDialogue(self._link, persona, tools)

    def transcribe(self, utterance: Waveform) -> Transcript | None:
        """Returns the words of an utterance that belongs to no conversation."""
        return self._call("transcribe", utterance)

    def weigh(self, utterance: Waveform, phrases: Sequence[str]) -> Sequence[float] | None:
        """Returns how well `phrases` fit something brief; None where the model cannot tell."""
        return self._call("weigh", utterance, tuple(phrases))

    def _call(self, method: str, *arguments: Any) -> Any:
        lost: ReplicaLost | None = None
        for _ in range(TRIES):
            try:
                return self._link.call(method, *arguments)
            except ReplicaLost as error:
                lost = error
        raise EngineFailed(f"no replica of the speech model answers ({lost})") from lost


def abilities_of(link: Link) -> Abilities:
    """Returns what the replicas say of themselves.

    Raises:
        EngineUnavailable: They do not answer, or are of another version.
    """
    try:
        abilities: Abilities = link.call("abilities")
    except EngineFailed as error:
        raise EngineUnavailable(
            f"the cluster does not answer ({error}): see that its application runs (`serve status`)"
        ) from error
    if abilities.version != VERSION:
        raise EngineUnavailable(
            f"the replicas speak version {abilities.version} and this process {VERSION}: update "
            "both to one version of Attune"
        )
    return abilities
