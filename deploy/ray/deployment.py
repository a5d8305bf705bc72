"""Starts what a cluster is made of: Ray, the application, the gateways."""

import os
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, ProxyLocation
from ray.serve.handle import DeploymentHandle

from assistant.engines.cluster.ray_link import join
from assistant.engines.settings import SpeechModelSettings
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


@contextmanager
def cluster(address: str) -> Generator[str]:
    """Connects to the cluster at `address`, or starts one; yields the address of its head."""
    if address:
        join("" if address == "auto" else address)
        yield ray.get_runtime_context().gcs_address
        return
    for variable, value in RAY_S.items():
        os.environ.setdefault(variable, value)
    ray.init(
        include_dashboard=False,
        namespace="serve",
        log_to_driver=False,
        _node_ip_address="127.0.0.1",  # a cluster of one machine is nobody else's business
    )
    try:
        yield ray.get_runtime_context().gcs_address
    finally:
        serve.shutdown()
        ray.shutdown()


def deploy(settings: ClusterSettings) -> "DeploymentHandle[SpeechModelReplica]":
    """Starts the application, or brings the one that runs to these settings, replica by replica.

    Answers under way are finished by the replicas that began them.
    """
    serve.start(proxy_location=ProxyLocation.Disabled)
    own = {name: getattr(settings, name) for name in SpeechModelSettings.model_fields}
    model = SpeechModelReplica.options(
        max_ongoing_requests=MOST_REQUESTS,
        ray_actor_options={"num_cpus": settings.cpus, "num_gpus": settings.gpus},
        **_replicas(settings),
    ).bind(SpeechModelSettings(**own))
    voice = VoiceReplica.options(
        num_replicas=settings.voices,
        max_ongoing_requests=MOST_REQUESTS,
        ray_actor_options={"num_cpus": min(1.0, settings.cpus)},
    ).bind(settings.voice)
    return serve.run(
        Together.bind(model, voice, CensusReplica.bind()),
        name=settings.application,
        route_prefix=None,
    )


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
    with cluster(settings.address) as head:
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
