"""How a node of TFX's own is handed the tokenizer: through `custom_config`, when it runs.

A placeholder in `custom_config` would not survive Kubeflow, so the executor puts the folder in.
"""

import json

from tfx.types import Artifact, artifact_utils
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY

TOKENIZER = "tokenizer"  # the input
TOKENIZER_FOLDER = "tokenizer_folder"  # the key of custom_config

Inputs = dict[str, list[Artifact]]
Parameters = dict[str, object]


def hand_over_tokenizer(
    inputs: Inputs, parameters: Parameters, folder: str | None = None
) -> tuple[Inputs, Parameters]:
    """Both without the tokenizer as an input, and with its folder in `custom_config`: the
    artifact's, or the one where a copy of it is."""
    others = dict(inputs)
    uri = artifact_utils.get_single_uri(others.pop(TOKENIZER))
    return others, with_entries(parameters, {TOKENIZER_FOLDER: folder or uri})


def with_entries(parameters: Parameters, entries: dict[str, object]) -> Parameters:
    """The parameters, with these in `custom_config` in place of what is there."""
    config = {**json.loads(str(parameters[CUSTOM_CONFIG_KEY])), **entries}
    return {**parameters, CUSTOM_CONFIG_KEY: json.dumps(config)}
