"""TFX's entry to tuning: reads what Transform wrote, and makes the search that it then starts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from gptfx.components.tokenizer_input import TOKENIZER_FOLDER
from gptfx.components.trainer.data import Data
from gptfx.components.trainer.tuned import tuned
from gptfx.components.tuner.search import Search
from gptfx.modules.config import ModelConfig, TrainerConfig, TunerConfig
from gptfx.modules.progress import Progress
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.modules.training.loop import Watch
from gptfx.modules.training.train import train_gpt


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """A search whose trials are trainings as the Trainer's, on the train split."""
    config = {key: value for key, value in fn_args.custom_config.items() if key != TOKENIZER_FOLDER}
    tokenizer = Tokenizer.load(Path(fn_args.custom_config[TOKENIZER_FOLDER]))
    data = Data(fn_args, config, tokenizer)

    def fit(hyperparameters: dict[str, Any], on_progress: Callable[[Progress], None]) -> float:
        chosen = tuned(config, hyperparameters)
        return validation_loss(chosen, tokenizer, data, on_progress)

    search = Search(TunerConfig(**config["tuner"]), fit, Path(fn_args.working_dir))
    return TunerFnResult(search, {})


def validation_loss(
    config: dict[str, Any],
    tokenizer: Tokenizer,
    data: Data,
    on_progress: Callable[[Progress], None],
) -> float:
    """Nats a token on the eval split after a training. Raises as `train_gpt` does."""
    model, trainer = ModelConfig(**config["model"]), TrainerConfig(**config["trainer"])
    _, points = train_gpt(
        model,
        tokenizer.vocab_size,
        trainer,
        data.source(trainer, model.block_size),
        Watch(validation=data.validation, on_progress=on_progress),
        tokenizer_digest=tokenizer.digest,
    )
    return float(points[-1].validation_loss)
