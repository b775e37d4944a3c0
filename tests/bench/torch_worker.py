"""PyTorch's side of the training benchmark, told what to do; run by train.py as `... CORES`."""

import sys
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
from learning_text import halves, mean_loss, peak_megabytes, random_ids, read
from torch_gpt import Shape, Training, loss_of


class Side:
    """What answers the harness: a method for each thing it can be asked."""

    def answer(self, do: str, **message: Any) -> Any:
        """See the method of that name."""
        return getattr(self, do)(**message)

    def start(self, shape: dict[str, Any], batch_size: int, stretch: int) -> bool:
        """Makes a model that is trained on random ids, `stretch` steps at a time."""
        made = Shape(**shape)
        ids = torch.from_numpy(random_ids(made.vocab_size))
        self.training = Training(made, ids, batch_size, steps=1_000_000, seed=1)
        self.count = stretch
        return True

    def stretch(self) -> tuple[float, float]:
        """Seconds a step, and CPU seconds a step."""
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(self.count):
            self.training.step()
        return (time.perf_counter() - wall) / self.count, (time.process_time() - cpu) / self.count

    def memory(self, shape: dict[str, Any], batch_size: int, window: int, steps: int) -> float:
        """Peak MiB of this process after so many steps on windows of `window` tokens."""
        made = Shape(**shape)
        ids = torch.from_numpy(random_ids(made.vocab_size))
        training = Training(made, ids, batch_size, steps, seed=1)
        for _ in range(steps):
            training.step(window)
        return peak_megabytes()

    def learn(
        self, shape: dict[str, Any], batch_size: int, steps: int, seed: int, corpus: str
    ) -> dict[str, float]:
        """Learns the characters of a text; the loss, CPU seconds and number of parameters."""
        text = read(corpus)
        numbers = {character: number for number, character in enumerate(sorted(set(text)))}
        train, held_out = (torch.tensor([numbers[c] for c in half]) for half in halves(text))
        started = time.process_time()
        made = Shape(vocab_size=len(numbers), **shape)
        training = Training(made, train, batch_size, steps, seed)
        for _ in range(steps):
            training.step()
        seconds = time.process_time() - started
        return {
            "loss": self._loss(training, held_out),
            "seconds": seconds,
            "parameters": sum(each.numel() for each in training.model.parameters()),
        }

    @torch.no_grad()
    def _loss(self, training: Training, ids: torch.Tensor) -> float:
        def loss(inputs: Any, targets: Any) -> float:
            return loss_of(training.model, *map(torch.from_numpy, (inputs, targets))).item()

        return mean_loss(loss, ids.numpy(), training.block_size)


if __name__ == "__main__":
    from harness import serve

    cores = int(sys.argv[1])
    torch.set_num_threads(cores)
    serve(Side().answer, cores)
