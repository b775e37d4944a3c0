"""What runs in a pod: ``python -m gptfx.kubeflow.entrypoint``, as the package says.

TFX's own entrypoint fails on the open-source backend: see `executor_input`. This one also runs the
node's driver, which the backend does not, and says in one line what went wrong where the page of
the run shows it.
"""

import argparse
import logging
import posixpath
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx.components.example_gen.driver import update_output_artifact
from tfx.components.example_gen.utils import FINGERPRINT_PROPERTY_NAME
from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.dsl.io import fileio
from tfx.utils import import_utils

from gptfx.data.errors import InputError
from gptfx.kubeflow.executor_input import ExecutorInput
from gptfx.kubeflow.job_service import require_job_service

TERMINATION_LOG = Path("/dev/termination-log")  # Kubernetes shows its words with the pod
LONGEST_LINE = 2000  # bytes; Kubernetes keeps 4096
BAD_INPUT, FAILURE = 2, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a node; exit codes: 0 done, 1 a failure, 2 bad input."""
    known, beam_args = _parser().parse_known_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        run(known, beam_args)
    except Exception as error:
        traceback.print_exc()
        is_ours = isinstance(error, InputError)
        _report(str(error) if is_ours else f"{type(error).__name__}: {error}")
        return BAD_INPUT if is_ours else FAILURE
    return 0


def _parser() -> argparse.ArgumentParser:
    # The names are TFX's, but for the first two, which TFX has no need of.
    parser = argparse.ArgumentParser(prog="gptfx.kubeflow.entrypoint", allow_abbrev=False)
    parser.add_argument("--driver_class_path", help="Looks at the world before the node runs.")
    parser.add_argument("--keep_scheme", help="URIs to read and write as they are: of Beam's.")
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args", default="{}")
    return parser


def run(known: argparse.Namespace, beam_args: Sequence[str]) -> None:
    """Runs the driver, if there is one, and the executor, and writes what was made."""
    execution = ExecutorInput(
        known.json_serialized_invocation_args,
        known.json_serialized_inputs_spec_args,
        known.keep_scheme,
    )
    if known.driver_class_path:
        _observe(known.driver_class_path, execution)
    for made in execution.outputs.values():
        for artifact in made:
            fileio.makedirs(artifact.uri)
    executor = _executor(known.executor_class_path, execution, beam_args)
    executor.Do(execution.inputs, execution.outputs, execution.parameters)
    output = Path(execution.output_file)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(execution.executor_output(), encoding="utf-8")


def _require_job_service(beam_args: Sequence[str]) -> None:
    for name, _, endpoint in (word.partition("=") for word in beam_args):
        if name == "--job_endpoint":
            require_job_service(endpoint)


def _observe(class_path: str, execution: ExecutorInput) -> None:
    """What the driver sees becomes parameters, and an ExampleGen's, properties of its examples."""
    driver = import_utils.import_class_by_path(class_path)(None)  # there is no metadata store
    execution.parameters.update(driver.observe(execution.inputs, dict(execution.parameters)))
    if FINGERPRINT_PROPERTY_NAME in execution.parameters:
        for made in execution.outputs.values():
            update_output_artifact(execution.parameters, made[0].mlmd_artifact)


def _executor(class_path: str, execution: ExecutorInput, beam_args: Sequence[str]) -> Any:
    kind = import_utils.import_class_by_path(class_path)
    # Beside the outputs, not in /tmp: Beam's workers may be elsewhere, and see no more than these.
    beside = posixpath.dirname(next(iter(execution.outputs.values()))[0].uri)
    where = {"unique_id": posixpath.basename(beside), "tmp_dir": posixpath.join(beside, ".temp")}
    if issubclass(kind, base_beam_executor.BaseBeamExecutor):
        _require_job_service(beam_args)
        return kind(kind.Context(beam_pipeline_args=list(beam_args), **where))
    return kind(base_executor.BaseExecutor.Context(extra_flags=list(beam_args), **where))


def _report(line: str) -> None:
    """In one line, last on standard error and in the pod's status."""
    line = " ".join(f"gptfx: {line}".split())
    print(line, file=sys.stderr, flush=True)
    if TERMINATION_LOG.exists():
        TERMINATION_LOG.write_bytes(line.encode()[:LONGEST_LINE])


if __name__ == "__main__":
    sys.exit(main())
