"""``gptfx kubeflow compile``: a package, or one line that says what a cluster could not run."""

from pathlib import Path
from typing import Any

import pytest
import yaml


def test_a_package_is_written_and_named(gptfx: Any, tmp_path: Path) -> None:
    out = tmp_path / "new" / "package.yaml"
    done = gptfx("kubeflow", "compile", "--preset", "smoke", "--out", str(out), cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{out}: 14 nodes, image gptfx:latest\n"
    specification, platform = yaml.safe_load_all(out.read_text())
    assert specification["schemaVersion"] == "2.1.0"
    assert "kubernetes" in platform["platforms"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "package.json"], "a package's name ends with .yaml. Received: 'package.json'"),
        (["--out", "file/package.yaml"], "the package cannot be written"),
        (["--set", "tokenizer.file=x"], "tokenizer.file names a file of this machine"),
        (["--set", "kubeflow.gpus=1"], "unknown key kubeflow.gpus"),
    ],
)
def test_what_cannot_be_is_one_line(
    gptfx: Any, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "file").touch()
    done = gptfx("kubeflow", "compile", "--preset", "smoke", *words, cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert not list(tmp_path.glob("*.yaml"))
