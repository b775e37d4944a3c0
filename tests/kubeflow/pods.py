"""Where the commands of a package run: in containers of our own image, or as subprocesses.

As a program, ``python pods.py COMMAND ...``, it finds out which of the two this host can do, says
so, builds the image, and runs a command with GPTFX_PODS set for `pods`.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gptfx.pipeline import image
from gptfx.pipeline.debian_root import CannotError

VARIABLE = "GPTFX_PODS"  # an engine; empty or missing: subprocesses
MINIO = Path("/minio")  # the launcher's folder for that scheme
TERMINATION_LOG = "/dev/termination-log"
BASE = "docker.io/library/debian:trixie-slim"
CONTAINERS_CONF = Path(__file__).with_name("containers.conf")
PULL_SECONDS = 60
Json = dict[str, Any]


class Ended(NamedTuple):
    """A container that ended: its exit code, standard error, and the status that a pod shows."""

    code: int
    said: str
    status: str


class Subprocesses:
    """The weaker form: this Python, with a link at /minio; all that the host has is there."""

    name = "subprocesses"

    def run(
        self, container: Json, words: Sequence[str], pod: Path, volumes: Sequence[Path]
    ) -> Ended:
        """Runs the words of a container's command; `pod` holds `minio`."""
        assert words[0] == "python"
        MINIO.symlink_to(pod / "minio")
        try:
            done = subprocess.run(
                [sys.executable, *words[1:]],
                cwd=pod,
                capture_output=True,
                text=True,
                env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
                check=False,
            )
        finally:
            MINIO.unlink()
        return Ended(done.returncode, done.stderr, done.stderr.strip().rpartition("\n")[2])


class Containers:
    """As a cluster would have it: the package's image, no root, nothing to write on, no network."""

    def __init__(self, engine: str) -> None:
        self.engine, self.name = engine, f"containers ({engine})"

    def run(
        self, container: Json, words: Sequence[str], pod: Path, volumes: Sequence[Path]
    ) -> Ended:
        """Runs the words; the container sees `pod` and the volumes at their own paths."""
        status = pod / "termination-log"
        status.touch()
        for path in (pod, *pod.rglob("*"), *volumes):
            path.chmod(0o777)  # as a cluster's fsGroup does
        mounts = {pod: pod, pod / "minio": MINIO, status: TERMINATION_LOG}
        mounts |= {volume: volume for volume in volumes}
        command = [self.engine, "run", "--rm", "--read-only", "--network=none"]
        command += ["--cap-drop=ALL", "--security-opt=no-new-privileges"]
        if self.engine == "podman":
            command += ["--read-only-tmpfs=false"]
        command += ["--tmpfs=/tmp:rw,mode=1777"]
        command += [f"--volume={source}:{target}" for source, target in mounts.items()]
        command += ["--entrypoint", words[0], container["image"], *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return Ended(done.returncode, done.stderr, status.read_text())


def pods() -> Any:
    """What the environment says."""
    engine = os.environ.get(VARIABLE)
    return Containers(engine) if engine else Subprocesses()


def prepare() -> str:
    """Builds the image; the engine. Raises CannotError where containers cannot run."""
    engine = image.find_engine(None)
    pull = [engine, "pull", BASE]
    try:
        pulled = subprocess.run(pull, capture_output=True, timeout=PULL_SECONDS, check=False)
        base = BASE if pulled.returncode == 0 else None
    except subprocess.TimeoutExpired:
        base = None
    require_containers(engine, base or image.base_of_ours(engine))
    if image.main(["--engine", engine, *(["--base", base] if base else ["--debootstrap"])]):
        raise SystemExit(1)
    return engine


def require_containers(engine: str, base: str) -> None:
    """Sees a container run; podman may need settings, which are then in the environment."""
    command = [engine, "run", "--rm", "--network=none", base, "true"]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return
    os.environ.setdefault("CONTAINERS_CONF", str(CONTAINERS_CONF))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotError(f"{engine} starts no container: {done.stderr.strip()[-300:]}")


if __name__ == "__main__":
    try:
        os.environ[VARIABLE] = prepare()
    except CannotError as error:
        print(f"test-kubeflow: no containers here: {error}", flush=True)
    print(f"test-kubeflow: the package's commands run as {pods().name}", flush=True)
    sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
