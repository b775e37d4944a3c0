"""What the backend would refuse after the upload, or only when a run reaches it."""

import re
from typing import Any

from gptfx.data.errors import InputError

SCHEMA = "2.1.0"  # the one version that the API server takes
TASK_NAME = r"[a-zA-Z0-9][-a-zA-Z0-9]*"  # Argo's
PIPELINE_NAME = r"[a-z0-9][a-z0-9-]{0,127}"
LONGEST_ARGUMENT = 128 * 1024  # bytes; Linux refuses to start a process with a longer one
Json = dict[str, Any]


def require_runnable(specification: Json) -> None:
    """Raises InputError for the first thing that the open-source backend cannot run."""
    _require_header(specification)
    for name, executor in specification["deploymentSpec"]["executors"].items():
        _require_executor(name.removesuffix("_executor"), executor)
    for name, task in specification["root"]["dag"]["tasks"].items():
        _require_task(name, task, specification)
    given = specification["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, parameter in given.items():
        if parameter.get("defaultValue") is None:
            raise InputError("a parameter of the run has no default", name, "give it one")


def _require_header(specification: Json) -> None:
    if (schema := specification.get("schemaVersion")) != SCHEMA:
        raise InputError("the backend takes no such schema", schema, f"compile for {SCHEMA}")
    name = specification["pipelineInfo"]["name"]
    if not re.fullmatch(PIPELINE_NAME, name):
        remedy = "use small letters, digits and dashes, at most 128"
        raise InputError("the backend takes no such name of a pipeline", name, remedy)


def _require_executor(node: str, executor: Json) -> None:
    (kind,) = executor
    if kind == "importer":
        uri = executor[kind].get("artifactUri", {}).get("constant", "")
        if "://" not in uri:
            remedy = "give a URI with a scheme"
            raise InputError(
                f"node {node} imports a bare path, which the backend cannot", uri, remedy
            )
    elif kind != "container":
        raise InputError(
            f"node {node} is a {kind}, which the open-source backend does not run",
            f"executor {kind}",
            "take a component instead, such as LastBlessed",
        )
    for argument in executor.get("container", {}).get("args", ()):
        if (size := len(argument.encode())) > LONGEST_ARGUMENT:
            problem = f"node {node} has an argument that no process can be started with"
            raise InputError(problem, f"{size} bytes", f"stay below {LONGEST_ARGUMENT}")


def _require_task(name: str, task: Json, specification: Json) -> None:
    if not re.fullmatch(TASK_NAME, name):
        remedy = "use letters, digits and dashes"
        raise InputError("the backend takes no such name of a node", name, remedy)
    tasks = specification["root"]["dag"]["tasks"]
    for key, source in task.get("inputs", {}).get("artifacts", {}).items():
        producer = source["taskOutputArtifact"]["producerTask"]
        if producer not in tasks:
            raise InputError(f"input {key} of node {name} comes from no task", producer, "wire it")
    for key, source in task.get("inputs", {}).get("parameters", {}).items():
        if "taskOutputParameter" in source:
            raise InputError(
                f"parameter {key} of node {name} comes out of another node",
                source["taskOutputParameter"]["producerTask"],
                "hand it over as an artifact: the compiler names the producer wrongly",
            )
