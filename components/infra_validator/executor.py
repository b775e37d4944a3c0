"""Starts the probe on a copy of the model, and blesses the model as TFX's InfraValidator does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils

from gptfx.components.exported import exported_folder
from gptfx.components.infra_validator.driver import BLESSED, MODEL, TIMEOUT_SECONDS

PROBE = Path(__file__).with_name("probe.py")
BLESSED_FILE, NOT_BLESSED_FILE = "INFRA_BLESSED", "INFRA_NOT_BLESSED"  # TFX's
# Custom properties of the blessing; the seconds are there as far as the probe came.
REASON, LOAD_SECONDS, FIRST_REQUEST_SECONDS = "reason", "load_seconds", "first_request_seconds"
FAILED = "failed"  # of the probe's report
LONGEST_REASON = 500  # characters


class Executor(base_executor.BaseExecutor):
    """Runs ServingValidator."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """Marks the `blessing` artifact; a model that does not answer is refused, and no error."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(input_dict["model"])
        timeout = int(str(exec_properties[TIMEOUT_SECONDS]))
        report = examine(exported_folder(model), Path(self._get_tmp_dir()), timeout)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        blessing.set_string_custom_property(MODEL, model.uri)
        blessing.set_int_custom_property(TIMEOUT_SECONDS, timeout)
        mark(blessing, report)


def examine(model: Path, work: Path, timeout_seconds: int) -> dict[str, Any]:
    """The probe's report of a model's folder, or what became of the probe."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        # Elsewhere, so that a model that reads files of the place it was made in is found out.
        copy = shutil.copytree(model, Path(folder, "model"))
        program = shutil.copy(PROBE, folder)  # whose own place is not to be found either
        try:
            done = subprocess.run(
                [sys.executable, "-I", program, str(copy)],
                cwd=folder,
                # On the CPU: the GPUs' memory is the pipeline's own.
                env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {FAILED: f"no answer within {timeout_seconds} s"}
    logging.info("The probe said:\n%s%s", done.stderr, done.stdout)
    return read_report(done)


def read_report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a probe that ended said in its last line, or how it ended where it said nothing."""
    last = (done.stdout.splitlines() or [""])[-1]
    if done.returncode == 0 and last.startswith("{"):
        report: dict[str, Any] = json.loads(last)
        return report
    if done.returncode < 0:
        ending = f"was killed by {signal.Signals(-done.returncode).name}"
    else:
        ending = f"ended with code {done.returncode}"
    # Behind the last words of a process that is killed TensorFlow writes a trace of addresses.
    said = (line.strip() for line in done.stderr.splitlines())
    words = [line for line in said if line and not line.startswith(("@", "***", "PC:"))]
    return {FAILED: f"the process that asked the model {ending}: {words[-1] if words else ''}"}


def mark(blessing: Artifact, report: dict[str, Any]) -> None:
    """Writes TFX's marker file and `blessed`, and beside them the reason and the seconds."""
    reason = " ".join(str(report.get(FAILED, "")).split())[:LONGEST_REASON]
    if reason:
        logging.error("The model is refused: %s", reason)
    else:
        logging.info("The model answers: %s", report)
    Path(blessing.uri, NOT_BLESSED_FILE if reason else BLESSED_FILE).touch()
    blessing.set_int_custom_property(BLESSED, int(not reason))
    blessing.set_string_custom_property(REASON, reason)
    for name in (LOAD_SECONDS, FIRST_REQUEST_SECONDS):
        if name in report:
            blessing.set_float_custom_property(name, float(report[name]))
