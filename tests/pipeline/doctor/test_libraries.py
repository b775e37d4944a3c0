"""What comes of importing TensorFlow and TFX in a process of their own; GPUs."""

import os
from pathlib import Path
from typing import Any

import pytest

from gptfx.pipeline.doctor.libraries import examine_libraries

TENSORFLOW = {
    "step": "tensorflow",
    "version": "2.16.2",
    "is_cuda_build": True,
    "cuda": "12.3",
    "cudnn": "8",
    "gpus": [],
}
LIBRARIES = {"step": "libraries"}


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts an `nvidia-smi` on the PATH that prints a line and exits with a code."""

    def make(line: str, code: int = 0) -> None:
        command = tmp_path / "bin" / "nvidia-smi"
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\necho '{line}'\nexit {code}\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)

    return make


def test_a_gpu_that_tensorflow_does_not_see_is_a_warning(
    reported: Any, by_name: Any, nvidia_smi: Any
) -> None:
    nvidia_smi("NVIDIA H100, 550.54")
    findings = by_name(examine_libraries(reported(TENSORFLOW, LIBRARIES)))
    assert findings["gpu"].state == "warning"
    assert "NVIDIA H100, 550.54" in findings["gpu"].found
    assert "tensorflow[and-cuda]==2.16.2" in findings["gpu"].remedy
    assert findings["libraries"].state == "ok"


def test_a_gpu_that_tensorflow_sees_is_named(reported: Any, by_name: Any, nvidia_smi: Any) -> None:
    nvidia_smi("NVIDIA H100, 550.54")
    probe = reported({**TENSORFLOW, "gpus": ["NVIDIA H100"]}, LIBRARIES)
    finding = by_name(examine_libraries(probe))["gpu"]
    assert (finding.state, finding.found) == ("ok", "1: NVIDIA H100")


def test_a_gpu_that_the_training_asks_for_and_nobody_has_fails(
    reported: Any, by_name: Any, nvidia_smi: Any
) -> None:
    nvidia_smi("")
    probe = reported({**TENSORFLOW, "gpus": ["NVIDIA H100"]}, LIBRARIES)
    finding = by_name(examine_libraries(probe, wanted_gpus=2))["gpu"]
    assert finding.state == "failure"
    assert finding.found.startswith("1 for TensorFlow, where trainer.device and trainer.gpus ask")
    assert "trainer.device=cpu" in finding.remedy


def test_a_driver_that_does_not_answer_is_a_warning(
    reported: Any, by_name: Any, nvidia_smi: Any
) -> None:
    nvidia_smi("Driver/library version mismatch", code=18)
    finding = by_name(examine_libraries(reported(TENSORFLOW, LIBRARIES)))["gpu"]
    assert finding.state == "warning"
    assert "Driver/library version mismatch" in finding.found


@pytest.mark.parametrize(
    ("then", "limit_s", "said"),
    [
        ("import os; os.abort()", 60, "code -6"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", 60, "processor"),
        ("import time; time.sleep(60)", 2, "after 2 s"),
    ],
)
def test_libraries_that_take_python_down_are_a_failure(
    reported: Any, by_name: Any, then: str, limit_s: float, said: str
) -> None:
    findings = by_name(examine_libraries(reported(TENSORFLOW, then=then), limit_s))
    assert findings["tensorflow"].state == "ok"
    assert findings["libraries"].state == "failure"
    assert said in findings["libraries"].found
