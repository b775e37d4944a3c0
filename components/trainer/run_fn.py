"""TFX's entry to training: reads what Transform wrote, fits the configured model, exports it."""

import shutil
from pathlib import Path
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs

from gptfx.components.tokenizer_input import TOKENIZER_FOLDER
from gptfx.components.trainer.component import INIT_DIGEST
from gptfx.components.trainer.data import Data
from gptfx.components.trainer.executor import CHECKPOINTS_FOLDER
from gptfx.components.trainer.tuned import tuned
from gptfx.modules.config import BigramConfig, GenerationConfig, ModelConfig, TrainerConfig
from gptfx.modules.export.card import tokenizer_card
from gptfx.modules.export.saved_model import export
from gptfx.modules.export.serving_model import Sampler, ServingModel
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.models.bigram import fit_bigram
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.modules.training.devices import prepare
from gptfx.modules.training.loop import Watch
from gptfx.modules.training.train import train_gpt

CHECKPOINTS = "checkpoints"


def run_fn(fn_args: FnArgs) -> None:
    """Trains `model.kind` on the train split and exports to `fn_args.serving_model_dir`.

    The curves go to `fn_args.model_run_dir`. Checkpoints go where the node was told, or beside it,
    to a folder that the next attempt at the same training finds, and that is removed when the model
    has been exported.
    """
    places = (TOKENIZER_FOLDER, CHECKPOINTS_FOLDER)
    config = {key: value for key, value in fn_args.custom_config.items() if key not in places}
    if "trainer" in config:
        prepare(TrainerConfig(**config["trainer"]))  # of use where this is the process' first work
    config = tuned(config, fn_args.hyperparameters)
    tokenizer = Tokenizer.load(Path(fn_args.custom_config[TOKENIZER_FOLDER]))
    data = Data(fn_args, config, tokenizer)
    folder = _checkpoints(fn_args, data.digest)
    model = train(config, tokenizer, data, Path(fn_args.model_run_dir), folder)
    generation = GenerationConfig(**config["generation"])
    serving = ServingModel(GraphTokenizer(tokenizer), model, generation)
    export(serving, Path(fn_args.serving_model_dir), card(config, tokenizer, data.tokens))
    shutil.rmtree(folder, ignore_errors=True)


def train(
    config: dict[str, Any], tokenizer: Tokenizer, data: "Data", log_dir: Path, checkpoints: Path
) -> LanguageModel:
    """Fits the configured model to the tokens of the train split."""
    model_config = ModelConfig(**config["model"])
    if model_config.kind == "bigram":
        bigram = BigramConfig(**config["bigram"])
        model = fit_bigram(data.pieces(), tokenizer.vocab_size, bigram)
        return language_model(model, tokenizer.vocab_size, model_config.block_size)
    trainer_config = TrainerConfig(**config["trainer"])
    generation = GenerationConfig(**config["generation"])
    watch = Watch(log_dir, checkpoints, data.validation, data.sizes)
    gpt, _ = train_gpt(
        model_config,
        tokenizer.vocab_size,
        trainer_config,
        data.source(trainer_config, model_config.block_size),
        watch,
        Sampler(GraphTokenizer(tokenizer), generation),
        tokenizer.digest,
    )
    block_size = model_config.block_size
    return language_model(gpt, tokenizer.vocab_size, block_size, generation.weights)


def _checkpoints(fn_args: FnArgs, digest: str) -> Path:
    """Where the node was told, or beside its outputs, which every attempt gets anew."""
    told = fn_args.custom_config.get(CHECKPOINTS_FOLDER)
    return Path(told or Path(fn_args.model_run_dir).parents[1] / CHECKPOINTS) / digest


def card(config: dict[str, Any], tokenizer: Tokenizer, train_tokens: int | None) -> dict[str, Any]:
    """What the model's folder says of how it was made; no places on this machine."""
    content = {key: value for key, value in config.items() if key != INIT_DIGEST}
    if INIT_DIGEST in config:
        start = f"sha256:{config[INIT_DIGEST]}"
        content["trainer"] = {**content["trainer"], "init_from": start}
    content["tokenizer"] = tokenizer_card(tokenizer)
    content["train_tokens"] = train_tokens
    return content
