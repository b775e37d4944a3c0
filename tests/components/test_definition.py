"""Every shipped preset compiles, and what does not matter to a node does not run it again."""

import re
from pathlib import Path

import pytest
from google.protobuf.message import Message
from tfx.dsl.compiler.compiler import Compiler
from tfx.proto.orchestration import pipeline_pb2

from gptfx.pipeline.config import load_config, preset_names
from gptfx.pipeline.definition import create_components, create_pipeline
from gptfx.pipeline.layout import Layout


def compiled(
    preset: str, *overrides: str, to_score: dict[str, str] | None = None
) -> pipeline_pb2.Pipeline:
    """The pipeline in TFX's intermediate representation."""
    config = load_config(preset, list(overrides))
    components = create_components(config, {"rhymes": "/texts/rhymes"}, "/serving", to_score)
    return Compiler().compile(create_pipeline(config, components, Layout(Path("/root"))))


def nodes(pipeline: pipeline_pb2.Pipeline) -> dict[str, pipeline_pb2.PipelineNode]:
    return {node.pipeline_node.node_info.id: node.pipeline_node for node in pipeline.nodes}


def changed(preset: str, *overrides: str) -> set[str]:
    """The nodes whose specification an override changes."""
    before, after = nodes(compiled(preset)), nodes(compiled(preset, *overrides))
    assert set(before) == set(after)
    return {name for name, node in before.items() if node != after[name]}


@pytest.mark.parametrize("preset", preset_names())
def test_a_shipped_preset_compiles_with_names_that_kubeflow_takes(preset: str) -> None:
    pipeline = compiled(preset)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,127}", pipeline.pipeline_info.id)
    for name in nodes(pipeline):
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)


def test_the_nodes_come_in_the_order_in_which_they_depend_on_each_other() -> None:
    seen: set[str] = set()
    for name, node in nodes(compiled("smoke")).items():
        assert set(node.upstream_nodes) <= seen
        seen.add(name)


def test_nothing_is_learned_before_the_gate_has_seen_the_data() -> None:
    found = nodes(compiled("smoke"))
    assert "data-gate" in found["tokenizer"].upstream_nodes
    assert {"tokenizer", "transform"} <= set(found["trainer"].upstream_nodes)


def test_without_a_comparison_no_bigram_is_trained() -> None:
    assert "bigram" in nodes(compiled("smoke"))
    assert "bigram" not in nodes(compiled("smoke", "evaluator.min_gain_over_bigram=null"))
    assert "bigram" not in nodes(compiled("bigram"))


def test_a_tuner_stands_before_the_trainer_where_it_is_asked_for_and_only_there() -> None:
    assert "tuner" not in nodes(compiled("smoke"))
    found = nodes(compiled("smoke", "tuner.enabled=true"))
    assert "transform" in found["tuner"].upstream_nodes
    assert "tuner" in found["trainer"].upstream_nodes
    assert "tuner" not in found["bigram"].upstream_nodes
    assert "hyperparameters" in found["trainer"].inputs.inputs


def test_a_longer_training_searches_no_second_time() -> None:
    before, after = (
        nodes(compiled("smoke", "tuner.enabled=true", f"trainer.steps={steps}"))
        for steps in (400, 500)
    )
    assert {name for name, node in before.items() if node != after[name]} == {"trainer"}


def test_without_a_tolerance_the_last_model_is_not_asked_for() -> None:
    found = nodes(compiled("smoke", "evaluator.tolerance=null"))
    assert not {"last-blessed", "regression"} & set(found)
    assert set(found["pusher"].inputs.inputs) == {
        "model",
        "blessing",
        "infra_blessing",
        "model_card",
    }


def test_a_model_that_is_not_asked_is_pushed_unasked() -> None:
    assert "infra-validator" in nodes(compiled("smoke"))["pusher"].upstream_nodes
    found = nodes(compiled("smoke", "infra_validator.enabled=false"))
    assert "infra-validator" not in found
    assert "infra_blessing" not in found["pusher"].inputs.inputs


def test_a_card_is_written_whatever_the_gates_say_and_before_the_push() -> None:
    found = nodes(compiled("smoke"))
    judges = {"evaluator", "regression", "infra-validator"}
    assert set(found["model-card"].upstream_nodes) == {"ingest", "tokenizer", "trainer", *judges}
    assert "model-card" in found["pusher"].upstream_nodes
    alone = nodes(compiled("bigram", "infra_validator.enabled=false"))["model-card"]
    assert set(alone.upstream_nodes) == {"ingest", "tokenizer", "trainer", "evaluator"}


def test_texts_to_score_add_three_nodes_behind_the_gate_and_change_no_other() -> None:
    before, after = nodes(compiled("smoke")), nodes(compiled("smoke", to_score={"a": "/texts/a"}))
    assert set(after) - set(before) == {"bulk-ingest", "bulk-inferrer", "bulk-scorer"}
    upstream = set(after["bulk-inferrer"].upstream_nodes)
    assert upstream == {"bulk-ingest", "trainer", "evaluator", "regression", "infra-validator"}
    assert all(after[name].inputs == node.inputs for name, node in before.items())


def test_the_nodes_that_look_at_the_world_have_drivers_of_ours() -> None:
    deployment = pipeline_pb2.IntermediateDeploymentConfig()
    compiled("smoke").deployment_config.Unpack(deployment)
    paths = {name: _class_path(spec) for name, spec in deployment.custom_driver_specs.items()}
    assert paths == {
        "ingest": "gptfx.components.text_example_gen.driver.TextDriver",
        "infra-validator": "gptfx.components.infra_validator.driver.Driver",
        "last-blessed": "gptfx.components.last_blessed.driver.Driver",
        "pusher": "gptfx.components.pusher.driver.Driver",
    }


def _class_path(packed: Message) -> str:
    from tfx.proto.orchestration.executable_spec_pb2 import PythonClassExecutableSpec

    spec = PythonClassExecutableSpec()
    packed.Unpack(spec)
    return spec.class_path


@pytest.mark.parametrize(
    ("override", "touched"),
    [
        ("evaluator.max_bits_per_byte=4.5", {"evaluator"}),
        ("evaluator.min_gain_over_bigram=0.2", {"evaluator"}),
        ("evaluator.slice_max_bits_per_byte={rhymes/bells.txt: 5}", {"evaluator"}),
        ("evaluator.tolerance=0.5", {"regression"}),
        ("infra_validator.timeout_seconds=9", {"infra-validator"}),
        ("trainer.steps=1", {"trainer"}),
        ("bigram.smoothing=1", {"bigram"}),
        ("tokenizer.vocab_size=300", {"tokenizer", "model-card"}),
        ("data.max_invalid_fraction=0.5", {"data-gate", "model-card"}),
        ("data.eval_fraction=0.5", {"ingest", "model-card"}),
        # The models' cards say it.
        ("data.passage_bytes=64", {"ingest", "bigram", "trainer", "model-card"}),
        ("model_card.prompts=[ROMEO]", {"model-card"}),
        ("beam.options.direct_num_workers=1", set()),  # nor does a card say where it was made
    ],
)
def test_a_changed_key_changes_the_node_it_is_about_and_no_other(
    override: str, touched: set[str]
) -> None:
    assert changed("smoke", override) == touched


def test_other_weights_in_the_folder_that_training_starts_from_train_again(tmp_path: Path) -> None:
    start = f"trainer.init_from={tmp_path}"
    (tmp_path / "config.json").write_text("{}")
    first = nodes(compiled("smoke", start))["trainer"]
    assert nodes(compiled("smoke", start))["trainer"] == first
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert nodes(compiled("smoke", start))["trainer"] != first
