"""TFX's Transform executor; tells `preprocessing_fn` where the tokenizer is."""

import json

from tfx.components.transform import executor
from tfx.types import Artifact, artifact_utils

TOKENIZER = "tokenizer"
TOKENIZER_FOLDER = "tokenizer_folder"  # key of custom_config


class Executor(executor.Executor):
    """Runs TokenizeTransform."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """See TFX; a placeholder in custom_config would not survive Kubeflow."""
        inputs = dict(input_dict)
        folder = artifact_utils.get_single_uri(inputs.pop(TOKENIZER))
        properties = dict(exec_properties, custom_config=json.dumps({TOKENIZER_FOLDER: folder}))
        super().Do(inputs, output_dict, properties)
