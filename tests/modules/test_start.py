"""Where a model starts: from a GPT-2's folder, or from a model that was exported here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gptfx.data.errors import InputError
from gptfx.modules.config import GenerationConfig, ModelConfig, TrainerConfig
from gptfx.modules.export.card import read_card
from gptfx.modules.export.saved_model import export
from gptfx.modules.export.serving_model import ServingModel
from gptfx.modules.language_model import language_model
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.gpt2_weights import save_gpt2
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.training.origin import content_digest
from gptfx.modules.training.start import start_from
from gptfx.modules.training.train import train_gpt
from gptfx.modules.training.windows import InMemory

IDS = np.arange(8, dtype=np.int32)[None]
MODERN = {
    "positions": "rotary",
    "norm": "rmsnorm",
    "activation": "relu2",
    "qk_norm": True,
    "bias": False,
    "tie_embeddings": False,
}


@pytest.fixture
def gpt2_folder(tmp_path: Path, make_gpt: Callable[..., GPT]) -> Path:
    """A GPT-2 of 16 tokens as Hugging Face keeps it."""
    save_gpt2(make_gpt(seed=3), tmp_path / "gpt2")
    return tmp_path / "gpt2"


@pytest.fixture(params=[{}, MODERN], ids=["plain", "modern"])
def exported_gpt(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    make_gpt: Callable[..., GPT],
    graph_tokenizer: GraphTokenizer,
) -> tuple[Path, GPT, str]:
    """A folder that `export` wrote, the model in it, and its tokenizer's digest."""
    source = graph_tokenizer.source
    gpt = make_gpt(source.vocab_size, seed=3, **request.param)
    view = language_model(gpt, source.vocab_size, gpt.config.block_size)
    tokenizer = {"vocab_size": source.vocab_size, "digest": source.digest}
    card = {"model": gpt.config.model_dump(), "tokenizer": tokenizer}
    serving = ServingModel(graph_tokenizer, view, GenerationConfig())
    export(serving, tmp_path / "exported", card)
    return tmp_path / "exported", gpt, source.digest


def test_training_starts_from_a_gpt_2(gpt2_folder: Path, make_gpt: Callable[..., GPT]) -> None:
    config = TrainerConfig(steps=0, init_from=str(gpt2_folder))
    stream = np.zeros(20, np.int32)
    shape = make_gpt().config
    gpt, _ = train_gpt(shape, 16, config, lambda: InMemory(stream, config, 8))
    np.testing.assert_array_equal(gpt(IDS), make_gpt(seed=3)(IDS))


def test_a_model_is_made_again_from_what_was_exported_configuration_and_weights(
    exported_gpt: tuple[Path, GPT, str],
) -> None:
    folder, gpt, digest = exported_gpt
    config = ModelConfig(**read_card(folder)["model"])
    assert config == gpt.config
    again = GPT(config, gpt.vocab_size)
    again(IDS)
    start_from(again, folder, digest)
    np.testing.assert_array_equal(again(IDS), gpt(IDS))


def test_another_tokenizer_is_refused(exported_gpt: tuple[Path, GPT, str]) -> None:
    folder, gpt, _ = exported_gpt
    with pytest.raises(InputError, match="has another tokenizer"):
        start_from(gpt, folder, "another")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_head": 4}, "n_head = 2, where the configuration says 4.*set model.n_head=2"),
        ({"n_layer": 3}, "n_layer = 2, where the configuration says 3"),
        ({"norm": "rmsnorm"}, "norm = layernorm, where the configuration says rmsnorm"),
        ({"vocab_size": 17}, "vocab_size = 16, where the configuration says 17.*its tokenizer"),
    ],
)
def test_a_model_of_another_shape_is_refused_by_name(
    gpt2_folder: Path, make_gpt: Callable[..., GPT], changes: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        start_from(make_gpt(**changes), gpt2_folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path, make_gpt: Callable[..., GPT]) -> None:
    for call in (lambda: start_from(make_gpt(), tmp_path), lambda: content_digest(tmp_path)):
        with pytest.raises(InputError, match="there is no model to start from"):
            call()


def test_the_digest_is_of_what_is_read(gpt2_folder: Path) -> None:
    before = content_digest(gpt2_folder)
    (gpt2_folder / "README.md").write_text("nobody reads this")
    assert content_digest(gpt2_folder) == before
    weights = gpt2_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert content_digest(gpt2_folder) != before
