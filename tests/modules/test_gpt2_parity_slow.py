"""GPT-2 here is GPT-2 there: transformers, in an environment of its own, gives the same logits, and
the same texts."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import GenerationConfig
from gptfx.modules.export.serving_model import ServingModel
from gptfx.modules.language_model import language_model
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.gpt2_weights import load_gpt2, save_gpt2
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from harness import host_python, peer_python

pytestmark = pytest.mark.slow

PEERS = ["torch==2.13.0", "transformers==5.24.0", "numpy"]
SHAPES = [
    {"vocab_size": 61, "block_size": 16, "n_layer": 2, "n_head": 2, "n_embd": 32},
    {"vocab_size": 97, "block_size": 48, "n_layer": 5, "n_head": 4, "n_embd": 64},
]
# Reads ids (B, T) from a file, writes logits; with "make", the model is a random one of its own.
THERE = """
import sys, json, numpy, torch, transformers
do, folder, ids, logits = sys.argv[1:5]
if do == "make":
    torch.manual_seed(0)
    shape = json.loads(sys.argv[5])
    config = transformers.GPT2Config(
        vocab_size=shape["vocab_size"], n_positions=shape["block_size"], n_embd=shape["n_embd"],
        n_layer=shape["n_layer"], n_head=shape["n_head"], initializer_range=0.2,
        bos_token_id=0, eos_token_id=0,
    )
    model = transformers.GPT2LMHeadModel(config)
    for name, value in model.named_parameters():
        torch.nn.init.normal_(value, std=0.2)
    model.save_pretrained(folder)
else:
    model, report = transformers.GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"], report
read = torch.from_numpy(numpy.load(ids)).long()
with torch.no_grad():
    if do == "continue":
        made = model.eval().generate(
            read, attention_mask=torch.ones_like(read), do_sample=False, pad_token_id=256,
            eos_token_id=256, max_new_tokens=40, **json.loads(sys.argv[5]),
        )
    else:
        made = model.eval()(read).logits
numpy.save(logits, made.numpy())
"""
PROMPTS = [b"To be, or not", b"What's", b"KING RICHARD:\n"]


@pytest.fixture(scope="module")
def there() -> Callable[..., np.ndarray]:
    """Runs transformers on a folder and ids; returns logits."""
    python = peer_python("transformers", PEERS, host_python())

    def run(do: str, folder: Path, ids: np.ndarray, **shape: float) -> np.ndarray:
        paths = folder.parent / "ids.npy", folder.parent / "logits.npy"
        np.save(paths[0], ids)
        command = [python, "-c", THERE, do, str(folder), *map(str, paths), json.dumps(shape)]
        subprocess.run(command, check=True, capture_output=True)
        return np.load(paths[1])

    return run


def random_ids(vocab_size: int, time: int) -> np.ndarray:
    return np.random.default_rng(0).integers(vocab_size, size=(3, time), dtype=np.int32)


@pytest.mark.parametrize("shape", SHAPES, ids=["small", "larger"])
def test_transformers_weights_give_transformers_logits(
    there: Callable[..., np.ndarray], tmp_path: Path, shape: dict[str, int]
) -> None:
    ids = random_ids(shape["vocab_size"], shape["block_size"])
    theirs = there("make", tmp_path / "gpt2", ids, **shape)
    ours = load_gpt2(tmp_path / "gpt2")(ids).numpy()
    assert np.abs(theirs).max() > 0.5
    np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", SHAPES, ids=["small", "larger"])
def test_our_weights_give_our_logits_in_transformers(
    there: Callable[..., np.ndarray],
    make_gpt: Callable[..., GPT],
    tmp_path: Path,
    shape: dict[str, int],
) -> None:
    gpt, rng = make_gpt(**shape), np.random.default_rng(1)
    for variable in gpt.trainable_variables:
        variable.assign(0.2 * rng.normal(size=variable.shape))
    save_gpt2(gpt, tmp_path / "gpt2")
    ids = random_ids(shape["vocab_size"], shape["block_size"])
    theirs = there("load", tmp_path / "gpt2", ids)
    assert np.abs(theirs).max() > 0.5
    np.testing.assert_allclose(gpt(ids).numpy(), theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("penalty", [1.0, 1.5])
def test_greedy_texts_are_those_of_transformers_generate(
    there: Callable[..., np.ndarray], make_gpt: Callable[..., GPT], tmp_path: Path, penalty: float
) -> None:
    """By a GPT-2 of bytes, prompts of different length in one batch."""
    bytewise = Tokenizer(())
    gpt = make_gpt(bytewise.vocab_size, block_size=64, n_layer=3, n_head=2, n_embd=32)
    rng = np.random.default_rng(1)
    for variable in gpt.trainable_variables:
        variable.assign(0.3 * rng.normal(size=variable.shape))
    letters = (np.arange(bytewise.vocab_size) < 128)[:, None]  # so that nothing becomes U+FFFD
    gpt.wte.embeddings.assign(np.where(letters, gpt.wte.embeddings, 0.0))
    save_gpt2(gpt, tmp_path / "gpt2")
    view = language_model(gpt, bytewise.vocab_size, 64, frozen="float32")
    serving = ServingModel(GraphTokenizer(bytewise), view, GenerationConfig())
    three = tf.ones([3])
    ours = serving.generate_controlled(
        tf.constant(PROMPTS), tf.fill([3], 40), 0.0 * three, tf.fill([3], 0), three,
        tf.zeros([3], tf.int64), 0.0 * three, penalty * three, tf.fill([3], ""),
    )  # fmt: skip
    for row, prompt in enumerate(PROMPTS):
        ids = np.array([bytewise.encode(prompt)])
        (theirs,) = there("continue", tmp_path / "gpt2", ids, repetition_penalty=penalty)
        text = bytewise.decode(theirs[len(prompt) :].tolist()).decode("utf-8", "replace")
        assert ours["text"].numpy()[row].decode() == text
        assert len(set(text)) > 1
        assert "\ufffd" not in text
