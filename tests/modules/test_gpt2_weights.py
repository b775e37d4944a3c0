"""GPT-2's weights go out and come in as Hugging Face keeps them; nothing else passes for them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gptfx.data.errors import InputError
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.gpt2 import SIZES, gpt2_config
from gptfx.modules.models.gpt2_weights import load_gpt2, read_config, save_gpt2

MakeGpt = Callable[..., GPT]


@pytest.fixture
def lively(make_gpt: MakeGpt) -> GPT:
    """Random in every weight, biases and gains included."""
    gpt, rng = make_gpt(), np.random.default_rng(0)
    for variable in gpt.trainable_variables:
        variable.assign(0.3 * rng.normal(size=variable.shape))
    return gpt


@pytest.fixture
def folder(lively: GPT, tmp_path: Path) -> Path:
    save_gpt2(lively, tmp_path / "gpt2")
    return tmp_path / "gpt2"


IDS = np.arange(16, dtype=np.int32).reshape(2, 8)


def test_what_is_written_comes_back(lively: GPT, folder: Path) -> None:
    loaded = load_gpt2(folder)
    assert loaded.config == lively.config
    np.testing.assert_array_equal(loaded(IDS), lively(IDS))


def test_names_and_shapes_are_openai_s(folder: Path) -> None:
    shapes = {name: value.shape for name, value in load_file(folder / "model.safetensors").items()}
    assert shapes["transformer.wte.weight"] == (16, 8)
    assert shapes["transformer.wpe.weight"] == (8, 8)
    assert shapes["transformer.h.1.attn.c_attn.weight"] == (8, 24)
    assert shapes["transformer.h.1.mlp.c_proj.bias"] == (8,)
    assert shapes["transformer.ln_f.weight"] == (8,)
    assert len(shapes) == 2 + 2 * 12 + 2


def test_names_without_a_prefix_half_floats_and_tensors_of_no_use_are_read(
    lively: GPT, folder: Path
) -> None:
    path = folder / "model.safetensors"
    plain = {name.removeprefix("transformer."): each for name, each in load_file(path).items()}
    half = {name: each.astype(np.float16) for name, each in plain.items()}
    save_file(half | {"h.0.attn.bias": np.ones((1, 1, 8, 8), np.float32)}, path)
    np.testing.assert_allclose(load_gpt2(folder)(IDS), lively(IDS), atol=0.02)


def test_weights_in_several_files_are_read(lively: GPT, folder: Path) -> None:
    whole = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    for part in range(2):
        chosen = dict(list(whole.items())[part::2])
        save_file(chosen, folder / f"model-0000{part + 1}-of-00002.safetensors")
    np.testing.assert_array_equal(load_gpt2(folder)(IDS), lively(IDS))


@pytest.mark.parametrize(("size", "millions"), [("124M", 124), ("355M", 355), ("774M", 774)])
def test_the_sizes_are_openai_s(size: str, millions: int) -> None:
    config, vocab_size = gpt2_config(size), 50_257
    block = 12 * config.n_embd**2 + 13 * config.n_embd
    embeddings = (vocab_size + config.block_size) * config.n_embd
    assert round((embeddings + config.n_layer * block + 2 * config.n_embd) / 1e6) == millions


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=rf"no such size.*117M.*{', '.join(SIZES)}"):
        gpt2_config("117M")


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "llama"}, "no GPT-2.*model_type = 'llama'"),
        ({"activation_function": "relu"}, "activation_function = 'relu'"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon = 1e-06"),
        ({"scale_attn_by_inverse_layer_idx": True}, "inverse_layer_idx = True"),
        ({"n_inner": 7}, "n_inner = 7"),
        ({"n_head": 3}, "n_embd must be a multiple of n_head"),
        ({"n_layer": 3}, r"lack a tensor.*h\.2\."),
        ({"n_positions": 9}, r"another shape.*wpe.weight \(8, 8\) for \(9, 8\)"),
    ],
)
def test_another_model_is_refused_by_name(
    folder: Path, changes: dict[str, Any], words: str
) -> None:
    change_config(folder, **changes)
    with pytest.raises(InputError, match=words):
        load_gpt2(folder)


def test_what_is_missing_or_damaged_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no GPT-2 can be read.*config\.json"):
        read_config(tmp_path / "nowhere")
    (folder / "config.json").write_text("[]")
    with pytest.raises(InputError, match="no JSON object"):
        read_config(folder)
    save_gpt2_again = json.dumps({"model_type": "gpt2"})
    (folder / "config.json").write_text(save_gpt2_again)
    with pytest.raises(InputError, match="KeyError: 'n_embd'"):
        read_config(folder)


def test_damaged_weights_are_refused_by_name(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(InputError, match=r"cannot be read.*model\.safetensors"):
        load_gpt2(folder)
    weights.unlink()
    with pytest.raises(InputError, match="there are no weights"):
        load_gpt2(folder)


def test_what_gpt_2_s_form_cannot_say_is_refused(make_gpt: MakeGpt, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.positions = rotary.*positions = learned"):
        save_gpt2(make_gpt(positions="rotary"), tmp_path / "x")
    assert not (tmp_path / "x").exists()
