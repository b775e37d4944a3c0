"""What every test shares: the installed command, run as a user runs it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's remarks about the host
os.environ.pop("COLUMNS", None)  # which xdist sets; commands print as into a pipe
settings.register_profile("no deadline", deadline=None)  # the machine may be shared
settings.load_profile("no deadline")

REPOSITORY = Path(__file__).parent.parent
COMMAND = Path(sys.executable).parent / "gptfx"
LONGEST = {"test_the_commands_of_the_readme_run"}


class Finished(NamedTuple):
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of standard output."""
        return json.loads(self.out.strip().splitlines()[-1])


def run_gptfx(
    *arguments: str, cwd: Path | None = None, text: str | None = None, **environment: str
) -> Finished:
    """Runs the command `gptfx` in a process of its own, with `text` as standard input."""
    done = subprocess.run(
        [str(COMMAND), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        input=text,
        env={**os.environ, **environment},
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: side by side, the slow tests take as long as the last to end."""
    items.sort(key=lambda item: item.name not in LONGEST)


@pytest.fixture(scope="session")
def gptfx() -> Any:
    """`gptfx(*arguments)` runs the command and returns code, out, err and json."""
    return run_gptfx


@pytest.fixture
def two_workers() -> list[dict[str, Any]]:
    """TF_CONFIG for each of two workers that meet at free ports of this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return [
        {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        for index in range(2)
    ]
