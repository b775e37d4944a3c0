"""The compiled package: what the backend takes, and what is refused before it is uploaded."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp.components import load_component_from_file
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel, standard_artifacts

import gptfx.components as rooms
from gptfx.data.errors import InputError
from gptfx.kubeflow.checks import LONGEST_ARGUMENT, require_runnable
from gptfx.kubeflow.package import Package, make_package
from gptfx.kubeflow.settings import KubeflowConfig
from gptfx.pipeline.cluster import compile_package
from gptfx.pipeline.config import load_config, preset_names

DATAFLOW = [
    "beam.runner=DataflowRunner",
    "beam.options={project: p, region: r, temp_location: gs://b/t, sdk_container_image: i}",
]
FLINK = [
    "beam.runner=FlinkRunner",
    "beam.options={job_endpoint: 'flink:8099', environment_type: EXTERNAL,"
    " environment_config: 'localhost:50000'}",
]
BEAM_NODES = {
    *("ingest", "statistics", "data-gate", "tokenizer", "transform", "evaluator", "regression"),
    *("bulk-ingest", "bulk-inferrer", "bulk-scorer"),
}
Compiled = Callable[..., Package]
Json = dict[str, Any]


def tasks(package: Package) -> Json:
    return package.specification["root"]["dag"]["tasks"]


def container(package: Package, node: str) -> Json:
    return package.specification["deploymentSpec"]["executors"][f"{node}_executor"]["container"]


def pod(package: Package, node: str) -> Json:
    """What only Kubernetes knows of a node."""
    kubernetes = package.platform["platforms"]["kubernetes"]
    return kubernetes["deploymentSpec"]["executors"][f"{node}_executor"]


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_becomes_a_package_that_kfp_loads(
    compiled: Compiled, preset: str, tmp_path: Path
) -> None:
    package = compiled(preset)
    package.write(tmp_path / "package.yaml")
    loaded = load_component_from_file(str(tmp_path / "package.yaml"))
    assert loaded.pipeline_spec.schema_version == "2.1.0"
    assert loaded.pipeline_spec.pipeline_info.name == f"gptfx-{preset}"
    first, second = yaml.safe_load_all((tmp_path / "package.yaml").read_text())
    assert Package(first, second) == package


@pytest.mark.parametrize("preset", preset_names())
def test_no_package_names_a_folder_of_the_machine_that_compiled_it(
    compiled: Compiled, preset: str
) -> None:
    text = yaml.safe_dump(list(compiled(preset)))
    for folder in (Path(rooms.__file__).parents[1], Path(__file__).parents[2], Path.home()):
        assert not re.search(rf"(?<![\w/]){re.escape(str(folder))}/", text)


def test_a_run_may_be_told_five_things_and_need_not_be(compiled: Compiled) -> None:
    given = compiled("smoke").specification["root"]["inputDefinitions"]["parameters"]
    assert {name: each["defaultValue"] for name, each in given.items()} == {
        "corpus_uri": "/opt/gptfx/texts",
        "max_bits_per_byte": 6.2,
        "seed": 1337,
        "serving_uri": "/mnt/gptfx/serving/models",
        "train_steps": 400,
    }
    assert all(each["isOptional"] for each in given.values())
    bigram = compiled("bigram").specification["root"]["inputDefinitions"]["parameters"]
    assert set(given) - set(bigram) == {"seed", "train_steps"}  # which a bigram has not


def test_each_parameter_reaches_the_node_that_obeys_it(compiled: Compiled) -> None:
    reached = {
        (node, source["componentInputParameter"])
        for node, task in tasks(compiled("smoke")).items()
        for source in task.get("inputs", {}).get("parameters", {}).values()
        if "componentInputParameter" in source
    }
    assert reached == {
        ("ingest", "corpus_uri"),
        ("trainer", "train_steps"),
        ("trainer", "seed"),
        ("evaluator", "max_bits_per_byte"),
        ("last-blessed", "serving_uri"),
        ("pusher", "serving_uri"),
    }


def test_what_looks_at_the_world_is_never_taken_from_the_cache(compiled: Compiled) -> None:
    package = compiled("smoke")
    looking = {node for node, task in tasks(package).items() if "cachingOptions" not in task}
    assert looking == {"ingest", "last-blessed", "infra-validator", "pusher"}
    for node in tasks(package):
        has_driver = "--driver_class_path" in container(package, node)["args"]
        assert has_driver == (node in looking)


def test_every_container_starts_our_entrypoint_and_no_driver_of_another_backend(
    compiled: Compiled,
) -> None:
    package = compiled("smoke", "kubeflow.image=registry.example/gptfx:1")
    for node in tasks(package):
        found = container(package, node)
        assert found["command"] == ["python", "-m", "gptfx.kubeflow.entrypoint"]
        assert found["image"] == "registry.example/gptfx:1"
        assert "lifecycle" not in found


@pytest.mark.parametrize("preset", ["gpt2-124m", "baby"])
def test_a_large_model_asks_for_the_gpu_pool_and_its_other_nodes_do_not(
    compiled: Compiled, preset: str
) -> None:
    package = compiled(preset, "kubeflow.trainer.node_selector={pool: gpu}")
    accelerator = {"type": "nvidia.com/gpu", "count": "1"}
    assert container(package, "trainer")["resources"]["accelerator"] == accelerator
    toleration = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert pod(package, "trainer")["tolerations"] == [toleration]
    assert pod(package, "trainer")["nodeSelector"] == {"labels": {"pool": "gpu"}}
    assert pod(package, "trainer")["enabledSharedMemory"]["size"] == "1024Mi"
    assert tasks(package)["trainer"]["retryPolicy"]["maxRetryCount"] == 2
    for node in set(tasks(package)) - {"trainer"}:
        assert "accelerator" not in container(package, node)["resources"]
        assert not {"tolerations", "nodeSelector", "enabledSharedMemory"} & set(pod(package, node))
        assert "retryPolicy" not in tasks(package)[node]


def test_a_training_on_promised_gpus_fails_where_it_does_not_see_them(compiled: Compiled) -> None:
    task = tasks(compiled("gpt2-124m", "kubeflow.trainer.accelerators=2"))["trainer"]
    told = task["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constant"]
    trainer = yaml.safe_load(told)["trainer"]
    assert (trainer["device"], trainer["gpus"]) == ("gpu", 2)


def test_pods_are_told_their_limits_volumes_and_secrets(compiled: Compiled) -> None:
    package = compiled(
        "smoke",
        "kubeflow.nodes.memory_gib=4",
        "kubeflow.secrets.AWS_SECRET_ACCESS_KEY=minio/secretkey",
        "kubeflow.image_pull_secret=registry",
    )
    limits = container(package, "transform")["resources"]
    assert limits["memoryLimit"] == pytest.approx(4 * 2**30 / 1e9)
    assert limits["cpuLimit"] == limits["cpuRequest"] == 2.0
    found = pod(package, "transform")
    assert [each["mountPath"] for each in found["pvcMount"]] == [
        "/mnt/gptfx/serving",
        "/mnt/gptfx/checkpoints",
    ]
    (secret,) = found["secretAsEnv"]
    assert secret["secretNameParameter"]["runtimeValue"]["constant"] == "minio"
    assert secret["keyToEnv"] == [{"secretKey": "secretkey", "envVar": "AWS_SECRET_ACCESS_KEY"}]
    assert found["imagePullSecret"][0]["secretName"] == "registry"
    assert found["securityContext"] == {"runAsNonRoot": True}
    assert [each["mountPath"] for each in found["emptyDirMounts"]] == ["/tmp"]


def test_where_texts_are_is_said_when_a_run_is_started(compiled: Compiled) -> None:
    package = compiled(
        "smoke",
        "data.corpora=[scene, books/, /mnt/gptfx/serving/plays, 's3://b/t/poems']",
        "kubeflow.corpus_uri=gs://bucket/texts",
    )
    parameters = tasks(package)["ingest"]["inputs"]["parameters"]
    assert parameters["input_base"] == {"componentInputParameter": "corpus_uri"}
    splits = yaml.safe_load(parameters["input_config"]["runtimeValue"]["constant"])["splits"]
    assert {split["name"]: split["pattern"] for split in splits} == {
        "scene": "scene",
        "books": "books/",
        "plays": "/mnt/gptfx/serving/plays",
        "poems": "s3://b/t/poems",
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["tokenizer.file=ranks.tiktoken"], "tokenizer.file names a file of this machine"),
        (["trainer.init_from=weights"], "trainer.init_from names a file of this machine"),
        (
            [
                "data.corpora=[x]",
                "data.registered.x={uri: 'https://a/b', licence: CC0-1.0, sha256: "
                + "a" * 64
                + "}",
            ],
            "a cluster does not fetch a corpus",
        ),
        (["data.corpora=[a/x, b/x]"], "two corpora have the name x"),
        ([*DATAFLOW, "kubeflow.pipeline_root=s3://b/x"], "Dataflow's workers would not see"),
        (FLINK, "Beam's workers would not see the artifacts"),
        ([*FLINK, "kubeflow.pipeline_root=minio://b/x"], "mount a volume at the folder of its"),
        (["kubeflow.volumes=[{claim: a, folder: /minio}]"], "/minio is mounted in every pod"),
        (["kubeflow.volumes=[{claim: a, folder: /opt}]"], "/opt would hide what is in the image"),
        (
            ["kubeflow.volumes=[{claim: a, folder: /mnt}, {claim: b, folder: /mnt}]"],
            "two volumes have the folder /mnt",
        ),
        (["data.corpora=[doesnotexist]"], "pods would not find a corpus"),
        (["data.corpora=[/home/me/text.txt]"], "pods would not find a corpus"),
        (["bulk_scorer.corpora=[../x]"], "pods would not find a corpus"),
        (["kubeflow.corpus_uri=relative/x"], "begins with / or is a gs:// or s3:// URI"),
        (["trainer.device=gpu"], "asks for other GPUs than kubeflow.trainer.accelerators = 0"),
        (["trainer.gpus=4", "kubeflow.trainer.accelerators=2"], "asks for other GPUs than"),
        (["trainer.device=cpu", "kubeflow.trainer.accelerators=2"], "asks for other GPUs than"),
        (["beam.options.direct_num_workers=abc"], "beam.options.direct_num_workers: invalid int"),
        (["beam.options.nonsense=1"], "Beam knows no such option. Received: 'beam.options.nonse"),
    ],
)
def test_what_a_pod_would_not_find_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        compile_package(load_config("smoke", settings))


@pytest.mark.parametrize(
    "settings",
    [
        [*DATAFLOW, "kubeflow.pipeline_root=gs://b/x"],
        [
            *FLINK,
            "kubeflow.pipeline_root=minio://b/x",
            "kubeflow.volumes=[{claim: a, folder: /minio/b}, {claim: b, folder: /mnt/gptfx}]",
        ],
    ],
)
def test_every_beam_node_is_told_the_runner_and_its_options(settings: list[str]) -> None:
    config = load_config("smoke", [*settings, "bulk_scorer.corpora=[scene]"])
    package = compile_package(config)
    told = {
        node
        for node in tasks(package)
        if set(config.beam.pipeline_args) <= set(container(package, node)["args"])
    }
    assert told >= BEAM_NODES


def small_pipeline(*nodes: BaseNode, name: str = "small") -> Pipeline:
    return Pipeline(pipeline_name=name, pipeline_root="", components=list(nodes))


def test_a_resolver_is_refused_by_name() -> None:
    resolver = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("last")
    with pytest.raises(InputError, match=r"node last.* is a resolver, which .* does not run"):
        make_package(small_pipeline(resolver), {}, KubeflowConfig())


def test_an_importer_of_a_bare_path_is_refused_by_name() -> None:
    model = standard_artifacts.Model
    importer = Importer(source_uri="/models/1", artifact_type=model).with_id("old")
    with pytest.raises(InputError, match="node old imports a bare path"):
        make_package(small_pipeline(importer), {}, KubeflowConfig())


def test_what_the_backend_would_refuse_is_refused_by_name(compiled: Compiled) -> None:
    right = compiled("smoke").specification
    require_runnable(right)

    def refused(change: Callable[[Json], object]) -> str:
        wrong = copy.deepcopy(right)
        change(wrong)
        with pytest.raises(InputError) as error:
            require_runnable(wrong)
        return str(error.value)

    assert "no such schema. Received: '2.0.0'" in refused(
        lambda it: it.update(schemaVersion="2.0.0")
    )
    assert "name of a pipeline. Received: 'My_Pipe'" in refused(
        lambda it: it["pipelineInfo"].update(name="My_Pipe")
    )
    dag = "dag"
    assert "name of a node. Received: 'a_b'" in refused(
        lambda it: it["root"][dag]["tasks"].update(a_b={})
    )
    assert "comes from no task. Received: 'trainer'" in refused(
        lambda it: it["root"][dag]["tasks"].pop("trainer")
    )
    assert "a parameter of the run has no default. Received: 'seed'" in refused(
        lambda it: it["root"]["inputDefinitions"]["parameters"]["seed"].pop("defaultValue")
    )
    executors = "executors"
    assert "node schema has an argument that no process can be started with" in refused(
        lambda it: it["deploymentSpec"][executors]["schema_executor"]["container"]["args"].append(
            "x" * (LONGEST_ARGUMENT + 1)
        )
    )
