"""Starts what a cluster is made of: Ray, the application, the gateways."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, ProxyLocation
from ray.serve.handle import DeploymentHandle

from assistant.engines.cluster.ray_link import join
from assistant.engines.settings import SpeechModelSettings
from assistant.errors import EngineUnavailable
from deploy.ray.replicas import CensusReplica, SpeechModelReplica, VoiceReplica
from deploy.ray.settings import ClusterSettings

ROOT = Path(__file__).parents[2]
LOOK_S = 1.0
RAY_S = {
    "RAY_USAGE_STATS_ENABLED": "0",  # it tells its makers of each cluster, unless asked not to
    "RAY_worker_niceness": "0",  # its own 15 lets everything else on the machine go before a talk
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Environment variables of a cluster that is started here."""
MOST_REQUESTS = 256
"""Requests that one replica holds at once: those of as many talks wait in it for their step, in
fair turn, which Serve's own queue would not give them."""

LEAST_SURGE = 1
"""Percent of the replicas that an update may start beyond them: Serve rounds it up to one."""


@contextmanager
def cluster(settings: ClusterSettings) -> Generator[str]:
    """Connects to the cluster that is named, or starts one; yields the address of its head."""
    if settings.address:
        join("" if settings.address == "auto" else settings.address)
        yield ray.get_runtime_context().gcs_address
        return
    _start_here(settings)
    try:
        yield ray.get_runtime_context().gcs_address
    finally:
        serve.shutdown()
        ray.shutdown()


def _start_here(settings: ClusterSettings) -> None:
    for variable, value in RAY_S.items():
        os.environ.setdefault(variable, value)
    most = max(settings.models, settings.most_models or 0) + 1
    try:
        ray.init(
            # All that was asked for shall come, on one machine, whatever it has: with more
            # replicas than cores they take turns.
            num_cpus=max(os.cpu_count() or 1, ceil(settings.cpus_of(most, settings.voices + 1))),
            include_dashboard=False,
            namespace="serve",
            log_to_driver=False,
            _node_ip_address="127.0.0.1",  # a cluster of one machine is nobody else's business
        )
    except Exception as error:  # it raises a bare one where its processes do not come in 30 s
        raise EngineUnavailable(
            f"Ray does not start here ({str(error).splitlines()[0]}): try again when the machine "
            "is less busy, or look into /tmp/ray/session_latest/logs"
        ) from error


def deploy(settings: ClusterSettings) -> "DeploymentHandle[SpeechModelReplica]":
    """Starts the application, or brings the one that runs to these settings, replica by replica.

    Answers under way are finished by the replicas that began them.
    """
    serve.start(proxy_location=ProxyLocation.Disabled)
    is_update = settings.application in serve.status().applications
    has_spare = settings.has_spare
    if is_update and has_spare and not has_room(settings, ray.available_resources()):
        # Else Ray waits for ever for the room that the old replicas take, without a word.
        print(
            "there is no room for a new replica beside those that run: each of them ends before "
            "its successor starts",
            flush=True,
        )
        has_spare = False
    beside = is_update and has_spare
    if missing := missing_now(settings, ray.cluster_resources(), is_update=beside):
        print(missing, flush=True)
    surge = LEAST_SURGE if has_spare else 0
    own = {name: getattr(settings, name) for name in SpeechModelSettings.model_fields}
    model = SpeechModelReplica.options(
        max_ongoing_requests=MOST_REQUESTS,
        ray_actor_options={"num_cpus": settings.cpus, "num_gpus": settings.gpus},
        max_surge_percent=surge,
        **_replicas(settings),
    ).bind(SpeechModelSettings(**own))
    voice = VoiceReplica.options(
        num_replicas=settings.voices,
        max_ongoing_requests=MOST_REQUESTS,
        ray_actor_options={"num_cpus": settings.voice_cpus},
        max_surge_percent=surge,
    ).bind(settings.voice)
    return serve.run(
        Together.bind(model, voice, CensusReplica.bind()),
        name=settings.application,
        route_prefix=None,
    )


def missing_now(
    settings: ClusterSettings, there: Mapping[str, float], *, is_update: bool = False
) -> str:
    """Returns what a cluster lacks for the replicas to come, in a sentence; empty where nothing.

    Its machines may come later, or be started by Ray itself: it is no error.
    """
    models = settings.models + (is_update and settings.has_spare)
    cpus = settings.cpus_of(models, settings.voices)
    needs = {"processors": (cpus, "CPU"), "graphics cards": (models * settings.gpus, "GPU")}
    lacks = [
        f"{need:g} {what} (it has {there.get(name, 0.0):g})"
        for what, (need, name) in needs.items()
        if need > there.get(name, 0.0)
    ]
    if not lacks:
        return ""
    spared = ", or --no-spare" if models > settings.models else ""
    return (
        f"the replicas take {' and '.join(lacks)} of this cluster: waiting for machines to join "
        f"it; fewer --models, or less of --cpus and --gpus for each{spared}, can come at once"
    )


def has_room(settings: ClusterSettings, free: Mapping[str, float]) -> bool:
    """Whether a further model and a further voice find room in what is free of a cluster."""
    cpus = settings.cpus_of(1, 1)
    return cpus <= free.get("CPU", 0.0) and settings.gpus <= free.get("GPU", 0.0)


@serve.deployment(name="Together", ray_actor_options={"num_cpus": 0})
class Together:
    """Holds the deployments together as one application; nobody asks it anything."""

    def __init__(self, *_deployments: "DeploymentHandle[object]") -> None:
        pass


def _replicas(settings: ClusterSettings) -> dict[str, object]:
    if settings.most_models is None:
        return {"num_replicas": settings.models}
    return {
        "autoscaling_config": AutoscalingConfig(
            min_replicas=settings.models,
            max_replicas=max(settings.models, settings.most_models),
            target_ongoing_requests=settings.talks_each,
            # A model takes seconds to load and a talk lasts minutes: up soon, down late.
            upscale_delay_s=3.0,
            downscale_delay_s=300.0,
        )
    }


class Gateways:
    """Processes of `app.py web` on this machine; one that ended is started again."""

    def __init__(self, settings: ClusterSettings, head: str, options: Sequence[str]) -> None:
        """Starts them.

        Args:
            settings: How many, and at which ports.
            head: Address of the cluster's head.
            options: Of `app.py web`.
        """
        source = f"{settings.application}@{head}"
        given = ["--engine", "cluster", "--model", source, "--voice", f"cluster:{source}"]
        self._command = [sys.executable, str(ROOT / "app.py"), "web", *given, *options]
        ports = range(settings.port, settings.port + settings.gateways)
        self.running = {port: self._start(port) for port in ports}

    def look(self) -> None:
        """Starts again what ended by itself."""
        for port, process in self.running.items():
            if process.poll() is not None:
                print(
                    f"the gateway at port {port} ended with {process.returncode}: again", flush=True
                )
                self.running[port] = self._start(port)

    def stop(self) -> None:
        """Ends all; answers under way are finished."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait()

    def _start(self, port: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([*self._command, "--port", str(port)], cwd=ROOT)


def run(settings: ClusterSettings, options: Sequence[str]) -> int:
    """Deploys, and holds the gateways until it is interrupted; returns the exit status."""
    with cluster(settings) as head:
        # Ray put a handler of its own in place of the one for supervisors, and prints a trace.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        print(f"starting {settings.models} models and {settings.voices} voices …", flush=True)
        deploy(settings)
        print(f"deployed as {settings.application!r} on the cluster at {head}", flush=True)
        if not settings.gateways:
            return 0
        gateways = Gateways(settings, head, options)
        try:
            while True:
                time.sleep(LOOK_S)
                gateways.look()
        finally:
            gateways.stop()
