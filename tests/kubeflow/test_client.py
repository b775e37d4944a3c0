"""Versions, runs and schedules of an API server; logins that it does not know."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gptfx.data.errors import InputError
from gptfx.kubeflow.client import Cluster, Deployed
from gptfx.kubeflow.login import Login
from gptfx.kubeflow.package import Package
from gptfx.kubeflow.settings import KubeflowConfig
from gptfx.kubeflow.times import when

TOKEN = Login(token="the-token")
NIGHTLY = when("0 3 * * *", None)


@pytest.fixture
def cluster(server: Any) -> Cluster:
    """A server that knows us."""
    return Cluster(KubeflowConfig(host=server.address), TOKEN)


@pytest.fixture
def package(compiled: Callable[..., Package], tmp_path: Path) -> Path:
    """A package of the preset smoke."""
    compiled("smoke").write(tmp_path / "package.yaml")
    return tmp_path / "package.yaml"


@pytest.fixture
def deployed(cluster: Cluster, package: Path) -> Deployed:
    """It, uploaded."""
    return cluster.deploy(package, "gptfx-smoke")


def names(server: Any) -> list[str]:
    return [each["display_name"] for each in server.state.recurring.values()]


@pytest.mark.parametrize("how", ["token", "cookies", "token_file"])
def test_each_way_to_log_in_is_known(server: Any, tmp_path: Path, how: str) -> None:
    (tmp_path / "token").write_text("the-token\n")
    login = {
        "token": TOKEN,
        "cookies": Login(cookies="authservice_session=the-session"),
        "token_file": Login(token_file=tmp_path / "token"),
    }[how]
    assert Cluster(KubeflowConfig(host=server.address), login).runs(5) == []


@pytest.mark.parametrize(
    ("login", "message"),
    [
        (Login(token="wrong"), "the API server does not know this login. Received: 'Login(token)'"),
        (Login(), "the API server does not know this login. Received: 'Login(nothing)'"),
        (Login(token="powerless"), "the API server lets this login do nothing here"),
        (Login(token_file=Path("/nowhere")), "the service account's token cannot be read"),
    ],
)
def test_a_bad_login_is_one_line_at_once_and_shows_no_secret(
    server: Any, login: Login, message: str
) -> None:
    began = time.monotonic()
    with pytest.raises(InputError) as refused:
        Cluster(KubeflowConfig(host=server.address), login)
    assert time.monotonic() - began < 5.0
    assert message in str(refused.value)
    assert not any(secret in str(refused.value) for secret in ("wrong", "powerless"))


def test_a_server_that_is_not_there_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=r"the API server does not answer: .*refused"):
        Cluster(KubeflowConfig(host=f"http://127.0.0.1:{port}"), TOKEN)
    with pytest.raises(InputError, match=r"no API server is named.*KF_PIPELINES_ENDPOINT"):
        Cluster(KubeflowConfig(), TOKEN)


def test_a_package_becomes_a_version_once(
    cluster: Cluster, package: Path, server: Any, compiled: Callable[..., Package]
) -> None:
    first = cluster.deploy(package, "gptfx-smoke")
    assert first.is_new
    again = cluster.deploy(package, "gptfx-smoke")
    assert again == first._replace(is_new=False)
    compiled("smoke", "trainer.steps=7").write(package)
    other = cluster.deploy(package, "gptfx-smoke")
    assert other.is_new
    assert other.pipeline_id == first.pipeline_id
    assert other.version_id != first.version_id
    assert len(server.state.pipelines) == 1


def test_what_the_server_refuses_is_said_in_its_words(cluster: Cluster, deployed: Deployed) -> None:
    with pytest.raises(InputError, match="the API server refuses: parameter steps is not in the"):
        cluster.start(deployed, "a", {"steps": 4})
    with pytest.raises(InputError, match="the API server refuses: nothing not found"):
        cluster.run("nothing")


def test_a_run_is_started_with_what_it_is_told_and_listed(
    cluster: Cluster, deployed: Deployed, server: Any
) -> None:
    started = [cluster.start(deployed, name, {"train_steps": 4}) for name in "ab"]
    assert [each.run_id for each in cluster.runs(20)] == started[::-1]
    told = server.state.runs[started[0]]
    assert told["runtime_config"]["parameters"] == {"train_steps": 4}
    assert told["display_name"] == "a"


def test_a_schedule_has_no_two_runs_at_once_and_makes_up_for_none(
    cluster: Cluster, deployed: Deployed, server: Any
) -> None:
    assert cluster.schedule("nightly", deployed, NIGHTLY, {"train_steps": 4}) == "created"
    (made,) = server.state.recurring.values()
    assert made["trigger"]["cron_schedule"]["cron"] == "0 0 3 * * *"
    assert int(made["max_concurrency"]) == 1
    assert made["no_catchup"] is True
    assert made["status"] == "ENABLED"


def test_a_second_create_changes_the_schedule_of_that_name_and_no_other(
    cluster: Cluster, deployed: Deployed, server: Any
) -> None:
    for name in ("a", "b", "c"):
        cluster.schedule(name, deployed, NIGHTLY, {})
    assert cluster.schedule("c", deployed, NIGHTLY, {}) == "unchanged"
    assert cluster.schedule("c", deployed, when(None, "6h"), {}) == "updated"
    assert sorted(names(server)) == ["a", "b", "c"]
    (changed,) = [each for each in cluster.schedules() if each.display_name == "c"]
    assert int(changed.trigger.periodic_schedule.interval_second) == 6 * 3600
    assert cluster.schedule("c", deployed, when(None, "6h"), {"seed": 1}) == "updated"


def test_a_schedule_is_paused_resumed_triggered_and_deleted(
    cluster: Cluster, deployed: Deployed, server: Any
) -> None:
    cluster.schedule("nightly", deployed, NIGHTLY, {"seed": 5})
    cluster.pause("nightly")
    assert [each.status for each in cluster.schedules()] == ["DISABLED"]
    cluster.schedule("nightly", deployed, NIGHTLY, {"seed": 6})
    assert [each.status for each in cluster.schedules()] == ["DISABLED"]  # it stays so
    cluster.resume("nightly")
    assert [each.status for each in cluster.schedules()] == ["ENABLED"]
    run_id = cluster.trigger("nightly")
    assert server.state.runs[run_id]["runtime_config"]["parameters"] == {"seed": 6}
    cluster.delete("nightly")
    assert cluster.schedules() == []
    with pytest.raises(InputError, match=r"no such schedule\. Received: 'nightly'"):
        cluster.pause("nightly")


@pytest.mark.parametrize(
    ("cron", "every", "message"),
    [
        (None, None, "a schedule needs --cron or --every"),
        ("0 3 * * *", "6h", "a schedule needs --cron or --every"),
        ("0 3 * *", None, "not a cron expression"),
        ("0 3 * * $HOME", None, "not a cron expression"),
        ("61 3 * * *", None, "not a cron expression: minute 61"),
        ("*/0 3 * * *", None, "the minute is 0 to 59"),
        ("0 5-3 * * *", None, "not a cron expression: hour 5-3"),
        ("0 3 0 * *", None, "not a cron expression: day of the month 0"),
        ("0 3 * * 8", None, "not a cron expression: day of the week 8"),
        ("0 3 * * 7-3", None, "not a cron expression: day of the week 7-3"),
        ("0 3 * foo *", None, "not a cron expression: month foo"),
        (None, "6 h", "not a time between two runs"),
        (None, "5s", "not a time between two runs"),
    ],
)
def test_what_is_no_time_is_refused(cron: str | None, every: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        when(cron, every)


@pytest.mark.parametrize(
    "cron", ["*/5 3-6,22 1 jan-mar MON-FRI", "0 0 3 * * ?", "0 3 * * 0,6", "30 0/2 * * *"]
)
def test_what_a_crontab_may_hold_is_taken(cron: str) -> None:
    given = when(cron, None)["cron_expression"].split()
    assert given[-5:] == cron.split()[-5:]
    assert len(given) == 6


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ("7", "0"),
        ("0,7", "0,0"),
        ("5-7", "0,5,6"),
        ("mon-7/3", "0,1,4"),
        ("*/7", "*/7"),
        ("1/2", "1/2"),
    ],
)
def test_sunday_is_told_as_the_server_knows_it(days: str, told: str) -> None:
    assert when(f"0 3 * * {days}", None)["cron_expression"] == f"0 0 3 * * {told}"
