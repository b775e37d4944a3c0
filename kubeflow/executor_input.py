"""What the backend's driver hands a container, made into what TFX's executors take, and back.

Three things are put right: input artifacts come without their types, there is an output that no
executor asked for, and URIs name objects that the launcher has copied into folders.
"""

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as utils
from tfx.orchestration.portable import outputs_utils
from tfx.types import Artifact

from gptfx.kubeflow.uris import local_path

EXECUTOR_LOGS = "executor-logs"  # an output of type system.Artifact, which the driver adds
Artifacts = dict[str, list[Artifact]]


class ExecutorInput:
    """An execution: artifacts and parameters for an executor, and the output file.

    Attributes:
      inputs, outputs: artifacts by key, with local paths as their URIs, but for those kept.
      parameters: by name.
      output_file: where the launcher looks for what was made.
    """

    def __init__(self, invocation: str, inputs_spec: str, keep_scheme: str | None = None) -> None:
        """Reads the JSON of an ExecutorInput and of the component's ComponentInputsSpec.

        URIs of `keep_scheme` stay URIs.
        """
        self._keep_scheme = keep_scheme
        message = json_format.Parse(invocation, spec.ExecutorInput(), ignore_unknown_fields=True)
        types = json_format.Parse(
            inputs_spec, spec.ComponentInputsSpec(), ignore_unknown_fields=True
        )
        given = message.inputs
        for key, artifacts in given.artifacts.items():
            for artifact in artifacts.artifacts:
                artifact.type.CopyFrom(types.artifacts[key].artifact_type)
        made = {
            key: each for key, each in message.outputs.artifacts.items() if key != EXECUTOR_LOGS
        }
        self._uris: dict[str, str] = {}  # by local path
        self._names: dict[int, str] = {}  # by the number that TFX knows an artifact by
        self.inputs = self._parse(given.artifacts)
        self.outputs = self._parse(made)
        self.parameters: dict[str, Any] = utils.parse_execution_properties(
            given.parameter_values, given.parameters, types
        )
        self.output_file = str(message.outputs.output_file)

    def _parse(self, by_key: Any) -> Artifacts:
        for artifact in _each(by_key):
            is_kept = self._keep_scheme and artifact.uri.startswith(self._keep_scheme)
            path = artifact.uri if is_kept else local_path(artifact.uri)
            self._uris[path] = artifact.uri
            # TFX wants a name of every artifact; the backend gives none.
            artifact.name, artifact.uri = artifact.name or artifact.uri, path
        return utils.parse_raw_artifact_dict(by_key, self._names)

    def executor_output(self) -> str:
        """JSON of the ExecutorOutput: the outputs as they are now, with the backend's URIs."""
        outputs_utils.tag_output_artifacts_with_version(self.outputs)
        for artifact in (each for made in self.outputs.values() for each in made):
            # Artifacts have names here; TFX's Evaluator writes the numbers it knows them by.
            utils.refactor_model_blessing(artifact, self._names)
        written = spec.ExecutorOutput()
        for key, made in utils.translate_executor_output(self.outputs, self._names).items():
            for artifact in made.artifacts:
                artifact.uri = self._uris[artifact.uri]
                artifact.ClearField("name")
                for name, value in artifact.metadata.items():
                    if isinstance(value, str) and value in self._uris:
                        artifact.metadata[name] = self._uris[value]
            written.artifacts[key].CopyFrom(made)
        return json_format.MessageToJson(written)


def _each(by_key: Any) -> Iterator[Any]:
    for artifacts in by_key.values():
        yield from artifacts.artifacts
