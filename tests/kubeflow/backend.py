"""Runs a compiled package task by task, as Kubeflow's driver and launcher do it: an emulation.

The driver makes an ExecutorInput: input artifacts have no types, one output more than the component
has, and URIs of an object store. The launcher copies what the task reads from the store to folders,
starts the container's command, and copies back what the command says it made. Between tasks nothing
stays but the store and the volumes.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SCHEME = "minio://"
Json = dict[str, Any]


@dataclass
class Task:
    """A task that ran, or that the cache answered; what it said on standard error, and the status
    that its pod shows."""

    artifacts: dict[str, Json] = field(default_factory=dict)
    cached: bool = False
    code: int = 0
    said: str = ""
    status: str = ""


def topological(tasks: Mapping[str, Json]) -> list[str]:
    """Names, each behind those that it depends on."""
    order: list[str] = []
    while len(order) < len(tasks):
        ready = [
            name
            for name in sorted(tasks)
            if name not in order and set(tasks[name].get("dependentTasks", ())) <= set(order)
        ]
        assert ready, "the tasks depend on each other in a circle"
        order += ready
    return order


class Backend:
    """An object store, a cache, and a folder for what a pod writes."""

    def __init__(self, folder: Path, pods: Any, *volumes: Path) -> None:
        """`folder` is empty; `pods` runs commands, which see the volumes at their paths."""
        self.store, self.folder = folder / "store", folder / "pods"
        self.pods, self.volumes = pods, volumes
        self.store.mkdir()
        self.folder.mkdir()
        self.cache: dict[str, dict[str, Json]] = {}
        self.runs = 0

    def run(self, package: Path, **parameters: Any) -> dict[str, Task]:
        """Runs until a task fails; the tasks that were reached."""
        specification, _ = yaml.safe_load_all(package.read_text(encoding="utf-8"))
        given = {
            name: parameters.pop(name, each["defaultValue"])
            for name, each in specification["root"]["inputDefinitions"]["parameters"].items()
        }
        assert not parameters, f"the package has no parameters {sorted(parameters)}"
        self.runs += 1
        done: dict[str, Task] = {}
        tasks = specification["root"]["dag"]["tasks"]
        for name in topological(tasks):
            done[name] = self._run_task(name, tasks[name], specification, given, done)
            if done[name].code:
                break
        return done

    def _run_task(
        self, name: str, task: Json, specification: Json, given: Json, done: dict[str, Task]
    ) -> Task:
        assert "triggerPolicy" not in task, "a condition, which is not emulated"
        component = specification["components"][task["componentRef"]["name"]]
        container = specification["deploymentSpec"]["executors"][component["executorLabel"]]
        container = container["container"]
        taken = task.get("inputs", {})
        inputs = {
            key: done[source["taskOutputArtifact"]["producerTask"]].artifacts[
                source["taskOutputArtifact"]["outputArtifactKey"]
            ]
            for key, source in taken.get("artifacts", {}).items()
        }
        values = {
            key: given[source["componentInputParameter"]]
            if "componentInputParameter" in source
            else source["runtimeValue"]["constant"]
            for key, source in taken.get("parameters", {}).items()
        }
        key = self._cache_key(container, inputs, values)
        if task.get("cachingOptions", {}).get("enableCache") and key in self.cache:
            return Task(self.cache[key], cached=True)
        finished = self._run_container(name, component, container, inputs, values)
        if not finished.code:
            self.cache[key] = finished.artifacts
        return finished

    def _cache_key(self, container: Json, inputs: dict[str, Json], values: Json) -> str:
        """URIs for the names of input artifacts, parameters and the command: no contents. The names
        are new wherever a task ran, as the backend's are."""
        known = {
            "inputs": {key: each["uri"] for key, each in inputs.items()},
            "parameters": values,
            "container": [container["image"], container["command"], container["args"]],
        }
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def _run_container(
        self, name: str, component: Json, container: Json, inputs: dict[str, Json], values: Json
    ) -> Task:
        pod = self.folder / f"{self.runs}-{name}"
        local = pod / "minio"
        local.mkdir(parents=True)
        try:
            for each in inputs.values():
                copy(self.store / below(each["uri"]), local / below(each["uri"]))
            made = self._outputs(name, component)
            for each in made.values():
                (local / below(each["uri"])).parent.mkdir(parents=True, exist_ok=True)
            output_file = pod / "output_metadata.json"
            executor_input = self._executor_input(inputs, values, made, output_file)
            words = [
                word.replace("{{$}}", json.dumps(executor_input))
                for word in [*container["command"], *container["args"]]
            ]
            ended = self.pods.run(container, words, pod, self.volumes)
            artifacts = {} if ended.code else self._collect(made, output_file, local)
            return Task(artifacts, code=ended.code, said=ended.said, status=ended.status)
        finally:
            shutil.rmtree(pod, ignore_errors=True)

    def _outputs(self, name: str, component: Json) -> dict[str, Json]:
        declared = component.get("outputDefinitions", {}).get("artifacts", {})
        types = {key: each["artifactType"] for key, each in declared.items()}
        types["executor-logs"] = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}
        folder = f"{SCHEME}mlpipeline/v2/artifacts/run-{self.runs}/{name}"
        return {
            key: {"name": key, "type": kind, "uri": f"{folder}/{key}", "metadata": {}}
            for key, kind in types.items()
        }

    def _executor_input(
        self, inputs: dict[str, Json], values: Json, made: dict[str, Json], output_file: Path
    ) -> Json:
        untyped = {key: {**each, "type": {"instanceSchema": ""}} for key, each in inputs.items()}
        return {
            "inputs": {
                "parameterValues": values,
                "artifacts": {key: {"artifacts": [each]} for key, each in untyped.items()},
            },
            "outputs": {
                "artifacts": {key: {"artifacts": [each]} for key, each in made.items()},
                "outputFile": str(output_file),
            },
        }

    def _collect(self, made: dict[str, Json], output_file: Path, local: Path) -> dict[str, Json]:
        """Merges what the command wrote into the output file, and uploads."""
        written = json.loads(output_file.read_text(encoding="utf-8"))
        assert not set(written.get("artifacts", {})) - set(made)
        artifacts = {}
        for key, each in made.items():
            said = written.get("artifacts", {}).get(key, {}).get("artifacts", [{}])[0]
            uri, metadata = said.get("uri", each["uri"]), said.get("metadata", {})
            assert uri.startswith(SCHEME), f"{key} says it is at {uri}"
            artifacts[key] = {**each, "uri": uri, "metadata": {**each["metadata"], **metadata}}
            copy(local / below(uri), self.store / below(uri))
        return artifacts


def below(uri: str) -> str:
    """Where a URI's files are, from the store's folder and from the launcher's."""
    return uri.removeprefix(SCHEME)


def copy(source: Path, target: Path) -> None:
    """Files alone: an object store has no empty folders."""
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        if path.is_file():
            made = target / path.relative_to(source)
            made.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, made)
