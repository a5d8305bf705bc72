"""Which replica is asked: the conversation's own, and with each further try the next one."""

from typing import Any

import pytest

from assistant.engines.cluster.link import session


@pytest.mark.parametrize(("tries", "order"), [(0, "abc"), (1, "bca"), (2, "cab"), (3, "abc")])
async def test_a_further_try_begins_at_the_next_replica(
    tries: int, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    from ray.serve._private.common import RequestMetadata
    from ray.serve._private.request_router.common import PendingRequest
    from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter

    from assistant.engines.cluster.steady_router import SteadyRouter

    asked: list[str] = []

    async def ranked(_self: object, candidates: list[str], request: Any) -> list[list[str]]:
        asked.append(request.metadata.session_id)
        request.routing_context.should_backoff = True
        return [[one] for one in candidates]

    monkeypatch.setattr(ConsistentHashRouter, "choose_replicas", ranked)
    router = object.__new__(SteadyRouter)
    metadata = RequestMetadata("request", "internal", session_id=session("talk", tries))
    pending = PendingRequest([], {}, metadata)
    chosen = await router.choose_replicas(list("abc"), pending)
    assert "".join(one for rank in chosen for one in rank) == order
    assert asked == ["talk"], "all tries of a talk have one place on the ring"
    assert pending.routing_context.should_backoff, "what is noted of a request is noted of it"
    assert pending.metadata.session_id == session("talk", tries)
