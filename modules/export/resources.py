"""What an exported model keeps: its tokenizer's tables and its weights, each once.

Of a variable of Keras' a SavedModel holds a copy, beside the variable that its functions read. Who
loads it in Python restores both; a session, which is how TensorFlow Serving and Beam's RunInference
run it, restores the copy alone, and finds no weights. So TensorFlow's own variables are handed on.
"""

from typing import Any

import keras
import tensorflow as tf

from gptfx.modules.language_model import LanguageModel
from gptfx.modules.models.frozen import FrozenMatrix
from gptfx.modules.tokenizers.graph import GraphTokenizer

SLASH = ".S"  # how a name in a checkpoint spells it


def resources(tokenizer: GraphTokenizer, model: LanguageModel) -> tf.Module:
    """What is to be saved; of a Keras model the weights by their places."""
    root = tf.Module()
    root.tokenizer, root.model = tokenizer, tf.Module()
    inner: Any = model.model
    root.model.model = weights(inner) if isinstance(inner, keras.Model) else inner
    root.model.by_column = getattr(model, "by_column", None)  # see GptLanguageModel
    return root


def weights(layer: keras.Layer, place: str = "") -> dict[str, tf.Variable | FrozenMatrix]:
    """Each variable, and each frozen matrix, by its place, a path of attributes and indices:
    ``h/0/attn/c_attn/kernel``."""
    found: dict[str, tf.Variable | FrozenMatrix] = {}
    for name, value in vars(layer).items():
        if isinstance(value, keras.Variable):
            found[place + name] = value.value
        elif isinstance(value, FrozenMatrix):
            found[place + name] = value
        elif isinstance(value, keras.Layer):
            found |= weights(value, f"{place}{name}/")
        elif isinstance(value, list) and not name.startswith("_"):  # those are Keras' own lists
            for index, each in enumerate(value):
                if isinstance(each, keras.Layer):
                    found |= weights(each, f"{place}{name}/{index}/")
    return found
