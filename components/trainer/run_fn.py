"""TFX's entry to training: reads what Transform wrote, fits the configured model, exports it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from gptfx.components.examples import POSITION, SOURCE, TOKENS
from gptfx.components.tokenizer_input import TOKENIZER_FOLDER
from gptfx.modules.config import BigramConfig, GenerationConfig, ModelConfig, TrainerConfig
from gptfx.modules.export.saved_model import ServingModel, export
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.models.bigram import fit_bigram
from gptfx.modules.models.gpt import GPT
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.modules.training.loop import fit
from gptfx.modules.training.packing import Mixture, Passage, Stream, pack

PARSE_BATCH = 256


def run_fn(fn_args: FnArgs) -> None:
    """Trains `model.kind` on the train split and exports to `fn_args.serving_model_dir`.

    TensorBoard's events go to `fn_args.model_run_dir`.
    """
    config = fn_args.custom_config
    tokenizer = Tokenizer.load(Path(config[TOKENIZER_FOLDER]))
    passages = read_passages(fn_args.train_files, tft.TFTransformOutput(fn_args.transform_output))
    stream = pack(passages, tokenizer.separator_id)
    model = train(stream, tokenizer.vocab_size, config, Path(fn_args.model_run_dir))
    serving = ServingModel(
        GraphTokenizer(tokenizer), model, GenerationConfig(**config["generation"])
    )
    card = {key: value for key, value in config.items() if key != TOKENIZER_FOLDER}
    card["tokenizer"] = {
        "kind": tokenizer.kind,
        "vocab_size": tokenizer.vocab_size,
        "normalization": tokenizer.normalization,
        "digest": tokenizer.digest,
    }
    card["train_tokens"] = len(stream.ids)
    export(serving, Path(fn_args.serving_model_dir), card)


def train(stream: Stream, vocab_size: int, config: dict[str, Any], log_dir: Path) -> LanguageModel:
    """Fits the configured model to the tokens of the train split."""
    model_config = ModelConfig(**config["model"])
    if model_config.kind == "bigram":
        model = fit_bigram(stream.ids, vocab_size, BigramConfig(**config["bigram"]))
        return language_model(model, vocab_size, model_config.block_size)
    trainer_config = TrainerConfig(**config["trainer"])
    keras.utils.set_random_seed(trainer_config.seed)
    gpt = GPT(model_config, vocab_size)
    gpt(np.zeros((1, model_config.block_size), np.int32))  # makes the weights
    mixture = Mixture.of(stream, config.get("weights", {}), model_config.block_size)
    fit(gpt, stream.ids, trainer_config, model_config.block_size, log_dir, mixture)
    return language_model(gpt, vocab_size, model_config.block_size)


def read_passages(
    patterns: list[str], transform_output: tft.TFTransformOutput
) -> Iterator[Passage]:
    """The transformed examples in the files that `patterns` name, in no particular order."""
    spec = transform_output.transformed_feature_spec()
    files = [path for pattern in patterns for path in tf.io.gfile.glob(pattern)]
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(PARSE_BATCH)
    for batch in records.map(lambda serialized: tf.io.parse_example(serialized, spec)):
        tokens = tf.RaggedTensor.from_sparse(batch[TOKENS])
        values, splits = tokens.values.numpy(), tokens.row_splits.numpy()
        sources, positions = np.ravel(batch[SOURCE]), np.ravel(batch[POSITION])
        for row, (source, position) in enumerate(zip(sources, positions, strict=True)):
            yield Passage(source, int(position), values[splits[row] : splits[row + 1]])
