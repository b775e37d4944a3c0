"""CuratedSchema: the schema that ships with us, as an artifact."""

from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base import executor_spec
from tfx.types import Channel, ComponentSpec, standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.types.component_spec import ExecutionParameter

from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.schema import executor


class CuratedSchemaSpec(ComponentSpec):
    """ImportSchemaGen's, with a fingerprint of the schema in place of the path of its file."""

    PARAMETERS = {"code": ExecutionParameter(type=str)}
    INPUTS = standard.ImportSchemaGenSpec.INPUTS
    OUTPUTS = standard.ImportSchemaGenSpec.OUTPUTS


class CuratedSchema(ImportSchemaGen):
    """TFX's ImportSchemaGen, which the cache knows by the file's path alone: a schema that was
    edited would never be read again."""

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self) -> None:
        """Wires the node; it takes nothing."""
        spec = CuratedSchemaSpec(
            code=code_fingerprint("components/schema"),
            schema=Channel(type=standard_artifacts.Schema),
        )
        super(ImportSchemaGen, self).__init__(spec=spec)
