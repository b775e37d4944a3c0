"""How fast one thread reads memory, in several ways of PyTorch's; run by generate.py."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

WIDTH, ROWS = 768, 3 * 50_257  # three of GPT-2's output tables: 463 MB
REPEAT = 10


class Side:
    """What answers the harness."""

    def __init__(self) -> None:
        table = torch.randn(ROWS, WIDTH)
        halves = table.view(-1).chunk(2)
        by_row, by_column = torch.randn(WIDTH), torch.randn(ROWS)
        self.bytes = 4 * table.numel()
        self.ways: dict[str, Callable[[], object]] = {
            "sum": table.sum,
            "dot": lambda: torch.dot(*halves),
            "matrix times vector": lambda: torch.mv(table, by_row),
            "vector times matrix": lambda: torch.mv(table.T, by_column),
            "the output table times vector": lambda: [
                torch.mv(part, by_row) for part in table.chunk(3)
            ],
        }

    def answer(self) -> dict[str, float]:
        """GB a CPU second by the name of the way."""
        return {name: self.bytes / 1e9 / _seconds(way) for name, way in self.ways.items()}


def _seconds(way: Callable[[], object]) -> float:
    """The mean of several times, which take about as long as a request to the model."""
    cpu = time.process_time()
    for _ in range(REPEAT):
        way()
    return (time.process_time() - cpu) / REPEAT


if __name__ == "__main__":
    from harness import serve

    torch.set_num_threads(1)
    serve(Side().answer)
