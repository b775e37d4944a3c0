"""A text that is read token by token, with a cache, is a text that is read at once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.generation.cache import Cache, pack, unpack
from gptfx.modules.language_model import language_model
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.heads import MASKED
from gptfx.modules.models.rotary import angles

VOCAB_SIZE = 16
MakeGpt = Callable[..., GPT]
KINDS: dict[str, dict[str, Any]] = {
    "gpt-2": {},
    "modern": {
        "positions": "rotary", "norm": "rmsnorm", "activation": "relu2", "qk_norm": True,
        "bias": False, "tie_embeddings": False,
    },
}  # fmt: skip


def opinionated(make_gpt: MakeGpt, kind: str, **sizes: int) -> GPT:
    """With weights so large that a wrong cache would be seen."""
    gpt = make_gpt(VOCAB_SIZE, **{"block_size": 12, "n_layer": 3, **KINDS[kind], **sizes})
    generator = np.random.default_rng(5)
    for variable in gpt.trainable_variables:
        variable.assign(0.8 * generator.normal(size=variable.shape))
    return gpt


def random_ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).integers(VOCAB_SIZE, size=shape).astype(np.int32)


def step_by_step(
    gpt: GPT, prompts: np.ndarray, first: np.ndarray, then: np.ndarray, columns: int, **how: Any
) -> np.ndarray:
    """Logits (B, 1 + steps, V) after prompts (B, T) and after each of the tokens (B, steps)."""
    frozen, compiled = how.get("frozen"), how.get("compiled", False)
    model = language_model(gpt, VOCAB_SIZE, gpt.config.block_size, frozen)

    @tf.function(autograph=False)
    def read() -> tuple[tf.Tensor, Cache]:
        return model.read(tf.constant(prompts), tf.constant(first), tf.constant(columns))

    @tf.function(autograph=False, jit_compile=compiled)
    def add(memory: Cache, tokens: tf.Tensor) -> tuple[tf.Tensor, Cache]:
        return model.add(memory, tokens, compiled)

    logits, memory = read()
    said = [logits.numpy()]
    for tokens in then.T:
        logits, memory = add(memory, tf.constant(tokens))
        said.append(logits.numpy())
    return np.stack(said, axis=1)


@pytest.mark.parametrize("how", [{}, {"frozen": "float32"}, {"compiled": True}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_logits_with_the_cache_are_those_without(
    make_gpt: MakeGpt, kind: str, how: dict[str, Any]
) -> None:
    gpt, ids = opinionated(make_gpt, kind), random_ids(3, 12)
    lengths = [5, 1, 3]  # of prompts that stand right-aligned in five columns
    prompts = np.zeros((3, 5), np.int32)
    for row, length in enumerate(lengths):
        prompts[row, 5 - length :] = ids[row, :length]
    then = np.stack([ids[row, length : length + 7] for row, length in enumerate(lengths)])
    first = np.array([0, 4, 2], np.int32)
    said = step_by_step(gpt, prompts, first, then, columns=12, **how)
    at_once = gpt(ids).numpy()
    assert np.abs(at_once).max() > 2.0
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(said[row], at_once[row, length - 1 : length + 7], atol=1e-4)


class Window:
    """The past of a text that is read at once, of which each token sees the last `columns`."""

    def __init__(self, gpt: GPT, time: int, columns: int) -> None:
        self.positions = tf.range(time)[None]
        behind = np.arange(time)[:, None] - np.arange(time)
        self.mask = np.where((behind >= 0) & (behind < columns), 0.0, MASKED).astype(np.float32)
        width = gpt.config.n_embd // gpt.config.n_head
        self.angles = angles(np.arange(time), width, gpt.config.rotary_base)

    def layer(self, index: int) -> "Window":
        del index
        return self

    def extend(self, keys: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return keys, values


def test_beyond_the_columns_each_layer_sees_a_window_that_slides(make_gpt: MakeGpt) -> None:
    gpt, ids = opinionated(make_gpt, "modern"), random_ids(2, 40)
    prompt = ids[:, :4]
    said = step_by_step(gpt, prompt, np.zeros(2, np.int32), ids[:, 4:], columns=12)
    at_once = gpt.logits(gpt.hidden(ids, past=Window(gpt, 40, 12))).numpy()
    np.testing.assert_allclose(said, at_once[:, 3:], atol=1e-4)


def test_a_packed_cache_is_the_same_cache_and_a_copy(make_gpt: MakeGpt) -> None:
    gpt, ids = opinionated(make_gpt, "modern"), random_ids(2, 4)
    model = language_model(gpt, VOCAB_SIZE, 12)
    _, memory = model.read(tf.constant(ids), tf.constant([0, 1]), tf.constant(6))
    packed = pack(memory, gpt.config.n_head)
    assert {name: spec.shape.rank for name, spec in model.packed_specs().items()} == {
        name: tensor.shape.rank for name, tensor in packed.items()
    }
    before = {name: tensor.numpy() for name, tensor in packed.items()}
    first, _ = model.add(unpack(packed, gpt.config), tf.constant([1, 2]))
    second, _ = model.add(unpack(packed, gpt.config), tf.constant([1, 2]))
    np.testing.assert_array_equal(first, second)
    for name, tensor in packed.items():
        np.testing.assert_array_equal(tensor, before[name])
