"""Requests to replicas through Ray Serve; but for `steady_router`, nobody else imports Ray here.

Handles are called from the threads of workers, so all of it is plain and blocking. A request that
belongs to a conversation names it: Serve's consistent hashing sends those of one conversation to
one replica while it lives, and to another one when it is gone.
"""

# Ray is typed in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Any

from assistant.engines.cluster.course import APPLICATION, NotHeard
from assistant.engines.cluster.link import ReplicaLost, session
from assistant.engines.protocols import Cancel
from assistant.errors import AssistantError, EngineUnavailable

try:
    import ray
    from ray import serve
    from ray.exceptions import RayError, RayTaskError
    from ray.serve.exceptions import RayServeException
    from ray.serve.handle import DeploymentHandle
except ImportError as error:
    raise EngineUnavailable(
        "the cluster needs Ray: `pip install -e '.[scale]'` in Attune's folder"
    ) from error

LOOK_S = 0.02
"""How often a request under way looks whether it was cancelled."""
PATIENCE_S = 20.0
"""A replica that says nothing for so long hangs: the longest step of mini, a prefill of a whole
context on one busy core, takes 12 s."""


class RayLink:
    """The way to one deployment."""

    def __init__(self, handle: "DeploymentHandle[Any]", *, patience_s: float = PATIENCE_S) -> None:
        """Sends to `handle`; gives a replica up that says nothing for `patience_s`."""
        self._handle = handle
        self._patience_s = patience_s

    def call(self, method: str, *arguments: Any) -> Any:
        """See `Link.call`."""
        try:
            response = self._handle.options(method_name=method).remote(*arguments)
            return response.result(timeout_s=self._patience_s)
        except Exception as error:
            raise _meant(error) from error

    def everyone(self, method: str, *, wait_s: float) -> list[Any]:
        """Returns what a method of each replica returns, of those that answer within `wait_s`."""
        try:
            told = self._handle.broadcast(method).results(timeout_s=wait_s, return_exceptions=True)
        except Exception as error:
            raise _meant(error) from error
        return [one for one in told if not isinstance(one, BaseException)]

    def stream(
        self, method: str, talk: str, cancel: Cancel, *arguments: Any, tries: int = 0
    ) -> Iterator[Any]:
        """See `Link.stream`."""
        asked = session(talk, tries)
        handle = self._handle.options(method_name=method, session_id=asked, stream=True)
        response: Any = handle.remote(*arguments)
        is_over = False
        try:
            items = response._to_object_ref_gen_sync(_timeout_s=self._patience_s)
            while self._is_ready(items, cancel):
                try:
                    item = next(items)
                except StopIteration:
                    is_over = True
                    return
                yield ray.get(item)
        except Exception as error:
            raise _meant(error) from error
        finally:
            if not is_over:
                # Of a replica that is gone this fails, and there is nothing left to cancel.
                with contextlib.suppress(Exception):
                    response.cancel()

    def _is_ready(self, items: Any, cancel: Cancel) -> bool:
        """Waits for the next item; False where it is not wanted any more.

        Raises:
            ReplicaLost: It does not come.
        """
        until_s = time.monotonic() + self._patience_s
        while not cancel.is_set():
            ready, _ = ray.wait([items], timeout=LOOK_S)
            if ready:
                return True
            if time.monotonic() > until_s:
                raise ReplicaLost(f"nothing came for {self._patience_s:g} s")
        return False


def join(address: str) -> None:
    """Joins this process to a cluster, once.

    Raises:
        EngineUnavailable: There is none.
    """
    if ray.is_initialized():
        return
    _show_token()
    # What Ray tells of its own work is no answer to what was asked of a command.
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        ray.init(
            address=address or "auto",
            namespace="serve",
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise EngineUnavailable(
            f"there is no Ray cluster at {address or 'this machine'} that takes this one's token: "
            "start one with `python -m deploy.ray`, or give this machine the token of the one that "
            "runs (RAY_AUTH_TOKEN or ~/.ray/auth_token)"
        ) from error


def _show_token() -> None:
    """Lets this process show the token that clusters ask for, where this person has one.

    Ray does so by itself for a cluster that it starts, and not for one that it joins.
    """
    try:
        from ray._private.authentication.authentication_token_setup import (
            maybe_enable_token_auth_if_token_available as show_token,
        )
    except ImportError:  # a version that does it by itself, or another way
        return
    # It warns where all is as it should be, in the middle of what a command says.
    logging.getLogger(show_token.__module__).setLevel(logging.ERROR)
    show_token(warn_if_disabled=False)


def connect(source: str, deployment: str) -> RayLink:
    """Returns the way to a deployment of an application on a cluster.

    Args:
        source: `APPLICATION@ADDRESS`, each of which may be left out; the address is that of the
            head node, and without it the cluster of this machine is meant.
        deployment: Its name in the application.

    Raises:
        EngineUnavailable: There is no such cluster, application or deployment.
    """
    application, _, address = source.partition("@")
    join(address)
    name = application or APPLICATION
    try:
        status = serve.status().applications
        if name not in status or deployment not in status[name].deployments:
            known = ", ".join(status) or "none"
            raise EngineUnavailable(
                f"the cluster has no application {name!r} with a {deployment} (it runs {known}): "
                "deploy it with `python -m deploy.ray`"
            )
        return RayLink(serve.get_deployment_handle(deployment, name))
    except RayServeException as error:
        raise EngineUnavailable(
            f"Ray Serve does not run there ({error}): deploy with `python -m deploy.ray`"
        ) from error


def _meant(error: Exception) -> Exception:
    """Returns what an error of Ray's means: what the engine said, or that the replica is lost."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, AssistantError | NotHeard | ReplicaLost):
        return cause
    if isinstance(error, RayError | RayServeException | TimeoutError):
        return ReplicaLost(f"{type(error).__name__}: {_first_line(error)}")
    return error


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), "no details")
