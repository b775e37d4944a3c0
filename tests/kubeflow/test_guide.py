"""What the room's README tells a reader to type is run, against an API server in memory."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

README = (Path(__file__).parents[2] / "kubeflow" / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (gptfx .*?)(?:\s+#.*)?$", README, re.MULTILINE)


@pytest.mark.slow
def test_the_commands_of_the_guide_run(gptfx: Any, server: Any, tmp_path: Path) -> None:
    assert len(COMMANDS) > 8
    environment = {"KF_PIPELINES_ENDPOINT": server.address, "GPTFX_KUBEFLOW_TOKEN": "the-token"}
    for command in COMMANDS:
        finished = gptfx(*shlex.split(command)[1:], cwd=tmp_path, **environment)
        assert finished.code == 0, f"{command}: {finished.err}{finished.out}"
    assert not server.state.recurring  # the last command but one deletes what was made
