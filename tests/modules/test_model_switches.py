"""What the switches of a model's configuration do, each by hand or against its definition."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.attention import CausalSelfAttention
from gptfx.modules.models.feed_forward import FeedForward, relu2
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.heads import MultiHead
from gptfx.modules.models.norm import LayerNorm, RMSNorm
from gptfx.modules.models.rotary import angles, rotate
from gptfx.modules.training.step import cross_entropy

MakeGpt = Callable[..., GPT]
BLOCK_SIZE = 8  # of `make_gpt`
SWITCHES: dict[str, Any] = {
    "positions": "rotary",
    "norm": "rmsnorm",
    "activation": "relu2",
    "qk_norm": True,
    "bias": False,
    "tie_embeddings": False,
}


def random_ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(16, size=shape, dtype=np.int32)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    "switches",
    [*({key: value} for key, value in SWITCHES.items()), SWITCHES],
    ids=[*SWITCHES, "all at once"],
)
@pytest.mark.parametrize("at", [0, 4, BLOCK_SIZE - 1])
def test_a_later_token_changes_no_earlier_logit(
    make_gpt: MakeGpt, switches: dict[str, Any], at: int
) -> None:
    gpt, ids = make_gpt(**switches), random_ids(1, BLOCK_SIZE)
    other = ids.copy()
    other[0, at] = (ids[0, at] + 1) % 16
    before, after = gpt(ids).numpy(), gpt(other).numpy()
    np.testing.assert_array_equal(before[:, :at], after[:, :at])
    assert (before[:, at:] != after[:, at:]).any(axis=-1).all()


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_switch_changes_what_the_model_says(make_gpt: MakeGpt, switch: str) -> None:
    ids = random_ids(2, BLOCK_SIZE)
    plain, switched = make_gpt(), make_gpt(**{switch: SWITCHES[switch]})
    for gpt in (plain, switched):
        rng = np.random.default_rng(1)
        for variable in gpt.trainable_variables:
            variable.assign(rng.normal(size=variable.shape))
    assert not np.allclose(plain(ids), switched(ids), rtol=1e-3)


def test_several_heads_are_one_product_of_matrices() -> None:
    config = ModelConfig(n_head=3, n_embd=6)
    stepwise, at_once, x = MultiHead(config), CausalSelfAttention(config), normal(2, 5, 6)
    stepwise(x), at_once(x)
    kinds = [[head.query, head.key, head.value] for head in stepwise.heads]
    columns = [head[kind] for kind in range(3) for head in kinds]  # all queries, keys, values
    at_once.c_attn.kernel.assign(np.concatenate([each.kernel for each in columns], axis=1))
    at_once.c_attn.bias.assign(np.concatenate([each.bias for each in columns]))
    at_once.c_proj.kernel.assign(stepwise.c_proj.kernel)
    np.testing.assert_allclose(stepwise(x), at_once(x), atol=1e-7)


def test_a_layer_norm_has_mean_0_and_variance_1_and_is_keras_s() -> None:
    x = 3.0 * normal(2, 5, 16) + 7.0
    y = LayerNorm()(x)
    np.testing.assert_allclose(np.mean(y, axis=-1), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.var(y, axis=-1), 1.0, atol=1e-4)
    np.testing.assert_allclose(y, keras.layers.LayerNormalization(epsilon=1e-5)(x), atol=1e-5)


def test_an_rms_norm_has_a_mean_square_of_1_and_keeps_directions() -> None:
    x = 3.0 * normal(2, 5, 16) + 7.0
    y = RMSNorm()(x).numpy()
    np.testing.assert_allclose(np.mean(y**2, axis=-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(y / x, np.broadcast_to((y / x)[..., :1], x.shape), rtol=1e-5)


def test_relu2_is_the_square_of_what_is_positive() -> None:
    np.testing.assert_array_equal(relu2(tf.constant([-2.0, 0.0, 3.0])), [0.0, 0.0, 9.0])
    layer = FeedForward(ModelConfig(activation="relu2", bias=False))
    x = normal(1, 2, 128)
    layer(x)  # makes the weights
    hidden = np.maximum(x @ layer.c_fc.kernel.numpy(), 0) ** 2
    np.testing.assert_allclose(layer(x), hidden @ layer.c_proj.kernel.numpy(), atol=1e-6)


def test_turned_vectors_keep_their_length_and_know_only_their_distance() -> None:
    q, k = normal(2, 1, 8)
    cosine, sine = angles(np.arange(40), 8, base=100.0)

    def score(query_at: int, key_at: int) -> float:
        turned_q = rotate(tf.constant(q), cosine[query_at], sine[query_at])
        turned_k = rotate(tf.constant(k), cosine[key_at], sine[key_at])
        np.testing.assert_allclose(np.linalg.norm(turned_q), np.linalg.norm(q), rtol=1e-5)
        return float(tf.reduce_sum(turned_q * turned_k))

    assert score(5, 2) == pytest.approx(score(38, 35), rel=1e-4)
    assert score(5, 2) != pytest.approx(score(5, 0), rel=1e-2)
    assert score(0, 0) == pytest.approx(float(np.sum(q * k)), rel=1e-5)  # position 0 is not turned


def test_the_first_angle_turns_one_radian_a_position_and_the_last_the_slowest() -> None:
    cosine, sine = angles(np.arange(3), 4, base=100.0)
    np.testing.assert_allclose(cosine, np.cos([[0, 0], [1, 0.1], [2, 0.2]]), rtol=1e-6)
    np.testing.assert_allclose(sine, np.sin([[0, 0], [1, 0.1], [2, 0.2]]), rtol=1e-6)


def test_normalized_queries_and_keys_make_attention_blind_to_their_size() -> None:
    config = ModelConfig(n_head=2, n_embd=8, bias=False, qk_norm=True)
    layer, x = CausalSelfAttention(config), normal(1, 5, 8)
    layer(x)
    layer.c_attn.kernel.assign(normal(8, 24))
    before = layer(x)
    larger = layer.c_attn.kernel.numpy()
    larger[:, :16] *= 9.0  # queries and keys, not values
    layer.c_attn.kernel.assign(larger)
    np.testing.assert_allclose(layer(x), before, atol=1e-5)


def test_without_biases_there_are_matrices_and_gains_alone(make_gpt: MakeGpt) -> None:
    names = {variable.name for variable in make_gpt(bias=False).trainable_variables}
    assert names == {"embeddings", "gamma", "kernel"}


def test_rotary_positions_need_no_table_and_reach_as_far(make_gpt: MakeGpt) -> None:
    learned, rotary = make_gpt(), make_gpt(positions="rotary")
    assert learned.count_params() - rotary.count_params() == BLOCK_SIZE * 8
    assert rotary(random_ids(1, BLOCK_SIZE)).shape == (1, BLOCK_SIZE, 16)


def test_from_zero_every_block_passes_its_input_on_and_no_token_is_likelier(
    make_gpt: MakeGpt,
) -> None:
    gpt = make_gpt(zero_init=True, tie_embeddings=False)
    x = normal(1, 4, 8)
    np.testing.assert_array_equal(gpt.h[0](x), x)
    ids = random_ids(2, BLOCK_SIZE + 1)
    loss = float(cross_entropy(gpt(ids[:, :-1]), ids[:, 1:]))
    assert loss == pytest.approx(math.log(16), rel=1e-6)


def test_heads_of_odd_width_cannot_be_turned() -> None:
    with pytest.raises(ValueError, match=r"even width.*= 3\)"):
        ModelConfig(n_head=2, n_embd=6, positions="rotary")


def test_the_configuration_comes_back_from_its_json() -> None:
    config = ModelConfig.model_validate(SWITCHES | {"zero_init": True, "dropout": 0.1})
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config
