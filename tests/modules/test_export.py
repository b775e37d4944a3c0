"""The exported folder says what it holds."""

import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gptfx import __version__
from gptfx.modules.config import BigramConfig, GenerationConfig
from gptfx.modules.export.card import CARD_FORMAT, CARD_PATH, read_card, write_card
from gptfx.modules.export.saved_model import CONTRACT, model_id
from gptfx.modules.export.serving_model import ServingModel
from gptfx.modules.language_model import language_model
from gptfx.modules.models.bigram import fit_bigram
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer


def test_the_card_says_what_and_with_what(exported: Any) -> None:
    assert read_card(exported.folder) == {
        "requires": [],
        "format": CARD_FORMAT,
        "contract": CONTRACT,
        "model_id": exported.model_id,
        "parameters": sum(int(np.prod(each.shape)) for each in exported.model.model.variables),
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
