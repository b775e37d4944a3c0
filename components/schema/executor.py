"""TFX's ImportSchemaGen executor, of the schema that ships with us."""

from tfx.components.schema_gen.import_schema_gen import executor
from tfx.types import Artifact
from tfx.types import standard_component_specs as standard

from gptfx.components import schema


class Executor(executor.Executor):
    """Runs CuratedSchema; the file is where the node runs, perhaps not where it was compiled."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """See TFX."""
        properties = {**exec_properties, standard.SCHEMA_FILE_KEY: schema.FILE}
        super().Do(input_dict, output_dict, properties)
