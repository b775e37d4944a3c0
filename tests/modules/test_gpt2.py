"""GPT-2's ranks: where they are looked for, and that nothing else passes for them."""

import shutil
from pathlib import Path

import pytest

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers import gpt2
from gptfx.modules.tokenizers.exporting import write_tokenizer
from gptfx.modules.tokenizers.gpt2 import CACHED_NAME, find_ranks, gpt2_tokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return gpt2_tokenizer()


def test_tiktoken_s_cache_comes_before_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = find_ranks()
    assert packaged.name == "vocab.bpe"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert find_ranks() == packaged  # the cache is empty
    cached = tmp_path / CACHED_NAME
    shutil.copy(packaged, cached)
    assert find_ranks() == cached
    assert CACHED_NAME == "6d1cbeee0f20b3d9449abfede4726ed8212e3aee"  # tiktoken's name for it


def test_without_ranks_every_way_to_get_them_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpt2, "find_spec", lambda _name: None)
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    with pytest.raises(InputError, match=r"gptfx\[gpt2\].*TIKTOKEN_CACHE_DIR.*--tokenizer-file"):
        find_ranks()


@pytest.mark.parametrize("form", ["tiktoken", "huggingface"])
def test_ranks_are_taken_from_any_form_of_file(
    tokenizer: Tokenizer, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "ranks"
    write_tokenizer(tokenizer, form, path)
    assert gpt2_tokenizer(path) == tokenizer


def test_ranks_that_differ_in_one_merge_are_refused(tmp_path: Path) -> None:
    lines = find_ranks().read_text(encoding="utf-8").splitlines()
    lines[-1], lines[-2] = lines[-2], lines[-1]
    path = tmp_path / "vocab.bpe"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=r"vocab\.bpe does not hold GPT-2's ranks.*sha256"):
        gpt2_tokenizer(path)
