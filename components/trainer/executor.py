"""TFX's Trainer executor; tells `run_fn` of the tokenizer, and what the run was started with.

What the training took and ran on goes into custom properties of the ModelRun artifact: the model
itself is the same wherever it was made.
"""

import json
import time

from pydantic import ValidationError
from tfx.components.trainer import executor
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY, MODEL_RUN_KEY

from gptfx.components.revision import revision
from gptfx.components.tokenizer_input import (
    Inputs,
    Parameters,
    hand_over_tokenizer,
    with_entries,
)
from gptfx.data.errors import InputError
from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.hardware import Hardware, hardware

CHECKPOINTS_FOLDER = "checkpoints_folder"  # a parameter, and the key of `custom_config`
TRAIN_STEPS, SEED = "train_steps", "seed"
KEYS = {TRAIN_STEPS: "steps", SEED: "seed"}  # of the section `trainer`

# Custom properties of the ModelRun artifact; beside them the fields of `Hardware`.
RUN_ID, REVISION = "run_id", "revision"
TRAINING_SECONDS = "training_seconds"  # of the attempt that ended well, with reading and exporting


class Executor(executor.GenericExecutor):
    """Runs GptTrainer."""

    def Do(self, input_dict: Inputs, output_dict: Inputs, exec_properties: Parameters) -> None:
        """See TFX."""
        inputs, parameters = hand_over_tokenizer(input_dict, started_with(exec_properties))
        if folder := exec_properties.get(CHECKPOINTS_FOLDER):
            parameters = with_entries(parameters, {CHECKPOINTS_FOLDER: folder})
        started = time.monotonic()
        super().Do(inputs, output_dict, parameters)
        model_run = artifact_utils.get_single_instance(output_dict[MODEL_RUN_KEY])
        note(model_run, time.monotonic() - started, hardware())
        note_origin(model_run, self._context.pipeline_run_id if self._context else None)


def note_origin(model_run: Artifact, run_id: str | None) -> None:
    """Says of a training in which run it was, and with which code; what nobody knows is left out.

    A later run that finds it in the cache has another id, and maybe other code.
    """
    for name, value in ((RUN_ID, run_id), (REVISION, revision())):
        if value:
            model_run.set_string_custom_property(name, value)


def note(model_run: Artifact, seconds: float, on: Hardware) -> None:
    """Says of a training how long it took and what it ran on."""
    model_run.set_float_custom_property(TRAINING_SECONDS, round(seconds, 3))
    model_run.set_string_custom_property("processor", on.processor)
    model_run.set_float_custom_property("cores", on.cores)
    model_run.set_float_custom_property("memory_gib", on.memory_gib)
    model_run.set_string_custom_property("gpus", json.dumps(on.gpus))
    model_run.set_string_custom_property("tensorflow", on.tensorflow)


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
