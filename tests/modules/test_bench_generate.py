"""The generation benchmark: its command line, and our side on a tiny model, without the peer."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptfx.modules.models.gpt2_weights import load_gpt2

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from export_worker import write
from generate import same, whole
from generate_sides import Models, Size, bytes_a_token, ids_of, prompts, texts_of
from generate_worker import Side

BENCH = Path(__file__).parents[1] / "bench"
ROWS = [
    "small-1/generate",
    "small-1/generate_compiled",
    "small-8/generate",
    "small-8/generate_compiled",
    "124m-1/generate",
    "124m-1/generate_compiled",
    "124m-8/generate",
    "124m-8/generate_compiled",
    "124m-1/generate_compiled/bfloat16",
    "124m-1/generate_compiled/int8",
    "124m-bandwidth/generate_compiled",
    "124m-bandwidth/generate_compiled/bfloat16",
    "124m-bandwidth/generate_compiled/int8",
    "124m-first/generate",
]
TINY = Size(2, 2, 8, 64, "byte", count=6, repeat=1, rounds=1)


def bench_generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs it."""
    command = [sys.executable, str(BENCH / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """A model of two layers and width 8, in both forms."""
    folder = tmp_path_factory.mktemp("tiny")
    models = Models.within(folder)
    models = models._replace(exported={"float32": models.exported["float32"]})
    write(TINY, models)
    return models


@pytest.fixture(scope="module")
def side(tiny: Models) -> Side:
    """Our side, with that model."""
    side = Side()
    assert side.answer(do="load", folder=str(tiny.exported["float32"])) > 0
    return side


def ask(side: Side, signature: str) -> dict[str, Any]:
    """Two texts."""
    asked = {"prompts": prompts(2), "count": TINY.count}
    return side.answer(do="write", signature=signature, **asked)


def test_it_lists_its_rows() -> None:
    assert bench_generate("--list").stdout.split() == ROWS


def test_a_row_that_is_not_there_is_refused() -> None:
    ended = bench_generate("--only", "medium")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "no row begins with 'medium'; --list names them" in ended.stderr


def test_a_text_that_is_too_short_is_no_figure() -> None:
    assert whole({"made": [6, 6]}, [6, 6]) == {"made": [6, 6]}
    with pytest.raises(RuntimeError, match=r"a side stopped early: \[6, 5\] tokens of \[6, 6\]"):
        whole({"made": [6, 5]}, [6, 6])


def test_prompts_are_as_long_as_each_other_and_different() -> None:
    assert len(set(prompts(8))) == 8
    assert len(set(map(len, prompts(8)))) == 1


def test_our_side_writes_all_tokens_it_is_asked_for(side: Side) -> None:
    answer = ask(side, "generate")
    assert answer["made"] == [TINY.count] * 2
    assert [len(text) for text in answer["texts"]] == [TINY.count] * 2
    assert answer["cpu"] > 0
    assert answer["wall"] > 0


def test_both_signatures_write_what_the_weights_in_the_peers_form_find_likeliest(
    tiny: Models, side: Side
) -> None:
    gpt, texts = load_gpt2(tiny.huggingface), ids_of(tiny, prompts(2))
    new: list[list[int]] = [[], []]
    for _ in range(TINY.count):
        likeliest = gpt(np.array(texts, np.int32)).numpy()[:, -1].argmax(axis=-1)
        for text, made, each in zip(texts, new, likeliest, strict=True):
            text.append(int(each)), made.append(int(each))
    assert ask(side, "generate")["texts"] == texts_of(tiny, new)
    assert ask(side, "generate_compiled")["texts"] == texts_of(tiny, new)


def test_agreement_is_counted_up_to_the_first_difference() -> None:
    assert (same("abcd", "abxd"), same("ab", "abc"), same("", "a")) == (2, 2, 0)


def test_a_token_needs_all_weights_but_of_the_tables_of_embeddings_a_row_each(
    tiny: Models,
) -> None:
    width, vocabulary = 8, 257
    block = 12 * width**2 + 9 * width + 4 * width  # matrices, their biases, two norms
    numbers = 2 * block + 2 * width + vocabulary * width + 2 * width  # the last: two rows
    assert bytes_a_token(tiny) == 4 * numbers
