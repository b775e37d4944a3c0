"""Devices: what is asked for is used or refused, and two workers learn what one learns."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.cluster import is_chief, workers
from gptfx.modules.training.devices import parts_side_by_side, strategy

WORKER = Path(__file__).with_name("training_worker.py")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"device": "gpu"}, "the GPU that was asked for is not there"),
        ({"device": "auto", "gpus": 1}, "the GPU that was asked for is not there"),
        ({"device": "gpu", "gpus": 4}, "there are too few GPUs"),
    ],
)
def test_a_gpu_that_is_asked_for_and_not_there_is_an_error(
    asked: dict[str, object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    with pytest.raises(
        InputError, match=f"{said}.*found 0.*without trainer.gpus.*trainer.device=cpu"
    ):
        strategy(TrainerConfig.model_validate(asked))


def test_the_cpu_is_used_where_it_is_asked_for_or_alone_there() -> None:
    for device in ("cpu", "auto"):
        chosen = strategy(TrainerConfig.model_validate({"device": device}))
        if device == "cpu" or not tf.config.list_physical_devices("GPU"):
            assert "CPU:0" in str(chosen.extended.worker_devices)


def test_several_gpus_mirror_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["a", "b", "c"])
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", asked.append)
    strategy(TrainerConfig())
    strategy(TrainerConfig(gpus=2))
    assert asked == [["/gpu:0", "/gpu:1", "/gpu:2"], ["/gpu:0", "/gpu:1"]]


def test_without_a_cluster_there_is_one_worker_and_it_is_the_chief(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert (workers(), is_chief()) == (1, True)
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    assert (workers(), is_chief()) == (2, False)
    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(InputError, match="TF_CONFIG cannot be read"):
        workers()
    monkeypatch.setenv("TF_CONFIG", json.dumps({**cluster, "task": {"index": 2}}))
    with pytest.raises(InputError, match="index 2 of 2 workers"):
        is_chief()


def test_a_batch_is_cut_only_where_every_product_has_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = tf.config.threading
    monkeypatch.setattr(threads, "get_inter_op_parallelism_threads", lambda: 4)
    monkeypatch.setattr(threads, "get_intra_op_parallelism_threads", lambda: 1)
    assert parts_side_by_side(TrainerConfig(device="cpu")) == 4
    monkeypatch.setattr(threads, "get_intra_op_parallelism_threads", lambda: 0)
    assert parts_side_by_side(TrainerConfig(device="cpu")) == 1


def start(out: Path, tf_config: dict | None, **entries: object) -> subprocess.Popen[str]:
    """A training of 30 steps."""
    environment = {key: value for key, value in os.environ.items() if key != "TF_CONFIG"}
    if tf_config:
        environment["TF_CONFIG"] = json.dumps(tf_config)
    out.mkdir(exist_ok=True)
    task = {"config": {"steps": 30, "log_every": 1, "ema": 0.5}, "out": str(out), **entries}
    command = [sys.executable, str(WORKER), json.dumps(task)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finish(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors[-2000:]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process on one device comes to."""
    out = tmp_path_factory.mktemp("alone")
    finish(start(out, None))
    return out


def assert_same_training(ours: Path, theirs: Path) -> None:
    """The same losses and weights, but for the order in which numbers were added."""
    losses = [json.loads((out / "losses.json").read_text()) for out in (ours, theirs)]
    assert len(losses[0]) == 30
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    with np.load(ours / "weights.npz") as mine, np.load(theirs / "weights.npz") as yours:
        for name in yours:
            np.testing.assert_allclose(mine[name], yours[name], atol=1e-4)


def test_two_workers_have_the_losses_and_weights_of_one_with_the_same_batch(
    alone: Path, two_workers: list[dict], tmp_path: Path
) -> None:
    finish(*(start(tmp_path, each) for each in two_workers))
    assert_same_training(tmp_path, alone)


def test_two_devices_that_mirror_each_other_have_the_losses_of_one(
    alone: Path, tmp_path: Path
) -> None:
    finish(start(tmp_path, None, replicas=2))
    assert_same_training(tmp_path, alone)
