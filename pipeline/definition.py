"""The pipeline on one screen: from texts to a pushed model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow_data_validation as tfdv
from tfx.components import ExampleValidator, StatisticsGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.pipeline import Pipeline
from tfx.types import BaseChannel

from gptfx.components.bulk_inferrer.component import GatedInferrer
from gptfx.components.bulk_scorer.component import BulkScorer
from gptfx.components.data_gate.component import DataGate
from gptfx.components.evaluator.component import GateEvaluator
from gptfx.components.evaluator.eval_config import bounds, eval_config
from gptfx.components.infra_validator.component import ServingValidator
from gptfx.components.last_blessed.component import LastBlessed
from gptfx.components.model_card.component import ModelCardWriter
from gptfx.components.pusher.component import GatedPusher
from gptfx.components.schema.component import CuratedSchema
from gptfx.components.text_example_gen.component import TextExampleGen
from gptfx.components.tokenizer_trainer.component import TokenizerTrainer
from gptfx.components.trainer.component import INIT_DIGEST, GptTrainer
from gptfx.components.transform.component import TokenizeTransform
from gptfx.components.tuner.component import GptTuner
from gptfx.modules.config import ModelConfig
from gptfx.modules.export.card import PASSAGE_BYTES
from gptfx.modules.export.versions import LINEAGE
from gptfx.modules.training.origin import content_digest
from gptfx.pipeline.card_input import configuration_of, corpora_of
from gptfx.pipeline.config import Config
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.stores import connection

# Texts are long and hardly ever repeat: no lists of their most frequent values.
STATISTICS = tfdv.StatsOptions(num_top_values=2, num_rank_histogram_buckets=2)


class StartedWith(NamedTuple):
    """What a run may be started with: values, or TFX's RuntimeParameters; None for what stays.

    Attributes:
      corpus_uri: where corpora are that are named by relative paths.
      train_steps, seed: of the trainer; a bigram has neither.
      max_bits_per_byte: the absolute bound over all texts.
      checkpoints_folder: where trainings leave checkpoints, if not beside their outputs.
    """

    corpus_uri: Any = ""
    train_steps: Any = None
    seed: Any = None
    max_bits_per_byte: Any = None
    checkpoints_folder: str | None = None


def create_components(
    config: Config,
    corpora: Mapping[str, str],
    serving_folder: str,
    to_score: Mapping[str, str] | None = None,
    started_with: StartedWith | None = None,
) -> list[BaseNode]:
    """Wires the nodes, in the order in which they run; nothing runs yet.

    Args:
      config: of the run.
      corpora: where each corpus is, by its name: a file, a folder or a pattern with spans.
      serving_folder: where pushed versions go.
      to_score: corpora that the finished model is asked about, as `corpora`; None for none.
      started_with: what takes the place of what `config` says when a run is started.
    """
    data, told = config.data, started_with or StartedWith()
    cut = (data.eval_fraction, data.passage_bytes, data.latest_spans)
    ingest = TextExampleGen(corpora, *cut, told.corpus_uri).with_id("ingest")
    examples = ingest.outputs["examples"]
    statistics = StatisticsGen(examples, stats_options=STATISTICS).with_id("statistics")
    schema_gen = CuratedSchema().with_id("schema")
    curated = schema_gen.outputs["schema"]
    validator = ExampleValidator(statistics.outputs["statistics"], curated).with_id("validator")
    anomalies = validator.outputs["anomalies"]
    gate = DataGate(examples, anomalies, data.max_invalid_fraction).with_id("data-gate")
    tokenizer = TokenizerTrainer(examples, config.tokenizer).with_id("tokenizer")
    tokenizer.add_upstream_node(gate)
    transform = TokenizeTransform(examples, curated, tokenizer.outputs["tokenizer"])
    transform = transform.with_id("transform")
    models = _trainers(config, sorted(corpora), tokenizer, transform, told)
    judges = _judges(config, examples, models, serving_folder, told)
    model, blessings = models["trainer"].outputs["model"], _blessings(judges)
    about = corpora_of(data, corpora)
    card = _card(config, about, examples, tokenizer, models["trainer"], judges)
    pusher = GatedPusher(
        model,
        serving_folder=serving_folder,
        **blessings,
        model_card=card.outputs["card"],
    ).with_id("pusher")
    prepared = [ingest, statistics, schema_gen, validator, gate, tokenizer, transform]
    scoring = _scoring(config, to_score or {}, model, blessings, told)
    return [*prepared, *models.values(), *judges.values(), card, pusher, *scoring]


def _trainers(
    config: Config,
    corpus_names: list[str],
    tokenizer: BaseNode,
    transform: BaseNode,
    told: StartedWith,
) -> dict[str, BaseNode]:
    """`trainer` fits the model, `bigram` the baseline where the model is compared with one; `tuner`
    looks for what the trainer is to take, where it is asked to."""
    outputs = transform.outputs
    inputs = (
        outputs["transformed_examples"],
        outputs["transform_graph"],
        tokenizer.outputs["tokenizer"],
    )
    nodes: dict[str, BaseNode] = {}
    if config.compares_with_bigram:
        baseline = ModelConfig(kind="bigram", block_size=config.model.block_size)
        counting = _settings(config, baseline, corpus_names)
        nodes["bigram"] = GptTrainer(*inputs, counting).with_id("bigram")
    fitting, best = _settings(config, config.model, corpus_names), None
    if config.tuner.enabled:
        nodes["tuner"] = GptTuner(*inputs, fitting, config.tuner).with_id("tuner")
        best = nodes["tuner"].outputs["best_hyperparameters"]
    is_fitted = config.model.kind != "bigram"  # which is counted, with no steps and no seed
    how = (told.train_steps, told.seed, told.checkpoints_folder) if is_fitted else ()
    return {**nodes, "trainer": GptTrainer(*inputs, fitting, best, *how).with_id("trainer")}


def _settings(config: Config, model: ModelConfig, corpus_names: list[str]) -> dict[str, Any]:
    """What a trainer is told; a key that does not matter to a model must not train it again."""
    fitting = "bigram" if model.kind == "bigram" else "trainer"
    lineage = {
        "corpora": corpus_names,
        "tokenizer": config.tokenizer.kind,
        "preset": config.preset,
    }
    extra: dict[str, Any] = {}
    if fitting == "trainer":
        extra["weights"] = config.data.weights
        if config.trainer.init_from:  # by content: other weights in the folder train again
            extra[INIT_DIGEST] = content_digest(Path(config.trainer.init_from))
    elif config.trainer.streaming:  # whoever is too large for one is too large for the other
        extra["streaming"] = True
    return {
        **extra,
        PASSAGE_BYTES: config.data.passage_bytes,
        "model": model.model_dump(),
        fitting: getattr(config, fitting).model_dump(),
        "generation": config.generation.model_dump(),
        LINEAGE: lineage,
    }


def _judges(
    config: Config,
    examples: BaseChannel,
    models: dict[str, BaseNode],
    serving_folder: str,
    told: StartedWith,
) -> dict[str, BaseNode]:
    """`evaluator`: the absolute bounds, and the gain over the bigram; `regression`: against the
    last blessed model (TFMA compares with one model at a time); `infra-validator`: does the model
    answer? Each judges whatever the others say, so that a run tells all that is wrong."""
    gate, model = config.evaluator, models["trainer"].outputs["model"]
    baseline = models["bigram"].outputs["model"] if "bigram" in models else None
    gain = -(gate.min_gain_over_bigram or 0.0) if baseline else None
    absolute = bounds(gate.max_bits_per_byte, gain)
    judgement = eval_config(absolute, gate.slice_max_bits_per_byte, bool(baseline))
    evaluator = GateEvaluator(examples, model, judgement, baseline, told.max_bits_per_byte)
    evaluator = evaluator.with_id("evaluator")
    judges: dict[str, BaseNode] = {"evaluator": evaluator}
    if gate.tolerance is not None:
        last = LastBlessed(model, serving_folder).with_id("last-blessed")
        comparison = eval_config(bounds(None, gate.tolerance), {}, has_baseline=True)
        regression = GateEvaluator(examples, model, comparison, last.outputs["model"])
        judges |= {"last-blessed": last, "regression": regression.with_id("regression")}
    if config.infra_validator.enabled:
        asking = ServingValidator(model, config.infra_validator.timeout_seconds)
        judges["infra-validator"] = asking.with_id("infra-validator")
    return judges


def _blessings(judges: dict[str, BaseNode]) -> dict[str, BaseChannel | None]:
    """What nodes that obey the gates are handed."""
    given = {name: node.outputs.get("blessing") for name, node in judges.items()}
    return {
        "blessing": given["evaluator"],
        "regression_blessing": given.get("regression"),
        "infra_blessing": given.get("infra-validator"),
    }


def _card(
    config: Config,
    corpora: list[dict[str, Any]],
    examples: BaseChannel,
    tokenizer: BaseNode,
    trainer: BaseNode,
    judges: dict[str, BaseNode],
) -> BaseNode:
    """`model-card`: whatever the gates say."""
    regression = judges.get("regression")
    return ModelCardWriter(
        **trainer.outputs,
        examples=examples,
        tokenizer=tokenizer.outputs["tokenizer"],
        evaluation=judges["evaluator"].outputs["evaluation"],
        regression_evaluation=regression.outputs["evaluation"] if regression else None,
        **_blessings(judges),
        corpora=corpora,
        config=configuration_of(config),
        **config.model_card.model_dump(),
    ).with_id("model-card")


def _scoring(
    config: Config,
    corpora: Mapping[str, str],
    model: BaseChannel,
    blessings: dict[str, BaseChannel | None],
    told: StartedWith,
) -> list[BaseNode]:
    """`bulk-ingest`, `bulk-inferrer` and `bulk-scorer`, where there is something to score."""
    if not corpora:
        return []
    cut = (0.0, config.data.passage_bytes, config.data.latest_spans)
    ingest = TextExampleGen(corpora, *cut, told.corpus_uri).with_id("bulk-ingest")
    inferrer = GatedInferrer(ingest.outputs["examples"], model, **blessings)
    inferrer = inferrer.with_id("bulk-inferrer")
    scorer = BulkScorer(inferrer.outputs["inference_result"]).with_id("bulk-scorer")
    return [ingest, inferrer, scorer]


def create_pipeline(config: Config, components: list[BaseNode], layout: Layout) -> Pipeline:
    """A TFX pipeline of the nodes, with its artifacts and ML Metadata below the layout's root."""
    return Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=str(layout.artifacts(config.pipeline_name)),
        components=components,
        enable_cache=True,
        metadata_connection_config=connection(config.metadata.address(layout), is_written=True),
        beam_pipeline_args=list(config.beam.pipeline_args),
    )
