"""Fits a small GPT in a process of its own, which a test may kill: ``training_worker.py JSON``.

The JSON holds `config`, changes of TrainerConfig; `checkpoints` and `out`, folders; `kill_at`,
a step after which the process sends itself `signal`, SIGKILL if none is named; and `replicas`, into
so many devices the CPU is taken apart, which mirror each other as GPUs would. Writes weights and
losses into `out`.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from gptfx.modules.config import ModelConfig, TrainerConfig
from gptfx.modules.progress import Progress
from gptfx.modules.training import devices
from gptfx.modules.training.cluster import is_chief
from gptfx.modules.training.loop import Watch
from gptfx.modules.training.train import train_gpt
from gptfx.modules.training.windows import InMemory

STREAM = np.random.default_rng(0).integers(0, 16, 2000).astype(np.int32)
MODEL = {"block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 8}
CONFIG = {
    "steps": 60,
    "log_every": 5,
    "batch_size": 4,
    "warmup_steps": 5,
    "learning_rate": 0.01,
    "optimizer": "muon",
    "device": "cpu",
}


def main(task: dict) -> None:
    config = TrainerConfig.model_validate({**CONFIG, **task.get("config", {})})

    def tell(progress: Progress) -> None:
        print(progress.done, flush=True)
        if progress.done == task.get("kill_at"):
            os.kill(os.getpid(), signal.Signals[task.get("signal", "SIGKILL")])

    if count := task.get("replicas"):
        (cpu,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(cpu, parts)
        devices._devices = lambda _: [f"/cpu:{index}" for index in range(count)]
    folder = task.get("checkpoints")
    watch = Watch(checkpoints=Path(folder) if folder else None, on_progress=tell)
    model = ModelConfig.model_validate({**MODEL, **task.get("model", {})})
    gpt, points = train_gpt(model, 16, config, lambda: InMemory(STREAM, config, 8), watch)
    if is_chief():
        out = Path(task["out"])
        np.savez(out / "weights.npz", *[weight.numpy() for weight in gpt.weights])
        (out / "losses.json").write_text(json.dumps([point.loss for point in points]))


main(json.loads(sys.argv[1]))
