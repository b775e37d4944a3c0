"""Normalization in Python is that of tensorflow-text in the graph, for every character."""

import random

import pytest
import tensorflow as tf

from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.graph_splitting import normalizer
from gptfx.modules.tokenizers.kinds import byte_tokenizer, count_pieces, train_bpe
from gptfx.modules.tokenizers.normalization import Normalization, normalize

EVERY_CHARACTER = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
FORMS: list[Normalization] = ["NFC", "NFKC"]


def in_the_graph(texts: list[str], form: Normalization) -> list[str]:
    batch = tf.constant([text.encode() for text in texts])
    return [text.decode() for text in normalizer(form)(batch).numpy()]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("before", "behind"),
    [("", ""), ("a", "\u0323\u0301\u0345\u3099"), ("\U00011935", "\u0301"), ("\u0301", "\u0323")],
    ids=["alone", "before marks", "after a vowel sign", "between marks"],
)
def test_every_character_becomes_the_same(form: Normalization, before: str, behind: str) -> None:
    texts = [f"{before}{character}{behind}" for character in EVERY_CHARACTER]
    assert [normalize(text, form) for text in texts] == in_the_graph(texts, form)


@pytest.mark.parametrize("form", FORMS)
def test_random_texts_become_the_same(form: Normalization) -> None:
    rng = random.Random(0)
    texts = ["".join(rng.choices(EVERY_CHARACTER[0x300:0x3200], k=9)) for _ in range(20_000)]
    assert [normalize(text, form) for text in texts] == in_the_graph(texts, form)


def test_a_tokenizer_normalizes_before_it_splits_and_says_so() -> None:
    counts = count_pieces(["ﬁne é".encode()], "bpe", "NFKC")
    assert [word for word, _ in counts] == [b"fine", " é".encode()]
    tokenizer = train_bpe(counts, 260, normalization="NFKC")
    assert tokenizer.encode("ﬁ e\u0301".encode()) == tokenizer.encode("fi é".encode())
    graph = GraphTokenizer(tokenizer)
    texts = ["ﬁne e\u0301", "\U00011938", "\u1112\u1161\u11ab"]
    encoded = graph.encode(tf.constant([text.encode() for text in texts])).to_list()
    assert encoded == [tokenizer.encode(text.encode()) for text in texts]


def test_only_a_normalizing_graph_uses_an_op_of_tensorflow_text() -> None:
    def ops(form: Normalization) -> set[str]:
        graph = GraphTokenizer(byte_tokenizer(normalization=form))
        function = tf.function(graph.encode, input_signature=[tf.TensorSpec([None], tf.string)])
        definition = function.get_concrete_function().graph.as_graph_def()
        inner = [node for each in definition.library.function for node in each.node_def]
        return {node.op for node in [*definition.node, *inner]}

    assert any("Normalize" in op for op in ops("NFC"))
    assert not any("Normalize" in op for op in ops("none"))
