"""Which replica Ray Serve asks: that of the conversation, and another one when it is asked again.

Serve loads this by its path, in every process that sends requests.
"""

# Ray is typed in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeArgument=false, reportUntypedBaseClass=false

from dataclasses import replace
from typing import Any

from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter

from assistant.engines.cluster.link import turned


class SteadyRouter(ConsistentHashRouter):
    """Consistent hashing by conversation, in which each further try begins at the next replica.

    By itself it would send a request that is tried again to where it went before, and a replica
    that hangs is on the list until Serve has missed its signs of life often enough.
    """

    async def choose_replicas(
        self, candidate_replicas: list[Any], pending_request: Any = None
    ) -> list[list[Any]]:
        """Returns the replicas to ask, the preferred one first."""
        if pending_request is None:
            return await super().choose_replicas(candidate_replicas, pending_request)
        talk, tries = turned(pending_request.metadata.session_id)
        metadata = replace(pending_request.metadata, session_id=talk)
        ranks = await super().choose_replicas(
            candidate_replicas, replace(pending_request, metadata=metadata)
        )
        first = tries % max(1, len(ranks))
        return ranks[first:] + ranks[:first]
