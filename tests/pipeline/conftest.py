"""One smoke run, shared by the tests that look at what it made."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest


class SmokeRun(NamedTuple):
    """A finished run, its root, and the settings that it was given."""

    root: Path
    finished: Any
    settings: tuple[str, ...]


@pytest.fixture(scope="session")
def smoke(gptfx: Any, tmp_path_factory: pytest.TempPathFactory) -> SmokeRun:
    """The preset `smoke` as it ships, in a root of its own, with no network to be had."""
    root = tmp_path_factory.mktemp("smoke") / "root"
    settings = ("run", "--preset", "smoke", "--root", str(root))
    finished = gptfx(*settings, "--json", **no_network(root))
    assert finished.code == 0, finished.err
    return SmokeRun(root, finished, settings)


def no_network(home: Path) -> dict[str, str]:
    """An environment in which nothing can be downloaded and nothing was downloaded before."""
    nowhere = "http://127.0.0.1:9"
    return {"http_proxy": nowhere, "https_proxy": nowhere, "GPTFX_HOME": str(home / "home")}
