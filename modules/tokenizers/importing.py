"""Reads other makers' tokenizers: tiktoken's ranks, Hugging Face's tokenizer.json, vocab.bpe.

Whatever is read is checked: what our tokenizer could not do exactly as the file's own library does
is refused. All of them split text by GPT-2's pattern.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers import alphabet
from gptfx.modules.tokenizers.bpe import FIRST_MERGE, Pair, token_bytes
from gptfx.modules.tokenizers.merging import merge_word
from gptfx.modules.tokenizers.special import SEPARATOR
from gptfx.modules.tokenizers.tokenizer import FORMAT, Tokenizer

VERSION_LINE = "#version"  # how vocab.bpe (merges.txt) begins
FORMS = "a tiktoken rank file, a tokenizer.json, or GPT-2's vocab.bpe"
GIVE = f"name {FORMS}"


def read_tokenizer(path: Path) -> Tokenizer:
    """The byte-level BPE in a file of one of the three forms; the kind is `bpe`.

    Raises InputError for what is none, is damaged, or asks for what we do not do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError("the tokenizer file cannot be read", str(error), GIVE) from None
    except UnicodeDecodeError as error:
        received = f"{path}: {error}"
        raise InputError("the tokenizer file is not text", received, GIVE) from None
    try:
        return _reader(text)(text)
    except InputError as error:
        raise InputError(f"{path}: {error.problem}", error.received, error.remedy) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        received = f"{path}: {type(error).__name__}: {error}"
        raise InputError("the tokenizer file is damaged", received, GIVE) from None


def _reader(text: str) -> Callable[[str], Tokenizer]:
    if text.lstrip()[:1] == "{":
        return _read_json
    return _read_merges if text.startswith(VERSION_LINE) else _read_ranks


def _read_json(text: str) -> Tokenizer:
    """A tokenizer.json: both forms have that name, but only ours says its format."""
    content = json.loads(text)
    of_ours = str(content.get("format", "")).startswith(FORMAT.partition("/")[0])
    return _read_ours(text) if of_ours else _read_huggingface(content)


def _read_ours(text: str) -> Tokenizer:
    """What `gptfx tokenizer import` wrote, or a model carries."""
    read = Tokenizer.parse(text)
    if read.kind not in ("bpe", "gpt2"):
        remedy = f"tokenizer.kind={read.kind} needs no file"
        raise InputError("only merges are read from a file", f"kind {read.kind}", remedy)
    return replace(read, kind="bpe", words=(), _cache={})


def _read_merges(text: str) -> Tokenizer:
    """GPT-2's vocab.bpe: a merge a line; ids are those of the alphabet, then the merges."""
    lines = [line.split() for line in text.splitlines()[1:] if line]
    numbers = {bytes([value]): value for value in range(FIRST_MERGE)}
    merges = []
    for left, right in lines:
        pair = alphabet.read(left), alphabet.read(right)
        merges.append((numbers[pair[0]], numbers[pair[1]]))
        numbers[b"".join(pair)] = FIRST_MERGE + len(merges) - 1
    order = {value: index for index, value in enumerate(alphabet.alphabet())}
    ids = [order[value] for value in range(FIRST_MERGE)]
    ids += range(FIRST_MERGE, FIRST_MERGE + len(merges))
    return _checked(merges, ids, {})


def _read_ranks(text: str) -> Tokenizer:
    """tiktoken's form: a token in base64 and its rank a line."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            token, rank = _read_rank(number, line)
            if token in ranks:
                raise InputError("a token stands there twice", f"line {number}: {line}", GIVE)
            ranks[token] = rank
    if not ranks:
        raise InputError("the tokenizer file is empty", f"{len(text)} characters", GIVE)
    _require_bytes(ranks)
    merges: list[Pair] = []
    known: dict[Pair, int] = {}
    longer = [token for token in sorted(ranks, key=ranks.__getitem__) if len(token) > 1]
    for token in longer:
        parts = merge_word(token, known)
        if len(parts) != 2:
            raise InputError("a token is not made of two of lower rank", token, GIVE)
        merges.append((parts[0], parts[1]))
        known[merges[-1]] = FIRST_MERGE + len(merges) - 1
    ids = [ranks[bytes([value])] for value in range(FIRST_MERGE)]
    return _checked(merges, [*ids, *(ranks[token] for token in longer)], {})


def _read_rank(number: int, line: str) -> tuple[bytes, int]:
    try:
        encoded, rank = line.split()
        return base64.b64decode(encoded, validate=True), int(rank)
    except ValueError:
        received = f"line {number}: {line[:80]}"
        raise InputError("no token in base64 and its rank", received, GIVE) from None


def _read_huggingface(content: Mapping[str, Any]) -> Tokenizer:
    model = content["model"]
    _require_byte_level(content, model)
    special = {
        each["content"]: int(each["id"]) for each in content["added_tokens"] if each["special"]
    }
    vocab = {key: int(index) for key, index in model["vocab"].items() if key not in special}
    by_token = {alphabet.read(key): index for key, index in vocab.items()}
    _require_bytes(by_token)
    numbers = {bytes([value]): value for value in range(FIRST_MERGE)}
    ids = [by_token[bytes([value])] for value in range(FIRST_MERGE)]
    merges = []
    for entry in model["merges"]:
        left, right = (
            alphabet.read(part) for part in (entry.split(" ") if isinstance(entry, str) else entry)
        )
        merges.append((numbers[left], numbers[right]))
        numbers[left + right] = FIRST_MERGE + len(merges) - 1
        ids.append(by_token[left + right])
    if unreachable := by_token.keys() - numbers.keys():
        token = alphabet.spell(min(unreachable))
        raise InputError("a token is neither a byte nor a merge", token, GIVE)
    form = (content.get("normalizer") or {"type": "none"})["type"]
    return _checked(merges, ids, special, form)


def _require_byte_level(content: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """Refuses a tokenizer.json that is not GPT-2's kind of tokenizer."""
    before = content.get("pre_tokenizer") or {}
    behind = (content.get("post_processor") or {}).get("type", "ByteLevel")
    added = [each["content"] for each in content["added_tokens"] if not each["special"]]
    wrong = {
        "model": model.get("type") != "BPE" and model.get("type"),
        "pre_tokenizer": before.get("type") != "ByteLevel" and (before.get("type") or "none"),
        "add_prefix_space": before.get("add_prefix_space"),
        "use_regex": before.get("use_regex", True) is False and "false",
        "normalizer": (content.get("normalizer") or {}).get("type") not in (None, "NFC", "NFKC")
        and content["normalizer"]["type"],
        "dropout": model.get("dropout"),
        "byte_fallback": model.get("byte_fallback"),
        "continuing_subword_prefix": model.get("continuing_subword_prefix"),
        "end_of_word_suffix": model.get("end_of_word_suffix"),
        "truncation": content.get("truncation"),
        "padding": content.get("padding"),
        "post_processor": behind != "ByteLevel" and behind,
        "added token that is not special": added and added[0],
        **_wrong_in_added_tokens(content["added_tokens"]),
    }
    for key, found in wrong.items():
        if found:
            remedy = "give a byte-level BPE behind GPT-2's split, as gptfx tokenizer export writes"
            raise InputError("this kind of tokenizer.json is not read", f"{key}: {found}", remedy)


def _wrong_in_added_tokens(added: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Ways of finding special tokens that are not ours, each with the token."""
    ways = ("lstrip", "rstrip", "single_word")
    return {
        f"special token with {way}": each["content"]
        for way in ways
        for each in added
        if each.get(way)
    }


def _require_bytes(tokens: Mapping[bytes, int]) -> None:
    for value in range(FIRST_MERGE):
        if bytes([value]) not in tokens:
            remedy = "give one in which every byte is a token, so that nothing is unknown"
            raise InputError("the vocabulary lacks a byte", f"0x{value:02x}", remedy)


def _checked(
    merges: Sequence[Pair], ids: Sequence[int], special: Mapping[str, int], form: Any = "none"
) -> Tokenizer:
    """Refuses merges that do not turn every token's bytes into that token."""
    used = {*ids, *special.values()}
    if len(used) < len(ids) + len(special) or min(used) < 0:
        raise InputError("two tokens share an id", f"{len(ids)} tokens", GIVE)
    ranks = {pair: FIRST_MERGE + index for index, pair in enumerate(merges)}
    for number, token in enumerate(token_bytes(merges)):
        if merge_word(token, ranks) != [number]:
            written = alphabet.spell(token)
            raise InputError("a token's bytes do not merge to it", written, GIVE)
    separator = special.get(SEPARATOR, max(used) + 1)
    others = sorted(
        (each for each in special.items() if each[0] != SEPARATOR), key=lambda it: it[1]
    )
    same = tuple(ids) == tuple(range(len(ids)))
    return Tokenizer(
        merges=tuple(merges),
        ids=None if same else tuple(ids),
        special_tokens=((SEPARATOR, separator), *others),
        normalization=form,
    )
