"""TFX's Trainer executor; tells `run_fn` of the tokenizer, and what the run was started with."""

import json

from pydantic import ValidationError
from tfx.components.trainer import executor
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY

from gptfx.components.tokenizer_input import (
    Inputs,
    Parameters,
    hand_over_tokenizer,
    with_entries,
)
from gptfx.data.errors import InputError
from gptfx.modules.config import TrainerConfig

CHECKPOINTS_FOLDER = "checkpoints_folder"  # a parameter, and the key of `custom_config`
TRAIN_STEPS, SEED = "train_steps", "seed"
KEYS = {TRAIN_STEPS: "steps", SEED: "seed"}  # of the section `trainer`


class Executor(executor.GenericExecutor):
    """Runs GptTrainer."""

    def Do(self, input_dict: Inputs, output_dict: Inputs, exec_properties: Parameters) -> None:
        """See TFX."""
        inputs, parameters = hand_over_tokenizer(input_dict, started_with(exec_properties))
        if folder := exec_properties.get(CHECKPOINTS_FOLDER):
            parameters = with_entries(parameters, {CHECKPOINTS_FOLDER: folder})
        super().Do(inputs, output_dict, parameters)


def started_with(parameters: Parameters) -> Parameters:
    """The parameters, with those that a run was started with in the trainer's configuration.

    Raises InputError for values that the configuration would not take.
    """
    told = {key: parameters[name] for name, key in KEYS.items() if parameters.get(name) is not None}
    if not told:
        return parameters
    config = json.loads(str(parameters[CUSTOM_CONFIG_KEY]))
    try:
        trainer = TrainerConfig.model_validate({**config["trainer"], **told})
    except ValidationError as error:
        remedy = "start the run with others"
        problem = f"the trainer cannot take these parameters: {error.errors()[0]['msg']}"
        raise InputError(problem, told, remedy) from None
    return with_entries(parameters, {"trainer": trainer.model_dump()})
