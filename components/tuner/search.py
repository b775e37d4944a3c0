"""The search: KerasTuner draws values, a trial fits a model with them, the lowest loss wins."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_tuner import HyperParameters, Objective
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.errors import FailedTrialError, FatalError
from keras_tuner.oracles import RandomSearchOracle

from gptfx.data.errors import InputError
from gptfx.modules.config import TunerConfig
from gptfx.modules.progress import Progress, notice, report
from gptfx.modules.training.loop import DivergedError

LOSS = "validation_nats_per_token"
Fit = Callable[[dict[str, Any], Callable[[Progress], None]], float]


def space(tuner: TunerConfig) -> HyperParameters:
    """What is searched."""
    parameters, (low, high) = HyperParameters(), tuner.learning_rate
    if low == high:
        parameters.Fixed("learning_rate", low)
    else:
        parameters.Float("learning_rate", low, high, sampling="log")
    parameters.Choice("n_embd", list(tuner.n_embd))
    parameters.Choice("n_layer", list(tuner.n_layer))
    return parameters


class Search(BaseTuner):
    """Random search; the same seed draws the same values.

    A trial that diverges has failed, and the search goes on; whatever else a trial raises ends it.
    """

    def __init__(self, tuner: TunerConfig, fit: Fit, folder: Path) -> None:
        """Makes a search that is started by `search`.

        Args:
          tuner: what is searched, and how long; nothing of it is null.
          fit: from hyperparameters as KerasTuner writes them, and a listener to progress, to nats a
            token on the eval split.
          folder: where KerasTuner keeps its notes.
        """
        self.tuner, self.fit, self.started = tuner, fit, time.monotonic()
        oracle = RandomSearchOracle(
            objective=Objective(LOSS, "min"),
            max_trials=tuner.trials,
            seed=tuner.seed,
            hyperparameters=space(tuner),
            max_consecutive_failed_trials=tuner.trials + 1,  # the answer to that is ours
        )
        super().__init__(oracle, directory=str(folder), project_name="search", overwrite=True)

    def search(self, *arguments: Any, **named: Any) -> None:
        """See BaseTuner. Raises InputError where every trial failed, and what a trial raises."""
        try:
            super().search(*arguments, **named)
        except FatalError as error:
            raise error.__cause__ or error from None

    def run_trial(self, trial: Trial, *_: Any, **__: Any) -> dict[str, float]:
        """The loss of one trial."""
        try:
            loss = self.fit(trial.hyperparameters.get_config(), self._tell)
        except DivergedError as error:
            raise FailedTrialError(str(error)) from error
        except Exception as error:  # KerasTuner would only count it as one more that failed
            raise FatalError(str(error)) from error
        if not math.isfinite(loss):
            raise FailedTrialError(f"the loss on the eval split is {loss}")
        return {LOSS: loss}

    def _tell(self, told: Progress) -> None:
        """Where the whole search stands, told by the trial that runs."""
        number, trials, steps = len(self.oracle.trials), self.tuner.trials, self.tuner.steps
        done, total = (number - 1) * steps + told.done, trials * steps
        left = (time.monotonic() - self.started) / done * (total - done)
        what = f"tuning, trial {number}/{trials}"
        report(replace(told, what=what, done=done, total=total, seconds_left=left))

    def on_search_end(self) -> None:
        """Says what was found."""
        trials = self.oracle.get_best_trials(self.tuner.trials)
        good = [trial for trial in trials if trial.status == TrialStatus.COMPLETED]
        if not good:
            low, high = self.tuner.learning_rate
            raise InputError(
                "every trial of the tuner diverged",
                f"tuner.learning_rate = [{low}, {high}], {len(trials)} trials",
                "set a lower tuner.learning_rate or trainer.gradient_clip",
            )
        notice(summary(good[0], len(trials), len(trials) - len(good), self.tuner.steps))


def summary(best: Trial, trials: int, failed: int, steps: int) -> str:
    """What a search found, in a line."""
    values = best.hyperparameters.values
    diverged = f", of which {failed} diverged" if failed else ""
    return (
        f"best of {trials} trials{diverged}: learning_rate {values['learning_rate']:.3g},"
        f" n_embd {values['n_embd']}, n_layer {values['n_layer']};"
        f" {best.score:.3f} nats/token on the eval split after {steps} steps"
    )
