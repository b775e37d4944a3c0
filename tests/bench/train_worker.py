"""Our side of the training benchmark, told what to do; run by train.py as `... CORES`.

What is measured is the product's own training, `train_gpt` or `fit`, which waits for the harness
where it tells how far it is. With Keras' `fit` it is the same model.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gptfx.modules.config import ModelConfig, TokenizerConfig, TrainerConfig
from gptfx.modules.models.gpt import GPT
from gptfx.modules.tokenizers.configured import make_tokenizer
from gptfx.modules.tokenizers.kinds import count_pieces
from gptfx.modules.training.devices import use_all_cores
from gptfx.modules.training.loop import Watch, fit
from gptfx.modules.training.start import new_gpt
from gptfx.modules.training.step import cross_entropy
from gptfx.modules.training.train import train_gpt
from gptfx.modules.training.windows import InMemory

sys.path.insert(0, str(Path(__file__).parent))
from learning_text import halves, mean_loss, peak_megabytes, random_ids, read

Pause = Callable[..., None]


class Paced:
    """A training that runs in a thread and after each stretch waits until it is asked for more."""

    def __init__(self, train: Callable[[Pause], object]) -> None:
        self.train, self.go, self.done = train, Queue[None](), Queue[BaseException | None]()
        Thread(target=self._run, daemon=True).start()

    def stretch(self) -> tuple[float, float]:
        """Seconds that the next one took, and CPU seconds."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.go.put(None)
        if error := self.done.get():
            raise error
        return time.perf_counter() - wall, time.process_time() - cpu

    def _run(self) -> None:
        self.go.get()
        try:
            self.train(self._pause)
        except BaseException as error:
            self.done.put(error)

    def _pause(self, *_: object) -> None:
        self.done.put(None)
        self.go.get()


def train_ours(pause: Pause, model: ModelConfig, trainer: TrainerConfig, vocab_size: int) -> None:
    """As the product trains."""
    use_all_cores()
    stream = random_ids(vocab_size)
    watch = Watch(on_progress=pause)
    train_gpt(
        model, vocab_size, trainer, lambda: InMemory(stream, trainer, model.block_size), watch
    )


def train_keras(pause: Pause, model: ModelConfig, trainer: TrainerConfig, vocab_size: int) -> None:
    """As one would without it: `compile` and `fit`, windows from tf.data."""
    size = model.block_size + 1
    ids = random_ids(vocab_size).astype(np.int32)
    rows = tf.data.Dataset.from_tensor_slices(ids[: len(ids) // size * size].reshape(-1, size))
    batches = rows.shuffle(10_000).repeat().batch(trainer.batch_size, drop_remainder=True)
    batches = batches.map(lambda tokens: (tokens[:, :-1], tokens[:, 1:])).prefetch(1)
    gpt = new_gpt(model, vocab_size)
    optimizer = keras.optimizers.AdamW(
        trainer.learning_rate,
        weight_decay=trainer.weight_decay,
        beta_2=trainer.beta_2,
        global_clipnorm=trainer.gradient_clip,
    )
    gpt.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    paced = keras.callbacks.LambdaCallback(on_epoch_end=pause)
    count, endless = trainer.log_every, trainer.steps
    gpt.fit(batches, epochs=endless, steps_per_epoch=count, verbose=0, callbacks=[paced])


class Side:
    """What answers the harness: a method for each thing it can be asked."""

    def answer(self, do: str, **message: Any) -> Any:
        """See the method of that name."""
        return getattr(self, do)(**message)

    def start(
        self, how: str, model: dict[str, Any], trainer: dict[str, Any], vocab_size: int
    ) -> float:
        """Makes a model and trains it for a stretch on random ids; CPU seconds over a later one's.

        It is what is paid once, for the graph above all.
        """
        configured = ModelConfig(**model), TrainerConfig(**trainer)
        self.count = configured[1].log_every
        train = {"ours": train_ours, "keras-fit": train_keras}[how]
        self.paced = Paced(lambda pause: train(pause, *configured, vocab_size))
        return self.paced.stretch()[1] - self.paced.stretch()[1]

    def stretch(self) -> tuple[float, float]:
        """Seconds a step, and CPU seconds a step."""
        wall, cpu = self.paced.stretch()
        return wall / self.count, cpu / self.count

    def memory(
        self, model: dict[str, Any], trainer: dict[str, Any], vocab_size: int, window: int
    ) -> float:
        """Peak MiB of this process after a training on windows of `window` tokens."""
        use_all_cores()
        config = TrainerConfig(**trainer)
        gpt = new_gpt(ModelConfig(**model), vocab_size)
        fit(gpt, InMemory(random_ids(vocab_size), config, window), config, window)
        return peak_megabytes()

    def learn(
        self,
        model: dict[str, Any],
        trainer: dict[str, Any],
        tokenizer: dict[str, Any],
        corpus: str,
    ) -> dict[str, float]:
        """Learns a text; the loss, CPU seconds and number of parameters."""
        use_all_cores()
        config, trains = ModelConfig(**model), TrainerConfig(**trainer)
        text = read(corpus)
        train, held_out = (half.encode() for half in halves(text))
        made = make_tokenizer(TokenizerConfig(**tokenizer), count_pieces([train], "char"))
        stream, judged = (np.array(made.encode(half), np.int32) for half in (train, held_out))
        started = time.process_time()
        gpt, _ = train_gpt(
            config, made.vocab_size, trains, lambda: InMemory(stream, trains, config.block_size)
        )
        seconds = time.process_time() - started
        return {
            "loss": loss_on(gpt, judged, config.block_size),
            "seconds": seconds,
            "parameters": parameters(gpt, characters=len(set(text))),
        }


def loss_on(gpt: GPT, ids: np.ndarray, block_size: int) -> float:
    """Nats a token on ids (n,)."""
    score = tf.function(lambda inputs, targets: cross_entropy(gpt(inputs), targets))
    return mean_loss(lambda inputs, targets: float(score(inputs, targets)), ids, block_size)


def parameters(gpt: GPT, characters: int) -> int:
    """How many there are; without the rows of ids that stand for no character of the text."""
    tables = 1 if gpt.config.tie_embeddings else 2
    unused = (gpt.vocab_size - characters) * gpt.config.n_embd * tables
    return gpt.count_params() - unused


if __name__ == "__main__":
    from harness import serve

    cores = int(sys.argv[1])
    serve(Side().answer, cores)
