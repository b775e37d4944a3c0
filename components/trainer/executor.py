"""TFX's Trainer executor; tells `run_fn` where the tokenizer is."""

import json

from tfx.components.trainer import executor
from tfx.types import Artifact, artifact_utils

TOKENIZER = "tokenizer"
TOKENIZER_FOLDER = "tokenizer_folder"  # key of custom_config


class Executor(executor.GenericExecutor):
    """Runs GptTrainer."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """See TFX."""
        inputs = dict(input_dict)
        folder = artifact_utils.get_single_uri(inputs.pop(TOKENIZER))
        config = {**json.loads(str(exec_properties["custom_config"])), TOKENIZER_FOLDER: folder}
        super().Do(inputs, output_dict, dict(exec_properties, custom_config=json.dumps(config)))
