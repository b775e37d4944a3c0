"""What a training ran on is what the system says of itself."""

import platform
from pathlib import Path

import pytest
import tensorflow as tf

from gptfx.modules.training import hardware as asked
from gptfx.modules.training.hardware import hardware

CPUINFO = "processor\t: 0\nmodel name\t: Tiny CPU @ 1 kHz\n\nprocessor\t: 1\nmodel name\t: Other\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc of a machine with 3 GiB."""
    (tmp_path / "meminfo").write_text("MemTotal: 3145728 kB\nMemAvailable: 1 kB\n")
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    return tmp_path


def test_the_processor_has_the_name_of_its_model(proc: Path) -> None:
    found = hardware(proc)
    assert (found.processor, found.memory_gib) == ("Tiny CPU @ 1 kHz", 3.0)
    assert found.cores > 0
    assert found.tensorflow == tf.__version__


def test_a_processor_without_one_has_that_of_its_architecture(proc: Path) -> None:
    (proc / "cpuinfo").write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert hardware(proc).processor == platform.machine()


def test_gpus_are_named_as_tensorflow_names_them(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = {"first": {"device_name": "Tiny GPU"}, "second": {}}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: list(details))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details.__getitem__)
    assert hardware(proc).gpus == ("Tiny GPU", asked.UNNAMED)
