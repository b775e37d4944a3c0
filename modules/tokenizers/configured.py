"""The tokenizer that a configuration asks for."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from gptfx.data.errors import InputError
from gptfx.modules.config import TokenizerConfig
from gptfx.modules.progress import notice
from gptfx.modules.tokenizers.gpt2 import gpt2_tokenizer
from gptfx.modules.tokenizers.importing import read_tokenizer
from gptfx.modules.tokenizers.kinds import byte_tokenizer, char_tokenizer, frequent, train_bpe
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.modules.tokenizers.trainer import WordCount


def make_tokenizer(
    config: TokenizerConfig,
    counts: Sequence[WordCount],
    on_merge: Callable[[int, int], None] = lambda _done, _total: None,
) -> Tokenizer:
    """A tokenizer of the configured kind.

    Args:
      config: says which.
      counts: distinct pieces of the train split, in the order of their first occurrence: words, or
        for `char` characters; not looked at for `byte`.
      on_merge: called with (merges so far, merges asked for) while a `bpe` learns.

    Raises:
      InputError: ranks or file are missing or not what they should be; or there are fewer pairs
        than `vocab_size` asks for and `allow_fewer` is false.
    """
    common = (config.special_tokens, config.normalization)
    if config.kind == "char":
        return char_tokenizer((piece.decode() for piece, _ in counts), *common)
    if (ready := without_corpus(config)) is not None:
        return replace(ready, words=frequent(counts), _cache={})
    tokenizer = train_bpe(counts, config.vocab_size, *common, on_merge)
    if tokenizer.vocab_size < config.vocab_size:
        _fewer(tokenizer.vocab_size, config)
    return tokenizer


def _fewer(vocab_size: int, config: TokenizerConfig) -> None:
    """Says that the vocabulary is smaller than asked for, or raises InputError."""
    problem = f"the text has pairs for a vocabulary of {vocab_size:,} only"
    if config.allow_fewer:
        notice(f"{problem}; tokenizer.vocab_size asked for {config.vocab_size:,}")
        return
    remedy = "ask for fewer, give more text, or set tokenizer.allow_fewer=true"
    raise InputError(problem, f"tokenizer.vocab_size = {config.vocab_size}", remedy)


def without_corpus(config: TokenizerConfig) -> Tokenizer | None:
    """The tokenizer, if it needs no text: `byte`, `gpt2`, and a `bpe` from a file; else None.

    Raises InputError as `make_tokenizer` does.
    """
    common = (config.special_tokens, config.normalization)
    if config.kind == "byte":
        return byte_tokenizer(*common)
    file = Path(config.file).expanduser() if config.file else None
    if config.kind == "gpt2":
        return gpt2_tokenizer(file, *common)
    return _imported(file, config) if config.kind == "bpe" and file else None


def _imported(file: Path, config: TokenizerConfig) -> Tokenizer:
    """A `bpe` that was made elsewhere; what the configuration adds comes on top."""
    read = read_tokenizer(file)
    known = dict(read.special_tokens)
    new = [name for name in config.special_tokens if name not in known]
    added = tuple((name, read.vocab_size + index) for index, name in enumerate(new))
    if config.normalization not in ("none", read.normalization) and read.normalization != "none":
        raise InputError(
            f"{file} normalizes to {read.normalization}",
            f"tokenizer.normalization = {config.normalization}",
            "leave it out",
        )
    form = read.normalization if config.normalization == "none" else config.normalization
    return replace(read, special_tokens=read.special_tokens + added, normalization=form, _cache={})


def require_ready(config: TokenizerConfig) -> str:
    """What is needed beside the corpus is here; says what there is.

    Raises InputError with the ways to get what is missing.
    """
    if config.normalization != "none" and find_spec("tensorflow_text") is None:
        raise InputError(
            "normalization needs the package tensorflow-text",
            f"tokenizer.normalization = {config.normalization}",
            "install gptfx[text]",
        )
    ready = without_corpus(config)
    return f"{config.kind}, {ready.vocab_size:,} ids" if ready else f"{config.kind}, to be learned"
