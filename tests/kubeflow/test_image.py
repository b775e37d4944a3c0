"""The image that `make test-kubeflow` built, looked at from inside."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from gptfx.pipeline import image, lines

ENGINE = os.environ.get("GPTFX_PODS")
pytestmark = [
    pytest.mark.kubeflow,
    pytest.mark.skipif(not ENGINE, reason="needs containers: make test-kubeflow"),
]
VERSIONS = """
from importlib.metadata import distributions
print(*sorted({f"{each.name.lower()}=={each.version}" for each in distributions()}), sep="\\n")
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """In a container as a cluster's policy may have it; with nothing to write but /tmp."""
    strict = ["--rm", "--read-only", "--network=none", "--cap-drop=ALL", "--tmpfs=/tmp"]
    words = [ENGINE, "run", *strict, "--entrypoint", command[0], "gptfx:latest", *command[1:]]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_it_runs_as_nobody_in_particular_and_writes_in_tmp_alone() -> None:
    done = run("sh", "-c", "id -u; touch /tmp/a && echo written; touch /opt/a /opt/gptfx/a")
    assert done.stdout == "10001\nwritten\n"
    assert done.stderr.count("Read-only file system") == 2


def test_it_says_which_version_and_revision_it_is() -> None:
    inspect = [ENGINE, "image", "inspect", "gptfx:latest"]
    (found,) = json.loads(subprocess.run(inspect, capture_output=True, check=True).stdout)
    labels = found["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == image.version()
    assert labels["org.opencontainers.image.revision"] == image.revision()
    assert labels["gptfx.variant"] == "cpu"


def test_it_holds_what_the_lock_says_the_wheel_and_no_checkout() -> None:
    done = run("python", "-c", VERSIONS)
    found = {re.sub("[-_.]+", "-", line) for line in done.stdout.splitlines()}
    lock = lines.LINE_B.lock.read_text().splitlines()
    locked = {re.sub("[-_.]+", "-", line.partition(" ")[0]) for line in lock}
    assert found - locked == {re.sub("[-_.]+", "-", f"gptfx=={image.version()}")}
    assert any(each.startswith("tfx==1-21") for each in found)
    assert not any(each.startswith(("pytest==", "ruff==", "mypy==")) for each in found)
    code = "import gptfx.pipeline as it; print(it.__file__)"
    assert "/site-packages/gptfx/" in run("python", "-c", code).stdout
    assert run("sh", "-c", "ls /src /opt/gptfx/tests").returncode != 0


def test_the_texts_of_the_presets_are_in_it() -> None:
    done = run("sh", "-c", "cat /opt/gptfx/texts/*/* | wc -c")
    assert int(done.stdout) > 5_000_000


def test_it_runs_the_whole_pipeline_on_its_own(tmp_path: Path) -> None:
    done = run("gptfx", "run", "--preset", "smoke", "--root", "/tmp/runs", "--json")
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1])["pushed"]
