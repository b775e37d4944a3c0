"""What is done to pushed models by hand, written down in ML Metadata: by whom, when and why.

An entry is an execution, made before anything is done and finished after it, so that one which was
killed is seen, and mended by the next command (see ``mending.py``). Its artifacts are new ones: an
artifact that is alive is never changed, since TFX's cache would know it no more.
"""

from collections.abc import Mapping
from typing import Any

from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import NodeRun
from gptfx.pipeline.stores import StoreAddress, connection

ROLLBACK, PROMOTION, PRUNE = "gptfx.Rollback", "gptfx.Promotion", "gptfx.Prune"
KINDS = (ROLLBACK, PROMOTION, PRUNE)
PUSHED_MODEL, PUSHED, DESTINATION, VERSION = (
    "PushedModel", "pushed", "pushed_destination", "pushed_version"
)  # fmt: skip  # as GatedPusher's artifacts have them
OF_ARTIFACT = (  # what the new version's artifact is told of the entry
    VERSION, DESTINATION, "model_id", "by", "reason", "forced", "at", "from_version"
)  # fmt: skip
SERVING, MODEL = "serving_folder", "model_artifact"
IN_RUN = "in_run"  # the id of the run that pushed a model by force
FOLDER_TYPE = "gptfx.ServingFolder"  # of the context that all entries about a folder are in


class ModelRecord:
    """The store, for writing entries."""

    def __init__(self, address: StoreAddress) -> None:
        self._store = metadata_store.MetadataStore(connection(address, is_written=True))

    def begin(self, kind: str, facts: Mapping[str, Any]) -> int:
        """Says what is about to be done; the number of the entry."""
        known = mlmd.ExecutionType(name=kind)
        number = self._store.put_execution_type(known, can_add_fields=True, can_omit_fields=True)
        execution = mlmd.Execution(type_id=number, last_known_state=mlmd.Execution.RUNNING)
        fill(execution.custom_properties, facts)
        folder = mlmd.ContextType(name=FOLDER_TYPE)
        context = mlmd.Context(type_id=self._store.put_context_type(folder), name=facts[SERVING])
        made = self._store.put_execution(
            execution, [], [context], reuse_context_if_already_exist=True
        )
        return int(made[0])

    def end(self, entry: int) -> None:
        """Says that it was done, and of what a new version was made. May be said again."""
        (execution,) = self._store.get_executions_by_id([entry])
        facts = execution.custom_properties
        if MODEL in facts:
            self._put_input(entry, facts[MODEL].int_value)
        execution.last_known_state = mlmd.Execution.COMPLETE
        made = [self._pushed(facts)] if VERSION in facts else []
        self._store.put_execution(execution, made, [])

    def give_up(self, entry: int) -> None:
        """Says that nothing came of it."""
        (execution,) = self._store.get_executions_by_id([entry])
        execution.last_known_state = mlmd.Execution.FAILED
        self._store.put_executions([execution])

    def _put_input(self, entry: int, artifact: int) -> None:
        event = _event(mlmd.Event.INPUT, "model")
        event.execution_id, event.artifact_id = entry, artifact
        if not self._store.get_events_by_execution_ids([entry]):  # of an end that was cut short
            self._store.put_events([event])

    def _pushed(self, facts: Any) -> tuple[mlmd.Artifact, mlmd.Event]:
        artifact = mlmd.Artifact(type_id=self._pushed_type(), state=mlmd.Artifact.LIVE)
        artifact.uri = facts[DESTINATION].string_value
        artifact.custom_properties[PUSHED].int_value = 1
        for name in OF_ARTIFACT:
            if name in facts:
                artifact.custom_properties[name].CopyFrom(facts[name])
        return artifact, _event(mlmd.Event.OUTPUT, "pushed_model")

    def _pushed_type(self) -> int:
        try:
            return int(self._store.get_artifact_type(PUSHED_MODEL).id)
        except errors.NotFoundError:  # nothing was pushed by a run that this store knows
            known = mlmd.ArtifactType(name=PUSHED_MODEL, base_type=mlmd.ArtifactType.MODEL)
            return int(self._store.put_artifact_type(known))


def fill(properties: Any, facts: Mapping[str, Any]) -> None:
    """Properties of ML Metadata from Python's values; None is left out."""
    for name, value in facts.items():
        if isinstance(value, bool | int):
            properties[name].int_value = int(value)
        elif value is not None:
            properties[name].string_value = str(value)


def _event(kind: Any, name: str) -> mlmd.Event:
    event = mlmd.Event(type=kind)
    event.path.steps.add().key = name
    event.path.steps.add().index = 0
    return event


def entries(metadata: Metadata, kind: str | None = None) -> list[NodeRun]:
    """All, or those of a kind, the oldest first; what they say is in their `parameters`."""
    kinds = (kind,) if kind else KINDS
    found = [node for each in kinds for node in metadata.nodes_of_type(each)]
    return sorted(found, key=lambda node: node.execution)
