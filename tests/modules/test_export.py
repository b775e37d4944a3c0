"""The exported folder stands on its own and says what it holds."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gptfx import __version__
from gptfx.modules.config import BigramConfig, GenerationConfig
from gptfx.modules.export.card import CARD_FORMAT, CARD_PATH, read_card, write_card
from gptfx.modules.export.saved_model import ServingModel, model_id
from gptfx.modules.language_model import language_model
from gptfx.modules.models.bigram import fit_bigram
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer

WITHOUT_GPTFX = """
import json, sys
sys.modules.update(gptfx=None, keras=None)  # importing either fails from here on
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework import op_def_registry
folder = sys.argv[1]
model = tf.saved_model.load(folder)
text = model.signatures["serving_default"](prompt=tf.constant(["To be", ""]))["text"]
with open(folder + "/saved_model.pb", "rb") as file:
    graph = SavedModel.FromString(file.read()).meta_graphs[0].graph_def
functions = {function.signature.name for function in graph.library.function}
nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
ops = {node.op for node in nodes} - functions
unknown = [op for op in ops if op_def_registry.get(op) is None]
text = [one.decode() for one in text.numpy()]
print(json.dumps({"text": text, "ops": sorted(ops), "unknown": unknown}))
"""


@pytest.fixture(scope="module")
def elsewhere(exported: Any) -> dict[str, list[str]]:
    """What a process says of the SavedModel that has TensorFlow but neither gptfx nor Keras."""
    command = [sys.executable, "-I", "-c", WITHOUT_GPTFX, str(exported.folder)]
    done = subprocess.run(command, check=True, capture_output=True, cwd=exported.folder)
    return json.loads(done.stdout)


def test_it_answers_alike_where_gptfx_and_keras_cannot_be_imported(
    elsewhere: dict[str, list[str]], signatures: dict[str, Callable[..., dict[str, tf.Tensor]]]
) -> None:
    answer = signatures["serving_default"](prompt=tf.constant(["To be", ""]))["text"]
    assert elsewhere["text"] == [text.decode() for text in answer.numpy()]


def said_in_a_session(folder: Path, name: str, key: str, values: list[bytes]) -> dict[str, Any]:
    """What a signature answers where TensorFlow Serving or Beam's RunInference asks it."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        load = tf.compat.v1.saved_model.loader.load
        signature = load(session, [tf.saved_model.SERVING], str(folder)).signature_def[name]
        outputs = {output: info.name for output, info in signature.outputs.items()}
        return session.run(outputs, {signature.inputs[key].name: values})


@pytest.mark.parametrize(("name", "key"), [("serving_default", "prompt"), ("tokenize", "text")])
def test_a_session_answers_alike(
    exported: Any,
    signatures: dict[str, Callable[..., dict[str, tf.Tensor]]],
    name: str,
    key: str,
) -> None:
    values = [b"To be", b"", b"unheardofwordsthatarelong " * 3, b"caf\xe9"]
    said = said_in_a_session(exported.folder, name, key, values)
    for output, value in signatures[name](**{key: tf.constant(values)}).items():
        assert said[output].tolist() == value.numpy().tolist()


def test_it_needs_no_op_but_tensorflow_s_own_and_no_python(
    elsewhere: dict[str, list[str]],
) -> None:
    assert len(elsewhere["ops"]) > 50
    assert elsewhere["unknown"] == []
    assert [op for op in elsewhere["ops"] if "Py" in op] == []


def test_the_card_says_what_and_with_what(exported: Any) -> None:
    assert read_card(exported.folder) == {
        "requires": [],
        "format": CARD_FORMAT,
        "model_id": exported.model_id,
        "versions": {
            "gptfx": __version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": sys.modules["keras"].__version__,
        },
        "lineage": {"preset": "smoke"},
    }


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "other"}', "\0\xff"])
def test_what_is_no_card_of_ours_is_none(tmp_path: Path, content: str) -> None:
    assert read_card(tmp_path) is None
    write_card(tmp_path, {})
    (tmp_path / CARD_PATH).write_bytes(content.encode("latin-1"))
    assert read_card(tmp_path) is None


def bigram_id(stream: list[int], pair: tuple[int, int] = (97, 98), **card: int) -> str:
    """The id of a bigram model of this stream, behind a tokenizer with one merge."""
    model = fit_bigram([np.array(stream, np.int32)], 258, BigramConfig(dense_up_to=0))
    serving = ServingModel(
        GraphTokenizer(Tokenizer((pair,))),
        language_model(model, 258, 2),
        GenerationConfig(max_new_tokens=1),
    )
    return model_id(serving, card)


def test_the_id_tells_weights_tokenizers_and_cards_apart_and_nothing_else() -> None:
    first = bigram_id([1, 2, 3])
    assert bigram_id([1, 2, 3]) == first
    others = [
        bigram_id([1, 2, 4]),
        bigram_id([1, 2, 3], pair=(98, 97)),
        bigram_id([1, 2, 3], seed=1),
    ]
    assert len({first, *others}) == 4
