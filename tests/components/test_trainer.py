"""GptTrainer exports models that stand on their own and know where they come from."""

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import Artifact, artifact_utils

from gptfx.components.examples import EVAL, TRAIN, RawExample, read_raw_examples
from gptfx.components.exported import exported_card, exported_folder
from gptfx.modules.config import BigramConfig
from gptfx.modules.tokenizers.tokenizer import Tokenizer

Artifacts = dict[str, Artifact]


def evaluate(model: Artifact, example: RawExample) -> dict[str, float]:
    """What the exported `evaluate` signature says of one example."""
    signatures = tf.saved_model.load(str(exported_folder(model))).signatures
    result = signatures["evaluate"](examples=tf.constant([example.serialize()]))
    return {name: float(value[0]) for name, value in result.items()}


def raw(examples: Artifact, split: str) -> list[RawExample]:
    passages = read_raw_examples(artifact_utils.get_split_uri([examples], split))
    return sorted(passages, key=lambda passage: (passage.source, passage.position))


@pytest.mark.parametrize("fixture", ["gpt", "bigram", "sparse_bigram"])
def test_the_saved_model_continues_a_prompt(fixture: str, request: pytest.FixtureRequest) -> None:
    folder = exported_folder(request.getfixturevalue(fixture)["model"])
    signatures = tf.saved_model.load(str(folder)).signatures
    spoken = signatures["serving_default"](prompt=tf.constant(["When will", ""]))
    assert spoken["text"].shape == (2,)
    assert max(spoken["tokens"].numpy()) <= 2  # generation.max_new_tokens


@pytest.mark.parametrize("fixture", ["gpt", "bigram", "sparse_bigram"])
def test_the_card_holds_lineage_configuration_and_what_was_learned_from(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    card = exported_card(request.getfixturevalue(fixture)["model"])
    assert card["lineage"] == {"corpora": ["rhymes"], "tokenizer": "bpe", "preset": "tiny"}
    assert card["model"]["kind"] == ("gpt" if fixture == "gpt" else "bigram")
    assert card["model"]["block_size"] == 8
    assert card["generation"]["max_new_tokens"] == 2
    assert card["tokenizer"].pop("digest")
    assert card["tokenizer"] == {"kind": "bpe", "vocab_size": 280, "normalization": "none"}
    assert card["train_tokens"] > 100
    assert card["versions"]["tensorflow"] == tf.__version__
    assert ("trainer" in card, "bigram" in card) == (fixture == "gpt", fixture != "gpt")


def test_the_card_tells_no_paths_of_this_machine(gpt: Artifacts) -> None:
    assert str(Path(gpt["model"].uri).parents[1]) not in str(exported_card(gpt["model"]))


def test_models_are_told_apart_by_their_ids(
    gpt: Artifacts, bigram: Artifacts, sparse_bigram: Artifacts
) -> None:
    models = [outputs["model"] for outputs in (gpt, bigram, sparse_bigram)]
    assert len({exported_card(model)["model_id"] for model in models}) == 3


def test_the_same_training_gives_the_same_model(
    gpt: Artifacts, train: Callable[..., Artifacts]
) -> None:
    card = exported_card(gpt["model"])
    again = train(model=card["model"], trainer=card["trainer"])
    assert exported_card(again["model"]) == card


def test_the_curves_are_in_the_model_run(gpt: Artifacts) -> None:
    (events,) = Path(gpt["model_run"].uri).glob("events.out.tfevents.*")
    found: dict[str, list[int]] = {}
    for event in tf.compat.v1.train.summary_iterator(str(events)):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append(event.step)
    assert found["loss/train_nats_per_token"] == [1, 2]
    assert set(found) >= {"learning_rate", "gradient_norm", "tokens_per_second"}


@pytest.fixture(scope="module")
def by_hand(examples: Artifact, tokenizer: Artifact) -> dict[str, float]:
    """The bigram model's verdict on the first eval passage, from the definition."""
    python = Tokenizer.load(Path(tokenizer.uri))
    size, strength = python.vocab_size, BigramConfig().smoothing
    stream, last = [], None
    for passage in raw(examples, TRAIN):
        stream += [python.separator_id] if passage.source != last else []
        stream += python.encode(passage.text)
        last = passage.source
    pairs, firsts, singles = Counter(pairwise(stream)), Counter(stream[:-1]), Counter(stream)

    def probability(token: int, following: int) -> float:
        alone = (singles[following] + 1) / (len(stream) + size)
        return (pairs[token, following] + strength * alone) / (firsts[token] + strength)

    text = raw(examples, EVAL)[0].text
    ids = python.encode(text)
    before = [python.separator_id, *ids[:-1]]
    nats = -sum(math.log(probability(*pair)) for pair in zip(before, ids, strict=True))
    correct = sum(
        np.argmax([probability(token, other) for other in range(size)]) == following
        for token, following in zip(before, ids, strict=True)
    )
    return {"nats": nats, "tokens": len(ids), "bytes": len(text), "correct": float(correct)}


@pytest.mark.parametrize("fixture", ["bigram", "sparse_bigram"])
def test_the_exported_bigram_judges_a_passage_as_computed_by_hand(
    fixture: str,
    by_hand: dict[str, float],
    examples: Artifact,
    request: pytest.FixtureRequest,
) -> None:
    model = request.getfixturevalue(fixture)["model"]
    assert evaluate(model, raw(examples, EVAL)[0]) == pytest.approx(by_hand, rel=1e-5)


def test_after_two_steps_gpt_still_needs_about_ln_vocab_size_nats_a_token(
    gpt: Artifacts, examples: Artifact
) -> None:
    result = evaluate(gpt["model"], raw(examples, EVAL)[0])
    assert result["nats"] / result["tokens"] == pytest.approx(math.log(280), rel=0.05)
