"""How a node of TFX's own is handed the tokenizer: through `custom_config`, when it runs.

A placeholder in `custom_config` would not survive Kubeflow, so the executor puts the folder in.
"""

import json

from tfx.types import Artifact, artifact_utils

TOKENIZER = "tokenizer"  # the input
TOKENIZER_FOLDER = "tokenizer_folder"  # the key of custom_config

Inputs = dict[str, list[Artifact]]
Parameters = dict[str, object]


def hand_over_tokenizer(inputs: Inputs, parameters: Parameters) -> tuple[Inputs, Parameters]:
    """Both without the tokenizer as an input, and with its folder in `custom_config`."""
    others = dict(inputs)
    folder = artifact_utils.get_single_uri(others.pop(TOKENIZER))
    config = {**json.loads(str(parameters["custom_config"])), TOKENIZER_FOLDER: folder}
    return others, {**parameters, "custom_config": json.dumps(config)}
