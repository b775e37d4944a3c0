"""What the room's README tells a reader to type is run, against an API server in memory."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from gptfx.pipeline.config import Config

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "kubeflow" / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (gptfx .*?)(?:\s+#.*)?$", README, re.MULTILINE)


@pytest.mark.slow
def test_the_commands_of_the_guide_run(gptfx: Any, server: Any, tmp_path: Path) -> None:
    assert len(COMMANDS) > 8
    (configuration,) = re.findall(r"```yaml\n# nightly.yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "nightly.yaml").write_text(configuration)
    environment = {"KF_PIPELINES_ENDPOINT": server.address, "GPTFX_KUBEFLOW_TOKEN": "the-token"}
    for command in COMMANDS:
        finished = gptfx(*shlex.split(command)[1:], cwd=tmp_path, **environment)
        assert finished.code == 0, f"{command}: {finished.err}{finished.out}"
    assert not server.state.recurring  # what was made is deleted again


def test_the_sections_of_the_guide_are_configurations() -> None:
    for section in ("beam", "kubeflow"):
        found = re.findall(rf"```yaml\n([^`]*^{section}:.*?)```", README, re.DOTALL | re.MULTILINE)
        assert found, section
        for text in found:
            Config.model_validate(
                {"preset": "a", "evaluator": {"max_bits_per_byte": 1}, **yaml.safe_load(text)}
            )


def test_the_make_targets_and_folders_of_the_guide_are_there() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^\$|`)\s?make ([a-z-]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    (overlay,) = re.findall(
        r"```yaml\n# my-cluster/kustomization.yaml\n(.*?)```", README, re.DOTALL
    )
    for folder in yaml.safe_load(overlay)["resources"]:
        assert (REPOSITORY / folder.removeprefix("../") / "kustomization.yaml").is_file()
    for folder in re.findall(r"`(kubeflow/manifests\S*)`", README):
        assert (REPOSITORY / folder / "kustomization.yaml").is_file()
