"""What a training ran on: processor, cores, memory, GPUs."""

import platform
import re
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from gptfx.modules import limits

PROC = Path("/proc")
GIB = 1 << 30
UNNAMED = "a GPU without a name"


class Hardware(NamedTuple):
    """Of the process that asks.

    Attributes:
      processor: its model; where that is not said (as on ARM), its architecture.
      cores: that may be used; a fraction where a share of time is granted.
      memory_gib: that may be used, in 2^30 bytes.
      gpus: the names of those that TensorFlow sees.
      tensorflow: its version.
    """

    processor: str
    cores: float
    memory_gib: float
    gpus: tuple[str, ...]
    tensorflow: str


def hardware(proc: Path = PROC) -> Hardware:
    """What there is here."""
    total, _ = limits.memory(proc)
    gpus = tuple(_name(gpu) for gpu in tf.config.list_physical_devices("GPU"))
    gib = round(total / GIB, 2)
    return Hardware(_processor(proc), limits.cores(proc), gib, gpus, str(tf.__version__))


def _processor(proc: Path) -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", (proc / "cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _name(gpu: tf.config.PhysicalDevice) -> str:
    return str(tf.config.experimental.get_device_details(gpu).get("device_name", UNNAMED))
