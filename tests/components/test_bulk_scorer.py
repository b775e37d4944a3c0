"""What GatedInferrer asked a model about texts adds up to what scoring them here gives."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts

from gptfx.components.bulk_inferrer.component import GatedInferrer
from gptfx.components.bulk_scorer.component import BulkScorer
from gptfx.components.bulk_scorer.executor import read_scores
from gptfx.components.examples import EVAL, TRAIN, read_raw_examples
from gptfx.modules.config import GenerationConfig, ModelConfig
from gptfx.modules.evaluation.scoring import BYTES, CORRECT, NATS, TOKENS, score_texts
from gptfx.modules.evaluation.sums import Sums, add_up
from gptfx.modules.export.saved_model import export
from gptfx.modules.export.serving_model import ServingModel
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.models.gpt import GPT
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer

Artifacts = dict[str, Artifact]
Execute = Callable[..., Artifacts]
TEXTS = {
    "songs/a.txt": b"sind alle meine Kleider\n" * 9,
    "songs/b.txt": b"",
    "prose/c.txt": b"x\xff",
}


@pytest.fixture(scope="module")
def others(ingest: Callable[..., Artifact], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Two corpora that are not learned from, in one split."""
    return ingest(tmp_path_factory.mktemp("others"), TEXTS, eval_fraction=0.0)


@pytest.fixture(scope="module")
def graph_tokenizer(tokenizer: Artifact) -> GraphTokenizer:
    return GraphTokenizer(Tokenizer.load(Path(tokenizer.uri)))


@pytest.fixture(scope="module")
def view(graph_tokenizer: GraphTokenizer) -> LanguageModel:
    """A GPT that was never trained."""
    config = ModelConfig(block_size=8, n_layer=1, n_head=1, n_embd=4)
    gpt = GPT(config, graph_tokenizer.vocab_size)
    gpt(np.zeros((1, 2), np.int32))
    return language_model(gpt, graph_tokenizer.vocab_size, config.block_size)


@pytest.fixture(scope="module")
def scores(
    execute: Execute,
    others: Artifact,
    view: LanguageModel,
    graph_tokenizer: GraphTokenizer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., dict[str, dict[str, float]]]:
    """Exports the model, has GatedInferrer ask it, and adds up; blessed or not."""
    folder = tmp_path_factory.mktemp("bulk")
    model = standard_artifacts.Model()
    model.uri = str(folder / "model")
    serving = ServingModel(graph_tokenizer, view, GenerationConfig(max_new_tokens=2))
    export(serving, Path(model.uri) / "Format-Serving", {"lineage": {}})

    def run(blessed: int, answers: int = 1) -> dict[str, dict[str, float]]:
        inferrer = GatedInferrer(
            Channel(type=standard_artifacts.Examples),
            Channel(type=standard_artifacts.Model),
            Channel(type=standard_artifacts.ModelBlessing),
            infra_blessing=Channel(type=standard_artifacts.InfraBlessing),
        )
        blessing, infra = standard_artifacts.ModelBlessing(), standard_artifacts.InfraBlessing()
        blessing.set_int_custom_property("blessed", blessed)
        infra.set_int_custom_property("blessed", answers)
        inputs = {"examples": others, "model": model, "blessing": blessing, "infra_blessing": infra}
        place = folder / f"{blessed}-{answers}"
        inferred = execute(inferrer, place / "inferrer", inputs)
        scorer = BulkScorer(Channel(type=standard_artifacts.InferenceResult))
        return read_scores(execute(scorer, place / "scorer", inferred)["scores"].uri)

    return run


def test_texts_without_an_eval_split_are_all_in_one(others: Artifact) -> None:
    sizes = {
        split: sum(len(each.text) for each in read_raw_examples(folder))
        for split in (TRAIN, EVAL)
        for folder in [artifact_utils.get_split_uri([others], split)]
    }
    assert sizes == {TRAIN: sum(map(len, TEXTS.values())), EVAL: 0}


def test_the_scores_of_each_corpus_are_those_of_its_passages(
    scores: Callable[..., dict[str, dict[str, float]]],
    others: Artifact,
    view: LanguageModel,
    graph_tokenizer: GraphTokenizer,
) -> None:
    found = scores(1)
    assert list(found) == ["prose", "songs"]
    examples = list(read_raw_examples(artifact_utils.get_split_uri([others], TRAIN)))
    for corpus, metrics in found.items():
        texts = [each.text for each in examples if each.source.startswith(corpus.encode())]
        scored = score_texts(tf.constant(texts), graph_tokenizer, view)
        sums = {key: float(np.sum(value, dtype=np.float64)) for key, value in scored.items()}
        assert metrics == {
            **{key: pytest.approx(sums[key], rel=1e-6) for key in (NATS, TOKENS, BYTES)},
            "bits_per_byte": pytest.approx(sums[NATS] / math.log(2) / sums[BYTES], rel=1e-6),
            "perplexity": pytest.approx(math.exp(sums[NATS] / sums[TOKENS]), rel=1e-6),
            "token_accuracy": pytest.approx(sums[CORRECT] / sums[TOKENS]),
        }
    sizes = {corpus: metrics[BYTES] for corpus, metrics in found.items()}
    assert sizes == {"prose": 2, "songs": len(TEXTS["songs/a.txt"])}


@pytest.mark.parametrize("blessings", [(0, 1), (1, 0)])
def test_a_model_that_any_gate_refused_is_not_asked_and_has_no_scores(
    scores: Callable[..., dict[str, dict[str, float]]], blessings: tuple[int, int]
) -> None:
    assert scores(*blessings) == {}


def test_sums_add_up_in_any_grouping() -> None:
    parts = [Sums(1.0, 2.0, 3.0, 0.0), Sums(2.0, 1.0, 1.0, 1.0), Sums(0.5, 1.0, 2.0, 0.0)]
    assert add_up([add_up(parts[:2]), add_up(parts[2:]), add_up([])]) == Sums(3.5, 4.0, 6.0, 1.0)
    assert json.loads(json.dumps(add_up(parts))) == [3.5, 4.0, 6.0, 1.0]
