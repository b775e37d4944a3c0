"""Asking an exported model from Python."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.generation.speak import Request, answer, load, score, stream

PROMPTS = ["", "To be", "漢字 😀"]
ALONE = Request(12, 1.0, 0, 1.0, 7)  # as the export has it


def test_without_a_request_the_export_s_own_settings_hold(loaded: Any) -> None:
    said = loaded.signatures["serving_default"](prompt=tf.constant(PROMPTS))
    for row, each in enumerate(answer(loaded, PROMPTS)):
        assert each.text == said["text"].numpy()[row].decode()
        assert each.tokens == said["tokens"].numpy()[row]
        assert each.finish_reason in ("length", "stop")


def test_a_request_with_the_export_s_settings_gives_the_same_text(loaded: Any) -> None:
    assert answer(loaded, ["To be"], ALONE) == answer(loaded, ["To be"])


def test_each_prompt_of_a_batch_has_a_seed_of_its_own(loaded: Any) -> None:
    both = answer(loaded, ["To be", "To be"], ALONE)
    assert both[0] != both[1]
    assert both[1] == answer(loaded, ["To be"], ALONE._replace(seed=8))[0]


def test_a_request_says_how_much_is_written(loaded: Any) -> None:
    assert answer(loaded, ["To be"], ALONE._replace(max_new_tokens=0)) == [("", 0, "length")]


def test_stop_strings_and_penalties_are_obeyed(loaded: Any) -> None:
    (whole,) = answer(loaded, ["To be"], ALONE)
    middle = whole.text[2:4]
    (cut,) = answer(loaded, ["To be"], ALONE._replace(stop=("nowhere", middle)))
    assert cut.text == whole.text[: whole.text.index(middle)]
    assert cut.finish_reason == "stop"
    cold = ALONE._replace(temperature=0.0)
    penalized = cold._replace(repetition_penalty=9.0)
    assert answer(loaded, ["To be"], cold) != answer(loaded, ["To be"], penalized)


@pytest.mark.parametrize("stop", [(), ("e", "th")])
def test_a_stream_joined_is_the_answer(loaded: Any, stop: tuple[str, ...]) -> None:
    request = ALONE._replace(stop=stop, max_new_tokens=40)
    pieces = list(stream(loaded, "To be", request))
    (whole,) = answer(loaded, ["To be"], request)
    assert "".join(piece.text for piece in pieces) == whole.text
    assert pieces[-1][1:] == whole[1:]
    assert all(piece.finish_reason == "" for piece in pieces[:-1])


def test_a_score_is_that_of_the_model(exported: Any, loaded: Any) -> None:
    texts = [b"To be", b""]
    made = loaded.signatures["score"](text=tf.constant(texts))
    scores = score(loaded, texts)
    assert [each.nats for each in scores] == made["nats"].numpy().tolist()
    assert [each.bytes for each in scores] == [5, 0]


@pytest.mark.parametrize("prompt", ["\udcff", "a\ud800"], ids=["from argv", "half a character"])
def test_a_prompt_that_utf_8_cannot_hold_is_answered_too(loaded: Any, prompt: str) -> None:
    assert answer(loaded, [prompt])[0].tokens > 0


def test_what_the_model_refuses_is_bad_input(loaded: Any) -> None:
    with pytest.raises(InputError, match=r"max_new_tokens: out of bounds.*5000.*give 0 to 4096"):
        answer(loaded, ["To be"], ALONE._replace(max_new_tokens=5000))
    with pytest.raises(InputError, match=r"prompt: too long, in bytes"):
        next(stream(loaded, "x" * 70_000, ALONE))


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="exported by an older gptfx, or not by gptfx"):
        answer(SimpleNamespace(signatures={"predict": None}), ["To be"])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model to load.*saved_model\.pb\.$"):
        load(tmp_path)


def test_a_folder_of_versions_is_refused_with_the_name_of_the_last(
    exported: Any, tmp_path: Path
) -> None:
    for version in ("1700000001", "1700000002"):
        shutil.copytree(exported.folder, tmp_path / version)
    with pytest.raises(InputError, match=r"saved_model.pb or .*/1700000002\.$"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("what", "content", "message"),
    [
        ("saved_model.pb", b"not a graph", "the model is damaged"),
        ("saved_model.pb", b"", "the model is damaged"),
        ("saved_model.pb", 5000, "the model is damaged"),
        ("variables", None, "the model is damaged"),
        ("assets.extra", None, r"a model without a card.*gptfx\.json"),
        ("assets.extra/gptfx.json", b"{", "a model without a card"),
        (
            "assets.extra/gptfx.json",
            b'{"format": "gptfx.model/1", "contract": "gptfx.signatures/9"}',
            "the model's contract is not gptfx.signatures/1. Received: 'gptfx.signatures/9 in",
        ),
    ],
)
def test_a_damaged_model_is_refused(
    exported: Any, tmp_path: Path, what: str, content: bytes | int | None, message: str
) -> None:
    """Another content, so many bytes of the right one, or nothing."""
    folder = shutil.copytree(exported.folder, tmp_path / "model")
    if content is None:
        shutil.rmtree(folder / what)
    else:
        right = (folder / what).read_bytes()
        (folder / what).write_bytes(content if isinstance(content, bytes) else right[:content])
    with pytest.raises(InputError, match=message):
        load(folder)
