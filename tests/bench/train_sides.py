"""The two sides of the training benchmark: what each trains, and how it is started."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from harness import Worker, host_python, peer_python, threads

HERE = Path(__file__).parent
PEERS = ["torch==2.13.0", "numpy"]
PRESET = "shakespeare-char-cpu"
VOCAB_SIZE = 65  # tinyshakespeare's characters
ENDLESS = 1_000_000  # steps of a training that is only timed


class Size(NamedTuple):
    """Of a model and its batch; `stretch` is how many steps are timed together."""

    n_layer: int
    n_head: int
    n_embd: int
    block_size: int
    batch_size: int
    stretch: int

    @property
    def shape(self) -> dict[str, int]:
        """What both sides' models are told."""
        names = ("n_layer", "n_head", "n_embd", "block_size")
        return {name: getattr(self, name) for name in names}


SIZES = {  # nanoGPT's for a CPU and for a GPU, characters both
    "small": Size(4, 4, 128, 64, 12, stretch=20),
    "baby": Size(6, 6, 384, 256, 16, stretch=2),
}
NANOGPT = {  # its optimizer's settings, for our side
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "min_learning_rate_ratio": 0.1,
    "warmup_steps": 100,
    "beta_2": 0.99,
    "weight_decay": 0.1,
    "windows": "random",
    "device": "cpu",
}


def our_side(cores: int = 1) -> Worker:
    """A process with gptfx in it."""
    command = [sys.executable, str(HERE / "train_worker.py"), str(cores)]
    return Worker(command, threads(cores))


def torch_side(cores: int = 1) -> Worker:
    """A process with PyTorch in it."""
    python = peer_python("torch", PEERS, host_python())
    return Worker([python, str(HERE / "torch_worker.py"), str(cores)], threads(cores))


def start_nanogpt(worker: Worker, size: Size, how: str = "ours") -> float:
    """Our side trains nanoGPT's architecture with nanoGPT's optimizer, or Keras' `fit` does."""
    timed = {"steps": ENDLESS, "log_every": size.stretch, "batch_size": size.batch_size}
    model, trainer = {"bias": False, **size.shape}, {**NANOGPT, **timed}
    return worker.ask(do="start", how=how, model=model, trainer=trainer, vocab_size=VOCAB_SIZE)


def start_preset(worker: Worker, size: Size) -> float:
    """Our side trains the preset, whose tokenizer has an id for every byte."""
    model, trainer, _ = preset()
    trainer |= {"steps": ENDLESS, "log_every": size.stretch}
    return worker.ask(do="start", how="ours", model=model, trainer=trainer, vocab_size=257)


def start_torch(worker: Worker, size: Size) -> None:
    """PyTorch trains nanoGPT."""
    shape = {"vocab_size": VOCAB_SIZE, **size.shape}
    worker.ask(do="start", shape=shape, batch_size=size.batch_size, stretch=size.stretch)


def preset(changes: tuple[str, ...] = ()) -> tuple[dict[str, Any], ...]:
    """The sections `model`, `trainer` and `tokenizer` of the preset, with changes, for a CPU."""
    from gptfx.pipeline.config import load_config  # not for --list

    config = load_config(PRESET, [*changes, "trainer.device=cpu"])
    return tuple(each.model_dump() for each in (config.model, config.trainer, config.tokenizer))
