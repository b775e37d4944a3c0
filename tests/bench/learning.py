"""The rows about what is learned: final losses at equal tokens and at equal CPU seconds.

A training run costs minutes, so each is made once and serves every row.
"""

import statistics
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from harness import Row, medians, say
from train_sides import (
    PRESET,
    SIZES,
    our_side,
    preset,
    start_preset,
    start_torch,
    torch_side,
)

STEPS = 2000  # nanoGPT's
SMALL = SIZES["small"]
UNIT = "nats/char"
MORE_PARAMETERS, MORE_SECONDS = 1.01, 1.03  # what our side may have of them
ABLATIONS = {  # each takes one thing back
    "optimizer=adamw": ("trainer.optimizer=adamw", "trainer.learning_rate=0.004"),
    "positions=learned": ("model.positions=learned",),
    "norm=layernorm": ("model.norm=layernorm",),
    "qk_norm=false": ("model.qk_norm=false",),
    "tie_embeddings=true": ("model.tie_embeddings=true",),
    "zero_init=false": ("model.zero_init=false",),
    "windows=random": ("trainer.windows=random",),
    "schedule=warmup-cosine": ("trainer.schedule=warmup-cosine",),
    "activation=relu2": ("model.activation=relu2",),
}


class Run(NamedTuple):
    """A training that is over.

    Attributes:
      loss: on the last tenth of the text, nats a character.
      seconds: CPU seconds of the training alone, on one core.
      parameters: of the model; not those of ids that stand for no character of the text.
    """

    loss: float
    seconds: float
    parameters: int


class Costs(NamedTuple):
    """CPU seconds: of our graph, of a step of ours, of a step of theirs."""

    once: float
    ours: float
    theirs: float


class Learning:
    """Both sides' runs on a text."""

    def __init__(self, corpus: Path, seeds: int | None, steps: int | None) -> None:
        """So many seeds, 3 or for ablations 1 if None; and so many steps, nanoGPT's if None."""
        self.corpus, self.seeds, self.steps = str(corpus), seeds, steps or STEPS
        self.runs: dict[object, Run] = {}
        self.measured: Costs | None = None

    # --- rows -------------------------------------------------------------------------------------

    def equal_tokens(self, name: str) -> Row:
        """The preset and nanoGPT's recipe on as many tokens."""
        return self._against_nanogpt(name, lambda seed: self.ours(seed, self.steps))

    def equal_seconds(self, name: str, share: float = 1.0) -> Row:
        """The preset in a share of the CPU seconds that nanoGPT's recipe took."""
        return self._against_nanogpt(name, lambda seed: self._within(share, seed))

    def ablation(self, name: str) -> Row:
        """The preset with one thing taken back, against the preset."""
        changes = ABLATIONS[name.removeprefix("ablate/")]
        seeds = range(1, (self.seeds or 1) + 1)
        changed = _mean_loss(self.ours(seed, self.steps, changes) for seed in seeds)
        whole = _mean_loss(self.ours(seed, self.steps) for seed in seeds)
        return Row(name, changed, PRESET, whole, UNIT, "lower")

    def _against_nanogpt(self, name: str, train: Callable[[int], Run]) -> Row:
        seeds = range(1, (self.seeds or 3) + 1)
        theirs = [self.theirs(seed) for seed in seeds]
        ours = [train(seed) for seed in seeds]
        require_no_larger(ours[0], theirs[0])
        return Row(name, _mean_loss(ours), "nanoGPT in PyTorch", _mean_loss(theirs), UNIT, "lower")

    # --- runs -------------------------------------------------------------------------------------

    def ours(self, seed: int, steps: int, changes: tuple[str, ...] = ()) -> Run:
        """The preset, perhaps changed, on one core."""
        key = ("ours", seed, steps, changes)
        if key not in self.runs:
            say(f"training {' '.join((PRESET, *changes))}: seed {seed}, {steps} steps")
            model, trainer, tokenizer = preset(changes)
            trainer |= {"steps": steps, "seed": seed}
            sections = {"model": model, "trainer": trainer, "tokenizer": tokenizer}
            with our_side() as worker:
                self._keep(key, worker.ask(do="learn", corpus=self.corpus, **sections))
        return self.runs[key]

    def theirs(self, seed: int) -> Run:
        """nanoGPT's recipe, on one core."""
        key = ("theirs", seed)
        if key not in self.runs:
            say(f"training nanoGPT in PyTorch: seed {seed}, {self.steps} steps")
            size = {"shape": SMALL.shape, "batch_size": SMALL.batch_size, "steps": self.steps}
            with torch_side() as worker:
                self._keep(key, worker.ask(do="learn", seed=seed, corpus=self.corpus, **size))
        return self.runs[key]

    def _keep(self, key: object, answer: dict[str, float]) -> None:
        run = self.runs[key] = Run(answer["loss"], answer["seconds"], int(answer["parameters"]))
        say(f"  {run.loss:.4f} {UNIT}, {run.seconds:.1f} CPU s, {run.parameters:,} parameters")

    def _within(self, share: float, seed: int) -> Run:
        """The preset with as many steps as fit."""
        budget = share * self.theirs(seed).seconds
        steps = self._fitting(share)
        while True:
            run = self.ours(seed, steps)
            say(f"  {run.seconds:.1f} CPU s of {budget:.1f}")
            if run.seconds <= MORE_SECONDS * budget or steps == 1:
                return run
            steps = max(1, int(steps * budget / run.seconds))

    def _fitting(self, share: float) -> int:
        """Steps of ours that cost a share of all of theirs, our graph included."""
        costs = self._costs()
        return max(1, int((share * self.steps * costs.theirs - costs.once) / costs.ours))

    def _costs(self) -> Costs:
        """Measured in turn on one core, so that the machine's moods fall on both alike."""
        if self.measured is None:
            with our_side() as mine, torch_side() as other:
                once = start_preset(mine, SMALL)
                start_torch(other, SMALL)
                pair = [lambda side=side: side.ask(do="stretch")[1] for side in (mine, other)]
                self.measured = Costs(once, *medians(*pair, rounds=7))
            once, ours, theirs = self.measured
            say(f"CPU ms a step: {1e3 * ours:.1f}, theirs {1e3 * theirs:.1f}; graph {once:.1f} s")
        return self.measured


def require_no_larger(ours: Run, theirs: Run) -> None:
    """Ends the program if our model is: a larger one learns more from as many tokens."""
    if ours.parameters > MORE_PARAMETERS * theirs.parameters:
        say(f"ours has {ours.parameters:,} parameters, theirs {theirs.parameters:,}: not equal")
        raise SystemExit(1)


def _mean_loss(runs: Iterable[Run]) -> float:
    return statistics.mean(run.loss for run in runs)
