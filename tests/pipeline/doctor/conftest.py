"""What the tests of the doctor share: no package index, an empty root, findings by name."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gptfx.pipeline.doctor.finding import Finding
from gptfx.pipeline.doctor.probe import MARK
from gptfx.pipeline.layout import Layout


def _by_name(findings: Any) -> dict[str, Finding]:
    made = [found if isinstance(found, Finding) else Finding(**found) for found in findings]
    for finding in made:
        assert (finding.remedy is None) == (finding.state == "ok"), finding
    return {finding.name: finding for finding in made}


@pytest.fixture(scope="session")
def by_name() -> Callable[[Any], dict[str, Finding]]:
    """Findings of the checks, or of the command's JSON, by their names; each has its remedy."""
    return _by_name


@pytest.fixture(scope="session")
def nowhere() -> dict[str, str]:
    """Settings of a package index that nobody answers for."""
    empty = ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
    return {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://user:secret@127.0.0.1:9/simple/",
        **dict.fromkeys((*empty, "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"), ""),
    }


@pytest.fixture
def no_index(nowhere: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No package index answers."""
    for name, value in nowhere.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A root that is there, and empty."""
    (tmp_path / "root").mkdir()
    return Layout(tmp_path / "root")


def _make_metadata(layout: Layout, executions: list[tuple[int, int, str]]) -> None:
    """ML Metadata with executions of (id, state, ``PIPELINE.NODE``), made by the library."""
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(layout.metadata)
    store = metadata_store.MetadataStore(config)
    work = store.put_execution_type(mlmd.ExecutionType(name="Work"))
    node = store.put_context_type(mlmd.ContextType(name="node"))
    for number, state, name in executions:
        execution = mlmd.Execution(type_id=work, last_known_state=state)
        context = mlmd.Context(type_id=node, name=name)
        assert store.put_execution(execution, [], [context])[0] == number


@pytest.fixture(scope="session")
def make_metadata() -> Callable[..., None]:
    """Makes a root's metadata with executions of (id, state, ``PIPELINE.NODE``)."""
    return _make_metadata


def _reported(*steps: dict[str, Any], then: str = "") -> subprocess.Popen:
    """A process that reports these steps as the probe would, then does what `then` says."""
    lines = "".join(f"print({MARK + json.dumps(step)!r}, flush=True);" for step in steps)
    return subprocess.Popen([sys.executable, "-c", lines + then], stdout=-1, text=True)


@pytest.fixture(scope="session")
def reported() -> Callable[..., subprocess.Popen]:
    """Starts a process that reports these steps as the probe would."""
    return _reported
