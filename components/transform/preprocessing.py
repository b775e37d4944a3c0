"""What Transform does to an example, inside the TensorFlow graph."""

from functools import lru_cache
from pathlib import Path

import tensorflow as tf
import tensorflow_transform as tft

from gptfx.components.examples import POSITION, SOURCE, TEXT, TOKENS
from gptfx.components.tokenizer_input import TOKENIZER_FOLDER
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer


def preprocessing_fn(
    inputs: dict[str, tf.Tensor], custom_config: dict[str, str]
) -> dict[str, tf.Tensor | tf.SparseTensor]:
    """`text` to `tokens` (ragged int64, as a sparse tensor); keeps `source` and `position`."""
    folder = custom_config[TOKENIZER_FOLDER]
    graph = tft.make_and_track_object(lambda: _load(folder), name="tokenizer")
    ids = graph.encode(tf.reshape(inputs[TEXT], [-1]))  # raw features arrive as (batch, 1)
    return {TOKENS: ids.to_sparse(), SOURCE: inputs[SOURCE], POSITION: inputs[POSITION]}


@lru_cache(maxsize=1)  # TFT traces preprocessing_fn four times, and what is traced can be shared
def _load(folder: str) -> GraphTokenizer:
    return GraphTokenizer(Tokenizer.load(Path(folder)))
