"""The container's entrypoint takes what the backend's driver hands out, where TFX's own fails."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.types import Artifact

from gptfx.data.errors import InputError
from gptfx.kubeflow import entrypoint
from gptfx.kubeflow.executor_input import ExecutorInput
from gptfx.kubeflow.package import Package
from gptfx.kubeflow.uris import local_path

Json = dict[str, Any]
MODEL_URI = "minio://mlpipeline/v2/artifacts/run/trainer/model"
MODEL_TYPE = {"instanceSchema": "title: tfx.Model\ntype: object\n"}
BLESSING_TYPE = {"instanceSchema": "title: tfx.ModelBlessing\ntype: object\n"}
LOGS = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}
SPEC = {
    "artifacts": {"model": {"artifactType": MODEL_TYPE}},
    "parameters": {
        "train_steps": {"parameterType": "NUMBER_INTEGER"},
        "share": {"parameterType": "NUMBER_DOUBLE"},
        "words": {"parameterType": "STRING"},
    },
}


def driver_form(blessing: str, output_file: str, **parameters: object) -> Json:
    """As the backend's driver writes it: no types of inputs, one output too many."""
    metadata = {"kind": "gpt", "steps": 40.0}
    model = {"uri": MODEL_URI, "type": {"instanceSchema": ""}, "metadata": metadata}
    made = {
        "blessing": {"uri": blessing, "type": BLESSING_TYPE, "metadata": {}},
        "executor-logs": {"uri": "minio://mlpipeline/logs", "type": LOGS},
    }
    return {
        "inputs": {
            "parameterValues": parameters,
            "artifacts": {"model": {"artifacts": [model]}},
        },
        "outputs": {
            "artifacts": {key: {"artifacts": [each]} for key, each in made.items()},
            "outputFile": output_file,
        },
    }


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("minio://bucket/a/b", "/minio/bucket/a/b"),
        ("s3://bucket/a", "/s3/bucket/a"),
        ("gs://bucket/a", "/gcs/bucket/a"),
        ("/mnt/models", "/mnt/models"),
    ],
)
def test_a_uri_becomes_the_launcher_s_folder(uri: str, path: str) -> None:
    assert local_path(uri) == path


def test_types_are_restored_and_the_output_too_many_is_dropped() -> None:
    given = driver_form("minio://b/x", "/tmp/o.json", train_steps=40, share=0.5, words="a b")
    execution = ExecutorInput(json.dumps(given), json.dumps(SPEC))
    (model,) = execution.inputs["model"]
    assert model.type_name == "Model"
    assert model.uri == "/minio/mlpipeline/v2/artifacts/run/trainer/model"
    assert model.get_string_custom_property("kind") == "gpt"
    assert model.get_int_custom_property("steps") == 40
    assert list(execution.outputs) == ["blessing"]
    assert execution.outputs["blessing"][0].type_name == "ModelBlessing"
    assert execution.parameters == {"train_steps": 40, "share": 0.5, "words": "a b"}
    assert isinstance(execution.parameters["train_steps"], int)


def test_what_was_made_is_told_with_the_backend_s_uris() -> None:
    given = driver_form("minio://b/blessing", "/tmp/o.json")
    execution = ExecutorInput(json.dumps(given), json.dumps(SPEC))
    (model,), (blessing,) = execution.inputs["model"], execution.outputs["blessing"]
    blessing.set_int_custom_property("blessed", 1)
    blessing.set_int_custom_property("current_model_id", model.id)
    blessing.set_string_custom_property("current_model", model.uri)
    (told,) = json.loads(execution.executor_output())["artifacts"]["blessing"]["artifacts"]
    assert told["uri"] == "minio://b/blessing"
    assert told["metadata"]["blessed"] == 1
    assert told["metadata"]["current_model"] == MODEL_URI
    assert told["metadata"]["current_model_id"] == MODEL_URI
    assert "name" not in told


class Bless(base_executor.BaseExecutor):
    """Blesses, or says why not."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        del input_dict
        (blessing,) = output_dict["blessing"]
        if "words" in exec_properties:
            raise InputError("no words are taken", exec_properties["words"], "leave them\nout")
        Path(blessing.uri, "BLESSED").touch()


class BlessOnBeam(base_beam_executor.BaseBeamExecutor):
    """Blesses, and would ask Beam for it."""

    Do = Bless.Do


class Observe:
    """Sees two words."""

    def __init__(self, metadata: None) -> None:
        assert metadata is None  # a pod has no store

    def observe(self, inputs: Json, parameters: Json) -> Json:
        return {**parameters, "words": f"{len(inputs)} seen"}


@pytest.fixture
def start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Runs the entrypoint with `Bless`; exit code and the last line of standard error."""
    (tmp_path / "termination-log").touch()
    monkeypatch.setattr(entrypoint, "TERMINATION_LOG", tmp_path / "termination-log")
    module = sys.modules[__name__]
    monkeypatch.setitem(sys.modules, "blessing_for_tests", module)

    def run(*arguments: str, kind: str = "Bless", **parameters: object) -> tuple[int, str]:
        given = driver_form(str(tmp_path / "b"), str(tmp_path / "out" / "o.json"), **parameters)
        code = entrypoint.main(
            [
                *arguments,
                f"--executor_class_path=blessing_for_tests.{kind}",
                f"--json_serialized_invocation_args={json.dumps(given)}",
                f"--json_serialized_inputs_spec_args={json.dumps(SPEC)}",
                "--direct_num_workers=1",
            ]
        )
        return code, (capsys.readouterr().err.splitlines() or [""])[-1]

    return run


def test_a_node_runs_and_its_output_file_is_there(
    start: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    assert start()[0] == 0
    assert (tmp_path / "b" / "BLESSED").is_file()
    told = json.loads((tmp_path / "out" / "o.json").read_text())
    assert told["artifacts"]["blessing"]["artifacts"][0]["uri"] == str(tmp_path / "b")


@pytest.mark.parametrize("by_driver", [False, True])
def test_what_went_wrong_is_one_line_where_the_page_shows_it(
    start: Callable[..., tuple[int, str]], tmp_path: Path, by_driver: bool
) -> None:
    if by_driver:
        code, said = start("--driver_class_path=blessing_for_tests.Observe")
        received = "1 seen"
    else:
        code, said = start(words="a b")
        received = "a b"
    assert code == 2
    line = f"gptfx: no words are taken. Received: '{received}'. What to do: leave them out."
    assert said == line
    assert (tmp_path / "termination-log").read_text() == line


def test_a_beam_node_says_that_no_job_service_answers_and_others_do_not_care(
    start: Callable[..., tuple[int, str]],
) -> None:
    code, said = start("--job_endpoint=localhost:1", kind="BlessOnBeam")
    assert code == 2
    assert said.startswith("gptfx: no job service answers")
    assert start("--job_endpoint=localhost:1")[0] == 0


def test_uris_that_beam_s_workers_read_themselves_stay_as_they_are() -> None:
    given = json.dumps(driver_form("gs://b/blessing", "/tmp/o.json")).replace("minio://", "gs://")
    execution = ExecutorInput(given, json.dumps(SPEC), "gs://")
    (model,), (blessing,) = execution.inputs["model"], execution.outputs["blessing"]
    assert model.uri == MODEL_URI.replace("minio://", "gs://")
    assert blessing.uri == "gs://b/blessing"
    (told,) = json.loads(execution.executor_output())["artifacts"]["blessing"]["artifacts"]
    assert told["uri"] == "gs://b/blessing"


@pytest.mark.parametrize("entry", ["stock", "ours"])
def test_tfx_s_own_entrypoint_fails_on_what_the_backend_hands_out(
    compiled: Callable[..., Package], tmp_path: Path, entry: str
) -> None:
    """The schema's node, which has no input at all."""
    executors = compiled("smoke").specification["deploymentSpec"]["executors"]
    container = executors["schema_executor"]["container"]
    kind = {"instanceSchema": "title: tfx.Schema\ntype: object\n"}
    made = {
        "schema": {"uri": str(tmp_path / "schema"), "type": kind},
        "executor-logs": {"uri": "minio://mlpipeline/logs", "type": LOGS},
    }
    inputs = compiled("smoke").specification["root"]["dag"]["tasks"]["schema"]["inputs"]
    values = {key: each["runtimeValue"]["constant"] for key, each in inputs["parameters"].items()}
    given = {
        "inputs": {"parameterValues": values},
        "outputs": {
            "artifacts": {key: {"artifacts": [each]} for key, each in made.items()},
            "outputFile": str(tmp_path / "output.json"),
        },
    }
    module = {
        "stock": "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor",
        "ours": container["command"][-1],
    }[entry]
    arguments = [word.replace("{{$}}", json.dumps(given)) for word in container["args"]]
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False
    )
    if entry == "ours":
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "schema" / "schema.pbtxt").is_file()
    else:
        assert done.returncode != 0
        assert "system.Artifact" in done.stderr
