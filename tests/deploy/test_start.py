"""What is said where no cluster can be started or joined."""

from typing import Any

import pytest

from deploy.ray.__main__ import main
from deploy.ray.settings import ClusterSettings

ray = pytest.importorskip("ray")
from deploy.ray.deployment import has_room, missing_now  # noqa: E402


def failing(error: Exception) -> Any:
    def init(**_options: object) -> None:
        raise error

    return init


def test_a_machine_too_busy_for_ray_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "init", failing(Exception("The node timed out.\nMore.")))
    assert main(["--gateways", "0"]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("attune: Ray does not start here (The node timed out.): try again")


@pytest.mark.parametrize("error", [ConnectionError("refused"), RuntimeError("no token")])
def test_a_cluster_that_is_not_there_or_wants_another_token_is_one_sentence(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "init", failing(error))
    assert main(["--gateways", "0", "--address", "192.0.2.1:6379"]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "no Ray cluster at 192.0.2.1:6379" in said and "RAY_AUTH_TOKEN" in said


def test_a_machine_of_fewer_cores_than_replicas_starts_them_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: dict[str, Any] = {}

    def init(**options: object) -> None:
        given.update(options)
        raise RuntimeError("enough seen")

    monkeypatch.setattr(ray, "init", init)
    assert main(["--models", "300", "--most-models", "400", "--voices", "2"]) == 1
    settings = ClusterSettings(models=300, most_models=400, voices=2)
    assert given["num_cpus"] >= settings.cpus_of(401, 3), "and one more of each, for updates"
    assert missing_now(settings, {"CPU": given["num_cpus"]}) == ""


def test_what_a_cluster_lacks_is_said_with_numbers() -> None:
    settings = ClusterSettings(models=3, voices=2, cpus=2.0, gpus=0.5)
    said = missing_now(settings, {"CPU": 4.0})
    assert "8 processors (it has 4) and 1.5 graphics cards (it has 0)" in said
    assert "--models" in said
    assert missing_now(settings, {"CPU": 8.0, "GPU": 2.0}) == ""


@pytest.mark.parametrize(
    ("given", "has_spare"),
    [
        ({}, True),
        ({"gpus": 1.0}, False),
        ({"gpus": 1.0, "spare": True}, True),
        ({"spare": False}, False),
    ],
)
def test_an_update_starts_new_replicas_first_where_they_fit(
    given: dict[str, Any], has_spare: bool
) -> None:
    settings = ClusterSettings(models=2, voices=1, **given)
    assert settings.has_spare is has_spare
    there = {"CPU": 3.0, "GPU": 9.0}
    assert missing_now(settings, there) == ""
    said = missing_now(settings, there, is_update=True)
    assert ("4 processors (it has 3)" in said and "--no-spare" in said) is has_spare


def test_a_new_replica_that_finds_no_room_beside_the_old_ones_is_not_waited_for() -> None:
    settings = ClusterSettings(models=2, voices=1, cpus=2.0, gpus=1.0)
    assert has_room(settings, {"CPU": 3.0, "GPU": 1.0})
    for free in ({"CPU": 2.0, "GPU": 1.0}, {"CPU": 3.0}, {}):
        assert not has_room(settings, free)
