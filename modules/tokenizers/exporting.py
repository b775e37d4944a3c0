"""Writes tokenizers for other libraries: tiktoken's rank file, and Hugging Face's tokenizer.json.

Whatever is written encodes there as it does here; what a form cannot say is refused.
"""

import base64
import json
from pathlib import Path
from typing import Any

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers import alphabet
from gptfx.modules.tokenizers.splitting import GPT2_PATTERN
from gptfx.modules.tokenizers.tokenizer import Tokenizer

FORMATS = ("tiktoken", "huggingface")


def write_tokenizer(tokenizer: Tokenizer, form: str, path: Path) -> None:
    """Writes a file that the other library reads, with equal results.

    Args:
      tokenizer: of any kind but `char`.
      form: one of FORMATS.
      path: the file.

    Raises InputError for what its form cannot say: `char`, and for tiktoken normalization.
    """
    if form not in FORMATS:
        raise InputError("no such format", form, f"name one of {', '.join(FORMATS)}")
    if tokenizer.kind == "char":
        remedy = "export a tokenizer of kind bpe, byte or gpt2"
        raise InputError(f"{form} has no form for characters with byte fallback", "char", remedy)
    if form == "tiktoken" and tokenizer.normalization != "none":
        remedy = "export as huggingface, or normalize the text before tiktoken sees it"
        raise InputError("tiktoken does not normalize", tokenizer.normalization, remedy)
    content = rank_lines(tokenizer) if form == "tiktoken" else _huggingface(tokenizer)
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        remedy = "name a file in a folder that exists and can be written"
        raise InputError("the file cannot be written", str(error), remedy) from None


def tokens(tokenizer: Tokenizer) -> list[tuple[bytes, int]]:
    """Bytes and id of every token that is not special, by id."""
    ids = tokenizer.ids or range(len(tokenizer.numbered_bytes))
    return sorted(zip(tokenizer.numbered_bytes, ids, strict=True), key=lambda entry: entry[1])


def rank_lines(tokenizer: Tokenizer) -> str:
    """The content of a tiktoken rank file."""
    lines = [f"{base64.b64encode(token).decode()} {index}" for token, index in tokens(tokenizer)]
    return "\n".join(lines) + "\n"


def tiktoken_arguments(tokenizer: Tokenizer) -> dict[str, Any]:
    """What a ``tiktoken.Encoding`` needs beside the ranks."""
    return {"pat_str": GPT2_PATTERN, "special_tokens": dict(tokenizer.special_tokens)}


def how_to_open(tokenizer: Tokenizer, form: str, path: Path) -> list[str]:
    """Lines of Python that open what was written as `tokenizer`, with the other library alone."""
    if form == "huggingface":
        return [
            "import tokenizers",
            f"tokenizer = tokenizers.Tokenizer.from_file({str(path)!r})",
            "tokenizer.encode_special_tokens = True  # spelled special tokens are ordinary text",
        ]
    arguments = tiktoken_arguments(tokenizer)
    return [
        "import tiktoken, tiktoken.load",
        f"ranks = tiktoken.load.load_tiktoken_bpe({str(path)!r})",
        f'pattern = r"{arguments["pat_str"]}"',
        f"special = {arguments['special_tokens']}",
        "tokenizer = tiktoken.Encoding("
        "'ours', pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)",
    ]


def _huggingface(tokenizer: Tokenizer) -> str:
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    form = tokenizer.normalization
    pieces = tokenizer.numbered_bytes
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": index, "content": name, **special, "special": True}
            for name, index in tokenizer.special_tokens
        ],
        "normalizer": None if form == "none" else {"type": form},
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {alphabet.spell(token): index for token, index in tokens(tokenizer)},
            "merges": [
                f"{alphabet.spell(pieces[left])} {alphabet.spell(pieces[right])}"
                for left, right in tokenizer.merges
            ],
        },
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
