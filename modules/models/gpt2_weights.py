"""GPT-2's weights as Hugging Face keeps them: a folder with config.json and safetensors.

Linear layers lie there as (in, out) matrices, like ours. What is no GPT-2 as ours is refused.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from gptfx.data.errors import InputError
from gptfx.modules.config import ModelConfig
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.norm import LAYER_NORM_EPSILON

CONFIG, WEIGHTS = "config.json", "model.safetensors"
PREFIX = "transformer."  # in front of every name, but for OpenAI's own upload
SUFFIXES = {"gamma": "weight", "beta": "bias", "kernel": "weight", "bias": "bias"}
REMEDY = "name a folder of a GPT-2 with config.json and model.safetensors"
FIXED = {  # what our GPT-2 is; other values of these keys mean another model
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh", None),
    "layer_norm_epsilon": (LAYER_NORM_EPSILON, None),
    "scale_attn_weights": (True, None),
    "scale_attn_by_inverse_layer_idx": (False, None),
    "add_cross_attention": (False, None),
    "tie_word_embeddings": (True, None),
}


class Found(NamedTuple):
    """What a folder's config.json says."""

    config: ModelConfig
    vocab_size: int


def read_config(folder: Path) -> Found:
    """The configuration of the model in a folder. Raises InputError if it is none of ours."""
    try:
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError("no JSON object")
        _require_gpt2(content)
        shape = {key: content[key] for key in ("n_layer", "n_head", "n_embd")}
        config = ModelConfig.model_validate({"block_size": content["n_positions"], **shape})
        return Found(config, int(content["vocab_size"]))
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        received = f"{folder}: {type(error).__name__}: {error}"
        raise InputError("no GPT-2 can be read", received, REMEDY) from None


def _require_gpt2(content: dict[str, Any]) -> None:
    for key, allowed in FIXED.items():
        if content.get(key) not in allowed:
            raise InputError("the model is no GPT-2", f"{key} = {content.get(key)!r}", REMEDY)
    inner, width = content.get("n_inner"), content["n_embd"]
    if inner not in (None, 4 * width):
        raise InputError("the model is no GPT-2", f"n_inner = {inner}", REMEDY)


def load_gpt2(folder: Path) -> GPT:
    """The GPT-2 in a folder, weights and all. Raises InputError for what is missing or damaged."""
    config, vocab_size = read_config(folder)
    model = GPT(config, vocab_size)
    model(np.zeros((1, 1), np.int32))  # makes the weights
    load_weights(model, folder)
    return model


def load_weights(model: GPT, folder: Path) -> None:
    """Reads the weights in a folder into a model of the same shape, one after the other.

    Raises InputError for a tensor that is missing, of another shape, or cannot be read.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InputError("there are no weights", str(folder), REMEDY)
    wanted = dict(named_weights(model))
    for file in files:
        try:
            with safe_open(file, framework="numpy") as tensors:
                for name in tensors.keys():  # noqa: SIM118 (it is no dict)
                    if (variable := wanted.pop(name.removeprefix(PREFIX), None)) is not None:
                        _assign(variable, name, tensors.get_tensor(name))
        except (OSError, SafetensorError, TypeError) as error:
            raise InputError("the weights cannot be read", f"{file}: {error}", REMEDY) from None
    if wanted:
        raise InputError("the weights lack a tensor", f"{folder}: {min(wanted)}", REMEDY)


def _assign(variable: keras.Variable, name: str, value: np.ndarray) -> None:
    if value.shape != tuple(variable.shape):
        received = f"{name} {value.shape} for {tuple(variable.shape)}"
        raise InputError("a weight has another shape than the model's", received, REMEDY)
    variable.assign(value.astype(np.float32))


def save_gpt2(model: GPT, folder: Path) -> None:
    """Writes a folder that transformers' GPT2LMHeadModel loads.

    Raises InputError for a model with switches that GPT-2 does not have.
    """
    _require_writable(model.config)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {PREFIX + name: variable.numpy() for name, variable in named_weights(model)}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    content = json.dumps(_huggingface_config(model), indent=1)
    (folder / CONFIG).write_text(content + "\n", encoding="utf-8")


def _require_writable(config: ModelConfig) -> None:
    plain = ModelConfig.model_validate({})
    for key in ("kind", "positions", "norm", "activation", "qk_norm", "bias", "tie_embeddings"):
        if getattr(config, key) != getattr(plain, key):
            received = f"model.{key} = {getattr(config, key)}"
            remedy = f"only a model with {key} = {getattr(plain, key)} is a GPT-2"
            raise InputError("GPT-2's form cannot say this", received, remedy)


def _huggingface_config(model: GPT) -> dict[str, Any]:
    config = model.config
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": model.vocab_size,
        "n_positions": config.block_size,
        "n_embd": config.n_embd,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": LAYER_NORM_EPSILON,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
        "bos_token_id": model.vocab_size - 1,
        "eos_token_id": model.vocab_size - 1,
    }


def named_weights(model: GPT) -> Iterator[tuple[str, keras.Variable]]:
    """Every weight of the model with its name in OpenAI's release, without prefix."""
    yield "wte.weight", model.wte.embeddings
    yield "wpe.weight", model.wpe.embeddings
    for index, block in enumerate(model.h):
        layers = {
            "ln_1": block.ln_1,
            "attn.c_attn": block.attn.c_attn,
            "attn.c_proj": block.attn.c_proj,
            "ln_2": block.ln_2,
            "mlp.c_fc": block.mlp.c_fc,
            "mlp.c_proj": block.mlp.c_proj,
        }
        for name, layer in layers.items():
            yield from _of_layer(f"h.{index}.{name}", layer)
    yield from _of_layer("ln_f", model.ln_f)


def _of_layer(name: str, layer: keras.layers.Layer) -> Iterator[tuple[str, keras.Variable]]:
    for variable in layer.weights:
        yield f"{name}.{SUFFIXES[variable.name]}", variable
