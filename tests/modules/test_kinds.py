"""The four kinds behind one interface, in Python and in the graph."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gptfx.data.errors import InputError
from gptfx.modules.config import TokenizerConfig
from gptfx.modules.tokenizers.configured import make_tokenizer, require_ready
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.kinds import byte_tokenizer, char_tokenizer, count_pieces
from gptfx.modules.tokenizers.tokenizer import Tokenizer

KINDS = ["bpe", "byte", "char", "gpt2"]
CORPUS = ["They'd déjà vu 漢字 in 1999.\n".encode()]
NONCHARACTERS = [0xFDD0, 0xFDEF, *(plane + last for plane in range(0, 0x110000, 0x10000)
                                   for last in (0xFFFE, 0xFFFF))]  # fmt: skip
HARD = [
    b"",
    *(f"a{chr(code)}b".encode() for code in NONCHARACTERS),
    b"They'd \xff\xfe not \xe6 UTF-8 \xed\xa0\x80",
    "naïve e\u0301 😀 漢 \0 \u2028 ½".encode(),
    b"<|endoftext|>",
    b" " * 100 + b"x",
]
any_text = st.text(st.characters(blacklist_categories=("Cs",)))


def make(kind: str, **settings: object) -> Tokenizer:
    config = TokenizerConfig.model_validate({"kind": kind, "vocab_size": 280, **settings})
    return make_tokenizer(config, count_pieces(CORPUS, config.kind, config.normalization))


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return make(request.param)


@pytest.fixture(scope="module")
def graph(tokenizer: Tokenizer) -> GraphTokenizer:
    return GraphTokenizer(tokenizer)


@pytest.fixture(scope="module")
def encode(graph: GraphTokenizer) -> Callable[[list[bytes]], list[list[int]]]:
    function = tf.function(graph.encode, input_signature=[tf.TensorSpec([None], tf.string)])
    return lambda texts: function(tf.constant(texts, tf.string)).to_list()


def test_no_text_is_lost(tokenizer: Tokenizer) -> None:
    for text in [*CORPUS, *HARD]:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text.decode("utf-8", "replace").encode()
        assert all(0 <= index < tokenizer.vocab_size for index in ids)


def test_the_graph_gives_the_ids_of_python(
    tokenizer: Tokenizer, encode: Callable[[list[bytes]], list[list[int]]]
) -> None:
    texts = [*CORPUS, *HARD]
    assert encode(texts) == [tokenizer.encode(text) for text in texts]
    assert encode([]) == []


@settings(deadline=None)
@given(text=any_text)
@example(text="")
def test_on_any_text_the_graph_gives_the_ids_of_python(
    tokenizer: Tokenizer, encode: Callable[[list[bytes]], list[list[int]]], text: str
) -> None:
    assert encode([text.encode()]) == [tokenizer.encode(text.encode())]


def test_the_graph_decodes_what_it_encoded(
    graph: GraphTokenizer, encode: Callable[[list[bytes]], list[list[int]]]
) -> None:
    texts = [*CORPUS, *HARD]
    decoded = graph.decode(tf.ragged.constant(encode(texts), tf.int64)).numpy().tolist()
    assert decoded == [text.decode("utf-8", "replace").encode() for text in texts]


def test_the_file_gives_the_same_tokenizer_back(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    loaded = Tokenizer.load(tmp_path)
    assert loaded == tokenizer
    assert loaded.digest == tokenizer.digest


def damaged(change: Callable[[dict[str, Any]], Any], folder: Path) -> None:
    path = make("bpe").save(folder)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content.update(merges=[[9999, 3]]), r"damaged.*merge of \(9999, 3\)"),
        (lambda content: content.update(merges="x"), "damaged.*not enough values"),
        (lambda content: content.update(ids=[1, 2]), "damaged.*id of its own"),
        (lambda content: content.update(kind="foo"), "damaged.*kind 'foo'"),
        (lambda content: content.update(special_tokens=[["<|endoftext|>", 5]]), "damaged.*own"),
        (lambda content: content.pop("words"), "damaged.*words"),
        (lambda content: content.update(format="gptfx.tokenizer/9"), "not a tokenizer of this"),
    ],
)
def test_a_damaged_file_is_refused_and_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    damaged(change, tmp_path)
    with pytest.raises(InputError, match=rf"tokenizer\.json: .*{words}"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(InputError, match=r"tokenizer\.json: the tokenizer is damaged"):
        Tokenizer.load(tmp_path)


def test_kinds_have_different_digests() -> None:
    assert len({make(kind).digest for kind in KINDS}) == len(KINDS)


def test_a_byte_is_its_own_id_and_257_ids_are_all() -> None:
    tokenizer = byte_tokenizer()
    assert tokenizer.encode("é!".encode()) == [0xC3, 0xA9, ord("!")]
    assert (tokenizer.vocab_size, tokenizer.separator_id) == (257, 256)


def test_a_character_of_the_corpus_is_one_token_and_another_one_is_its_bytes() -> None:
    tokenizer = char_tokenizer("aé漢é")
    assert tokenizer.encode("aé漢ü".encode()) == [ord("a"), 256, 257, 0xC3, 0xBC]
    assert (tokenizer.vocab_size, tokenizer.separator_id) == (259, 258)


def test_gpt2_has_the_ids_that_everyone_knows() -> None:
    tokenizer = make("gpt2")
    assert tokenizer.encode(b"Hello world") == [15496, 995]
    assert (tokenizer.vocab_size, tokenizer.separator_id) == (50257, 50256)


def test_a_small_corpus_gives_a_smaller_vocabulary_or_an_error_by_a_flag() -> None:
    assert make("bpe", vocab_size=5000).vocab_size < 5000
    with pytest.raises(InputError, match=r"has pairs for .* only.*5000.*allow_fewer=true"):
        make("bpe", vocab_size=5000, allow_fewer=False)


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_come_after_all_others(kind: str) -> None:
    tokenizer = make(kind, special_tokens=["<a>", "<b>"])
    names = [name for name, _ in tokenizer.special_tokens]
    assert names == ["<|endoftext|>", "<a>", "<b>"]
    first = len(tokenizer.numbered_bytes)
    assert [index for _, index in tokenizer.special_tokens] == [first, first + 1, first + 2]
    assert tokenizer.vocab_size == first + 3


def test_an_id_that_is_none_is_refused() -> None:
    for index in (-1, 257):
        with pytest.raises(InputError, match=rf"no such token.*{index}.*0 to 256"):
            byte_tokenizer().decode([index])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "word"}, "'bpe', 'byte', 'char' or 'gpt2'"),
        ({"kind": "char", "file": "x"}, "read from no file"),
        ({"special_tokens": ["<a>", "<a>"]}, "each special token once"),
        ({"special_tokens": ["<|endoftext|>"]}, "and not <|endoftext|>".replace("|", r"\|")),
        ({"special_tokens": [""]}, "at least 1 character"),
        ({"vocab_size": 257, "special_tokens": ["<a>"]}, "258 or more"),
        ({"normalization": "NFD"}, "'none', 'NFC' or 'NFKC'"),
    ],
)
def test_an_impossible_configuration_is_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TokenizerConfig.model_validate(settings)


def test_what_a_run_needs_is_said_before_it_runs(tmp_path: Path) -> None:
    assert require_ready(TokenizerConfig()) == "bpe, to be learned"
    assert require_ready(TokenizerConfig(kind="gpt2")) == "gpt2, 50,257 ids"
    with pytest.raises(InputError, match=r"cannot be read.*nowhere"):
        require_ready(TokenizerConfig(file=str(tmp_path / "nowhere")))


def test_a_normalizing_tokenizer_needs_tensorflow_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptfx.modules.tokenizers.configured.find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"tensorflow-text.*NFC.*install gptfx\[text\]"):
        require_ready(TokenizerConfig(normalization="NFC"))
