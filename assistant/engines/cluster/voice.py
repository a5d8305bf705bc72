"""Voice: replicas of one that work elsewhere, in a Ray Serve application."""

import uuid
from collections.abc import Iterator

from assistant.audio.waveform import AudioClip
from assistant.engines.cluster.link import Link, persistently
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.errors import EngineFailed, EngineUnavailable

DEPLOYMENT = "Voice"
"""Name of the deployment of voices in its application."""


class ClusterVoice:
    """Looks like a voice of this process."""

    def __init__(self, application: str = "", *, link: Link | None = None) -> None:
        """Connects.

        Args:
            application: See `ClusterModel`.
            link: Another way to the replicas than Ray's.

        Raises:
            EngineUnavailable: Ray is not installed, or there is no such cluster or application.
        """
        if link is None:
            from assistant.engines.cluster.ray_link import connect

            link = connect(application, DEPLOYMENT)
        self._link = link
        try:
            self.sample_rate: int = link.call("rate_hz")
        except EngineFailed as error:
            raise EngineUnavailable(
                f"no voice of the cluster answers ({error}): see that its application runs "
                "(`serve status`)"
            ) from error

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """See `TextToSpeech.synthesize`; where a replica is lost another speaks the rest."""
        spoken, name = 0, uuid.uuid4().hex

        def ask(lost: int) -> Iterator[AudioClip]:
            # No two texts need the same replica: each goes where there is room.
            known = spoken
            for clip in self._link.stream("speak", name, cancel, text, style, tries=lost):
                new = clip.samples[known:]
                known -= len(clip.samples) - len(new)
                if len(new):
                    yield AudioClip(new, clip.sample_rate)

        for clip in persistently(ask, "speaking"):
            spoken += len(clip.samples)
            yield clip
