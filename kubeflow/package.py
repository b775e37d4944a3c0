"""Makes of a TFX pipeline the package that the open-source Kubeflow Pipelines backend runs.

TFX's own compiler writes for another backend: what this one would refuse or pass over is put right
here, or refused by name, before anything is uploaded.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)
from tfx.orchestration.pipeline import Pipeline
from tfx.utils import name_utils

from gptfx.kubeflow.checks import require_runnable
from gptfx.kubeflow.node_pools import FITTING, platform, pool_of, resources
from gptfx.kubeflow.settings import KubeflowConfig

ENTRYPOINT = ("python", "-m", "gptfx.kubeflow.entrypoint")
BACKOFF_SECONDS = 60  # before a training that was killed begins again
Json = dict[str, Any]


class Package(NamedTuple):
    """What is uploaded.

    Attributes:
      specification: the pipeline, PipelineSpec of schema 2.1.0.
      platform: what only Kubernetes knows.
    """

    specification: Json
    platform: Json

    def write(self, path: Path) -> None:
        """Two YAML documents; the file appears whole or not at all."""
        partial = path.with_name(f".{path.name}.partial")
        with partial.open("w", encoding="utf-8") as stream:
            yaml.safe_dump_all(self, stream, sort_keys=True, allow_unicode=True)
        partial.replace(path)


def make_package(
    pipeline: Pipeline,
    parameters: Mapping[str, RuntimeParameter],
    config: KubeflowConfig,
    scheme_of_beam: str | None = None,
) -> Package:
    """Compiles.

    Args:
      pipeline: with `parameters` where a run may be told something.
      parameters: by name; each has a default.
      config: of the cluster.
      scheme_of_beam: of URIs at which Beam's workers read and write, ``gs://``; None where they see
        the launcher's folders.

    Raises InputError for what the backend would refuse, by name.
    """
    compiler = KubeflowV2DagRunnerConfig(
        default_image=config.image,
        default_commands=list(ENTRYPOINT),
        use_pipeline_spec_2_1=True,  # the other is not taken
    )
    job = KubeflowV2DagRunner(compiler).run(pipeline, write_out=False)
    specification: Json = job["pipelineSpec"]
    _write_defaults(specification, parameters)
    if config.pipeline_root:
        specification["defaultPipelineRoot"] = config.pipeline_root
    require_runnable(specification)
    for node in pipeline.components:
        _complete(specification, node, config)
        if scheme_of_beam and isinstance(node.executor_spec, BeamExecutorSpec):
            args = specification["deploymentSpec"]["executors"][f"{node.id}_executor"]
            args["container"]["args"][:0] = ["--keep_scheme", scheme_of_beam]
    return Package(specification, platform([node.id for node in pipeline.components], config))


def _write_defaults(specification: Json, parameters: Mapping[str, RuntimeParameter]) -> None:
    """TFX's compiler drops them, and a run without would have to be told everything."""
    written = specification["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, parameter in written.items():
        parameter["defaultValue"] = parameters[name].default
        parameter["isOptional"] = True


def _complete(specification: Json, node: BaseNode, config: KubeflowConfig) -> None:
    """What a node's task and container lack."""
    executor = specification["deploymentSpec"]["executors"][f"{node.id}_executor"]
    container, task = executor.get("container"), specification["root"]["dag"]["tasks"][node.id]
    if container is None:  # an importer, which needs nothing
        return
    container.pop("lifecycle", None)  # a driver that the backend does not run
    container["resources"] = resources(pool_of(node.id, config))
    driver = driver_of(node)
    if driver:
        container["args"][:0] = ["--driver_class_path", driver]
        # It looks at the world, of which the backend's cache knows nothing.
        task.pop("cachingOptions", None)
    if node.id in FITTING and config.trainer.retries:
        task["retryPolicy"] = {
            "maxRetryCount": config.trainer.retries,
            "backoffDuration": f"{BACKOFF_SECONDS}s",
        }


def driver_of(node: BaseNode) -> str | None:
    """The class that looks at the world before the node runs; None where TFX's own does."""
    driver = node.driver_class
    return None if driver.__module__.startswith("tfx.") else name_utils.get_full_name(driver)
