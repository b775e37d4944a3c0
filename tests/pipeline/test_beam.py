"""The section `beam`: what each runner is told, and what it cannot do without."""

from typing import Any

import pytest
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)

from gptfx.data.errors import InputError
from gptfx.pipeline.beam import BeamConfig, require_known, require_reachable
from gptfx.pipeline.config import load_config

POOL = {
    "job_endpoint": "jobs:8099",
    "environment_type": "EXTERNAL",
    "environment_config": "workers:50000",
}
GOOGLE = {"project": "p", "region": "r", "temp_location": "gs://b/t", "sdk_container_image": "i"}


def options(**section: Any) -> PipelineOptions:
    """As Beam reads them."""
    return PipelineOptions(list(BeamConfig(**section).pipeline_args))


def test_without_a_word_one_worker_in_this_process_does_the_work() -> None:
    found = options()
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    assert found.view_as(StandardOptions).runner == runner
    direct = found.view_as(DirectOptions)
    assert (direct.direct_running_mode, direct.direct_num_workers) == ("in_memory", 1)
    more = options(options={"direct_num_workers": 3, "direct_running_mode": "multi_processing"})
    assert more.view_as(DirectOptions).direct_num_workers == 3


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner", "PortableRunner"])
def test_a_portable_runner_is_told_the_job_service_and_the_workers(runner: str) -> None:
    found = options(runner=runner, options=POOL)
    assert found.view_as(StandardOptions).runner == runner
    portable = found.view_as(PortableOptions)
    assert {name: getattr(portable, name) for name in POOL} == POOL
    known = {**POOL, "parallelism": 8, "of_the_service_alone": "x"}
    require_known(BeamConfig(runner=runner, options=known))
    assert "--direct_num_workers=1" not in BeamConfig(runner=runner, options=POOL).pipeline_args


def test_dataflow_is_told_whose_project_it_works_for() -> None:
    told = BeamConfig(runner="DataflowRunner", options=GOOGLE).pipeline_args
    assert told == (
        "--runner=DataflowRunner",
        "--project=p",
        "--region=r",
        "--temp_location=gs://b/t",
        "--sdk_container_image=i",
    )
    require_known(BeamConfig(runner="DataflowRunner", options=GOOGLE))


def test_an_option_is_a_flag_a_value_a_list_or_json() -> None:
    told = BeamConfig(
        options={
            "streaming": False,
            "no_use_public_ips": True,
            "experiments": ["a", "b"],
            "environment_config": {"command": "x", "env": {"A": "1"}},
        }
    ).pipeline_args
    assert told[3:7] == (
        "--no_use_public_ips",
        "--experiments=a",
        "--experiments=b",
        '--environment_config={"command": "x", "env": {"A": "1"}}',
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["beam.runner=Flink"], "beam.runner has an impossible value. Received: 'Flink'"),
        (["beam.runner=FlinkRunner"], "beam.options.job_endpoint is missing"),
        (["beam.runner=PortableRunner", "beam.options.job_endpoint=x"], "environment_type is miss"),
        (
            ["beam.runner=SparkRunner", "beam.options={job_endpoint: x, environment_type: POOL}"],
            "use one of EXTERNAL, PROCESS, DOCKER, LOOPBACK",
        ),
        (
            ["beam.runner=SparkRunner", "beam.options={job_endpoint: x, environment_type: DOCKER}"],
            "beam.options.sdk_container_image is missing",
        ),
        (["beam.runner=DataflowRunner"], "beam.options.project is missing"),
        (
            [
                "beam.runner=DataflowRunner",
                "beam.options={project: p, region: r, temp_location: gs://b}",
            ],
            "Dataflow's workers lack gptfx",
        ),
        (
            [
                "beam.runner=DataflowRunner",
                "beam.options={project: p, region: r, temp_location: /t, sdk_container_image: i}",
            ],
            "temp_location is not where Dataflow's workers write. Received: '/t'",
        ),
        (["beam.options.runner=FlinkRunner"], "the runner is not among its options"),
        (["beam.options.--job_endpoint=x"], "beam.options.--job_endpoint"),
        (["beam.pipeline_args=[]"], "unknown key beam.pipeline_args"),
    ],
)
def test_what_cannot_work_is_refused_by_name(settings: list[str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        load_config("smoke", settings)
    assert message in str(refused.value)


def test_dataflow_is_refused_where_artifacts_are_files_of_this_machine() -> None:
    with pytest.raises(InputError, match="do not see the files of this machine"):
        require_reachable(BeamConfig(runner="DataflowRunner", options=GOOGLE))
    require_reachable(BeamConfig())


@pytest.mark.parametrize("endpoint", ["localhost:1", "localhost", "nowhere.invalid:99999"])
def test_a_job_service_that_does_not_answer_is_named(endpoint: str) -> None:
    config = BeamConfig(runner="FlinkRunner", options={**POOL, "job_endpoint": endpoint})
    with pytest.raises(InputError, match=f"no job service answers.*Received: '{endpoint}'"):
        require_reachable(config)


@pytest.mark.parametrize("name", ["s3_secret_access_key", "s3_session_token"])
def test_a_credential_is_no_option_and_is_not_shown(name: str) -> None:
    with pytest.raises(InputError, match=f"beam.options.{name} would be seen") as refused:
        load_config("smoke", [f"beam.options.{name}=hidden!"])
    assert "hidden!" not in str(refused.value)
