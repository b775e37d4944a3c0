"""Files of other libraries: what we write they read with equal results, and the other way round."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiktoken
import tokenizers
from tiktoken.load import load_tiktoken_bpe
from tokenizers import models, pre_tokenizers, trainers

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers.exporting import tiktoken_arguments, write_tokenizer
from gptfx.modules.tokenizers.importing import read_tokenizer
from gptfx.modules.tokenizers.kinds import byte_tokenizer, char_tokenizer, count_pieces, train_bpe
from gptfx.modules.tokenizers.tokenizer import Tokenizer

HARD = ["", "They'll  go\n\n", "naïve e\u0301 😀 漢字 \0 \u2028 ½", " " * 9 + "x", "aaaa" * 9, "Ġ"]


def as_tiktoken(tokenizer: Tokenizer, path: Path) -> tiktoken.Encoding:
    ranks = load_tiktoken_bpe(str(path))
    return tiktoken.Encoding("ours", mergeable_ranks=ranks, **tiktoken_arguments(tokenizer))


@pytest.fixture(scope="module")
def small(texts: list[bytes]) -> Tokenizer:
    return train_bpe(count_pieces(texts), 600, special_tokens=["<user>"])


def test_tiktoken_reads_what_we_write(small: Tokenizer, texts: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "ours.tiktoken"
    write_tokenizer(small, "tiktoken", path)
    encoding = as_tiktoken(small, path)
    for text in [*HARD, *(text.decode() for text in texts)]:
        assert encoding.encode_ordinary(text) == small.encode(text.encode())
    spelled = "a<user>b<|endoftext|>"
    allowed = {"<user>", "<|endoftext|>"}
    assert encoding.encode(spelled, allowed_special=allowed) == small.encode(
        spelled.encode(), allowed
    )


@pytest.mark.parametrize("form", ["none", "NFC", "NFKC"])
def test_hugging_face_reads_what_we_write(texts: list[bytes], tmp_path: Path, form: Any) -> None:
    ours = train_bpe(count_pieces(texts, "bpe", form), 600, normalization=form)
    path = tmp_path / "tokenizer.json"
    write_tokenizer(ours, "huggingface", path)
    theirs = tokenizers.Tokenizer.from_file(str(path))
    for text in [*HARD, "ﬁ e\u0301", *(text.decode() for text in texts)]:
        ids = ours.encode(text.encode())
        assert theirs.encode(text).ids == ids
        assert theirs.decode(ids).encode() == ours.decode(ids)
    assert theirs.token_to_id("<|endoftext|>") == ours.separator_id


@pytest.mark.parametrize("form", ["tiktoken", "huggingface"])
def test_what_we_write_we_read(small: Tokenizer, tmp_path: Path, form: Any) -> None:
    path = tmp_path / "file"
    write_tokenizer(small, form, path)
    back = read_tokenizer(path)
    assert (back.merges, back.ids) == (small.merges, None)
    assert back.separator_id == small.separator_id
    if form == "huggingface":
        assert back.special_tokens == small.special_tokens


@pytest.mark.parametrize("form", ["tiktoken", "huggingface"])
def test_bytes_can_be_written_too(tmp_path: Path, form: Any) -> None:
    write_tokenizer(byte_tokenizer(), form, tmp_path / "file")
    assert read_tokenizer(tmp_path / "file").encode("é".encode()) == [0xC3, 0xA9]


def test_a_tokenizer_that_hugging_face_trained_keeps_its_ids(
    texts: list[bytes], tmp_path: Path
) -> None:
    theirs = tokenizers.Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = tokenizers.decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<pad>", "<|endoftext|>"],
        show_progress=False,
    )
    theirs.train_from_iterator((text.decode() for text in texts), trainer)
    theirs.save(str(tmp_path / "tokenizer.json"))
    ours = read_tokenizer(tmp_path / "tokenizer.json")
    assert dict(ours.special_tokens) == {"<|endoftext|>": 1, "<pad>": 0}
    assert ours.vocab_size == 500
    for text in [*HARD, *(text.decode() for text in texts)]:
        assert ours.encode(text.encode()) == theirs.encode(text).ids


def test_what_a_form_cannot_say_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no form for characters.*bpe, byte or gpt2"):
        write_tokenizer(char_tokenizer("é"), "huggingface", tmp_path / "file")
    with pytest.raises(InputError, match=r"tiktoken does not normalize.*NFC"):
        write_tokenizer(byte_tokenizer(normalization="NFC"), "tiktoken", tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_tokenizer(byte_tokenizer(), "tiktoken", tmp_path / "no" / "file")


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.pop(key)


def in_model(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["model"].update({key: value})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("model"), "damaged.*model"),
        (in_model("type", "WordPiece"), "not read.*model: WordPiece"),
        (in_model("byte_fallback", True), "byte_fallback"),
        (in_model("dropout", 0.1), "dropout: 0.1"),
        (lambda content: content.update(pre_tokenizer=None), "pre_tokenizer: none"),
        (lambda content: content["pre_tokenizer"].update(use_regex=False), "use_regex: false"),
        (lambda content: content["pre_tokenizer"].update(add_prefix_space=True), "add_prefix_spa"),
        (lambda content: content.update(normalizer={"type": "Lowercase"}), "Lowercase"),
        (lambda content: content["model"]["vocab"].pop("Ġ"), "lacks a byte.*0x20"),
        (lambda content: content["model"]["vocab"].update(zzzz=9999), "neither a byte nor a merge"),
        (lambda content: content["model"]["vocab"].update(Ġ=65), "share an id"),
        (lambda content: content["model"]["merges"].reverse(), "damaged|do not merge"),
        (lambda content: content["added_tokens"][0].update(special=False), "not special: <|endof"),
        (lambda content: content["added_tokens"][0].update(lstrip=True), "lstrip: <|endoftext"),
        (lambda content: content["added_tokens"][0].update(single_word=True), "single_word: <|end"),
        (in_model("end_of_word_suffix", "</w>"), "end_of_word_suffix: </w>"),
        (in_model("continuing_subword_prefix", "##"), "continuing_subword_prefix: ##"),
        (lambda content: content.update(truncation={"max_length": 5}), "truncation: .*max_length"),
        (lambda content: content.update(padding={"pad_id": 0}), "padding: .*pad_id"),
        (
            lambda content: content.update(post_processor={"type": "TemplateProcessing"}),
            "post_processor: TemplateProcessing",
        ),
    ],
)
def test_another_kind_of_tokenizer_json_is_refused_by_name(
    small: Tokenizer,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    words: str,
) -> None:
    path = tmp_path / "tokenizer.json"
    write_tokenizer(small, "huggingface", path)
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=words) as refused:
        read_tokenizer(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no ranks",
        "IQ== 0\n",
        "!!! 0\n",
        "{",
        "#version: 0.2\nĠ t\nx",
        '{"format": "gptfx.tokenizer/1"}',
    ],
)
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "file"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError):
        read_tokenizer(path)


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\x7fELF\xd0")
    with pytest.raises(InputError, match=r"not text.*file: .*position 4"):
        read_tokenizer(path)


def test_a_line_that_is_no_rank_and_a_token_that_comes_twice_are_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_tokenizer(byte_tokenizer(), "tiktoken", path)
    whole = path.read_text()
    path.write_text(whole + "YQ== x\n")
    with pytest.raises(InputError, match=r"no token in base64.*line 257: YQ== x"):
        read_tokenizer(path)
    path.write_text(whole + "YQ== 256\n")
    with pytest.raises(InputError, match=r"twice.*line 257"):
        read_tokenizer(path)


def test_a_file_of_ours_is_read_as_well(small: Tokenizer, tmp_path: Path) -> None:
    assert read_tokenizer(small.save(tmp_path)).digest == small.digest
    with pytest.raises(InputError, match=r"only merges.*kind byte.*needs no file"):
        read_tokenizer(byte_tokenizer().save(tmp_path))


def test_ranks_with_a_token_that_cannot_be_reached_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_tokenizer(byte_tokenizer(), "tiktoken", path)
    path.write_text(path.read_text() + "YWJj 256\n")  # abc, without ab or bc
    with pytest.raises(InputError, match=r"not made of two of lower rank.*abc"):
        read_tokenizer(path)
