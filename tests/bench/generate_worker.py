"""Our side of the generation benchmark, told what to do; run by generate.py.

What is measured is the exported SavedModel, read back from disk, asked as a server would ask it.
"""

import sys
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parent))


class Side:
    """What answers the harness: a method for each thing it can be asked."""

    def answer(self, do: str, **message: Any) -> Any:
        """See the method of that name."""
        return getattr(self, do)(**message)

    def load(self, folder: str) -> float:
        """Seconds that it takes."""
        wall = time.perf_counter()
        self.model = tf.saved_model.load(folder)
        return time.perf_counter() - wall

    def write(
        self, signature: str, prompts: list[str], count: int, repeat: int = 1
    ) -> dict[str, Any]:
        """Texts of so many tokens, the likeliest ones; seconds and CPU seconds of a request.

        Prompts are strings and texts come back as strings, so that both are part of what is timed;
        so is making the tensors, as on the peer's side.
        """
        ask = self.model.signatures[signature]
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(repeat):
            answer = {name: value.numpy() for name, value in ask(**greedy(prompts, count)).items()}
        return {
            "wall": (time.perf_counter() - wall) / repeat,
            "cpu": (time.process_time() - cpu) / repeat,
            "made": answer["tokens"].tolist(),
            "texts": [text.decode() for text in answer["text"].tolist()],
        }


def greedy(prompts: list[str], count: int) -> dict[str, tf.Tensor]:
    """What `generate` and `generate_compiled` take."""
    rows = [len(prompts)]
    return {
        "prompt": tf.constant(prompts),
        "max_new_tokens": tf.fill(rows, count),
        "temperature": tf.zeros(rows),
        "top_k": tf.zeros(rows, tf.int32),
        "top_p": tf.ones(rows),
        "seed": tf.zeros(rows, tf.int64),
    }


if __name__ == "__main__":
    from harness import serve

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    serve(Side().answer)
