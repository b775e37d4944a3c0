"""Asking an exported model from Python."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.generation.speak import Request, load, speak


@pytest.mark.parametrize("prompt", ["", "To be", "漢字 😀"])
def test_without_a_request_the_export_s_own_settings_hold(
    loaded: Any, signatures: dict[str, Callable[..., dict[str, tf.Tensor]]], prompt: str
) -> None:
    answer = signatures["serving_default"](prompt=tf.constant([prompt]))
    assert speak(loaded, prompt) == answer["text"].numpy()[0].decode()


def test_a_request_with_the_export_s_settings_gives_the_same_text(
    loaded: Any, exported: Any
) -> None:
    settings = exported.config.model_dump()
    assert speak(loaded, "To be", Request(**settings)) == speak(loaded, "To be")


def test_a_request_says_how_much_is_written(loaded: Any) -> None:
    assert speak(loaded, "To be", Request(0, 1.0, 0, 1.0, 7)) == ""


@pytest.mark.parametrize("prompt", ["\udcff", "a\ud800"], ids=["from argv", "half a character"])
def test_a_prompt_that_utf_8_cannot_hold_is_answered_too(loaded: Any, prompt: str) -> None:
    assert speak(loaded, prompt)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model to load"):
        load(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"not a graph")
    with pytest.raises(InputError, match="no model to load"):
        load(tmp_path)
