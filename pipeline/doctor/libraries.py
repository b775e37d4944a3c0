"""Do TensorFlow and TFX import, and does TensorFlow see the GPU that the driver sees?"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from gptfx.pipeline.doctor.finding import Finding, failure, ok, warning
from gptfx.pipeline.doctor.host import MAKE_AGAIN
from gptfx.pipeline.doctor.probe import MARK

# The working directory, which -c puts first, may hold a file of any module's name.
CODE = (
    "import sys; sys.path[:] = [folder for folder in sys.path if folder]; "
    "from gptfx.pipeline.doctor import probe; probe.main()"
)
LIMIT_S = 300  # six seconds where bytecode is there and nothing else runs; minutes without
SMI_LIMIT_S = 20
QUERY = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]


def start_probe() -> subprocess.Popen:
    """Starts the imports, to be looked at when the other checks are done."""
    return subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )


def examine_libraries(
    probe: subprocess.Popen, limit_s: float = LIMIT_S, wanted_gpus: int = 0
) -> Iterator[Finding]:
    """TensorFlow, GPUs (of which a run asks for so many), and all else that a run imports."""
    try:
        out, _ = probe.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        probe.kill()
        out, _ = probe.communicate()
    said = [json.loads(row.removeprefix(MARK)) for row in out.splitlines() if row.startswith(MARK)]
    steps = {report["step"]: report for report in said}
    tensorflow = steps.get("tensorflow")
    if tensorflow:
        yield ok("tensorflow", _describe(tensorflow))
        yield _examine_gpu(tensorflow, *_listed_gpus(), wanted_gpus)
    if "libraries" in steps:
        yield ok("libraries", "everything that a run imports can be imported")
        return
    reason, remedy = _trouble(steps.get("error"), probe.returncode, limit_s)
    yield failure("libraries" if tensorflow else "tensorflow", reason, remedy)


def _describe(tensorflow: dict[str, Any]) -> str:
    cuda = f"built for CUDA {tensorflow['cuda']}, cuDNN {tensorflow['cudnn']}"
    return f"{tensorflow['version']}, {cuda if tensorflow['is_cuda_build'] else 'without CUDA'}"


def _trouble(error: dict[str, Any] | None, code: int, limit_s: float) -> tuple[str, str]:
    """Why the probe did not come to its end, and what to do."""
    if error:
        remedy = f"{MAKE_AGAIN}; if that is no help, something on PYTHONPATH hides a package"
        return f"cannot be imported: {error['reason']}", remedy
    if code == -signal.SIGKILL:
        what = f"the import was ended, by the system or after {limit_s:g} s without a result"
        return what, "end other programs, then try again"
    if code == -signal.SIGILL:
        return "the processor lacks instructions", "use a machine whose processor has AVX"
    return f"the import ended Python with code {code}", MAKE_AGAIN


def _listed_gpus() -> tuple[list[str], str]:
    """The GPUs that the driver lists, each with the driver's version; and what it complains of."""
    try:
        done = subprocess.run(QUERY, capture_output=True, text=True, timeout=SMI_LIMIT_S)
    except FileNotFoundError:
        return [], ""
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], str(error)
    rows = [row.strip() for row in done.stdout.splitlines() if row.strip()]
    return ([], " ".join(rows) or done.stderr) if done.returncode else (rows, "")


def _examine_gpu(
    tensorflow: dict[str, Any], listed: list[str], complaint: str, wanted: int
) -> Finding:
    if (found := len(tensorflow["gpus"])) < wanted:
        asked = f"{found} for TensorFlow, where trainer.device and trainer.gpus ask for {wanted}"
        remedy = _gpu_remedy(tensorflow) if listed else "set trainer.device=cpu, or find a GPU"
        return failure("gpu", asked, remedy)
    if tensorflow["gpus"]:
        return ok("gpu", f"{len(tensorflow['gpus'])}: {', '.join(tensorflow['gpus'])}")
    if listed:
        hidden = f"none for TensorFlow, though the driver lists {', '.join(listed)}"
        return warning("gpu", hidden, _gpu_remedy(tensorflow))
    if complaint:
        remedy = "if this machine has a GPU, mend its driver; else nothing: the CPU trains"
        return warning("gpu", f"none; nvidia-smi fails: {complaint}", remedy)
    return ok("gpu", "none: the CPU trains")


def _gpu_remedy(tensorflow: dict[str, Any]) -> str:
    if not tensorflow["is_cuda_build"]:
        return f"{MAKE_AGAIN}: this TensorFlow is built without CUDA"
    package = f"'tensorflow[and-cuda]=={tensorflow['version']}'"
    return (
        f"install CUDA's libraries: uv pip install --python {sys.executable} {package}; the driver "
        f"must be new enough for CUDA {tensorflow['cuda']}; CUDA_VISIBLE_DEVICES must not hide it"
    )
