"""`python -m deploy.ray`: a cluster of replicas and gateways, started by one command."""

import logging
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assistant.errors import AssistantError, EngineUnavailable
from command_line.commands import Command
from command_line.output import printing
from command_line.refusals import UsageError
from command_line.settings import Program, read_settings

if TYPE_CHECKING:
    from deploy.ray.settings import ClusterSettings

FAILED, USAGE, INTERRUPTED = 1, 2, 130
NAME = "deploy.ray"
COMMANDS = {NAME: Command("deploy on a Ray cluster", "deploy.ray.settings:ClusterSettings", "")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploys and holds the gateways until it is stopped; returns the exit status."""
    return printing(lambda: _main(arguments), lambda error: f"attune: {error}")


def _main(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    at = given.index("--") if "--" in given else len(given)
    logging.basicConfig(level=logging.WARNING)
    # A supervisor stops it in this way: what was started must end as with Ctrl+C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from deploy.ray.settings import ClusterSettings

        program = Program("python -m", NAME, COMMANDS)
        return _run(read_settings(ClusterSettings, program, given[:at]), given[at + 1 :])
    except KeyboardInterrupt:
        return INTERRUPTED
    except (AssistantError, UsageError) as error:
        print(f"attune: {error}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAILED


def _run(settings: "ClusterSettings", options: Sequence[str]) -> int:
    try:
        from deploy.ray.deployment import run
    except ImportError as error:
        raise EngineUnavailable(
            "the cluster needs Ray: `pip install -e '.[scale,web]'` in Attune's folder"
        ) from error
    return run(settings, options)


if __name__ == "__main__":
    sys.exit(main())
