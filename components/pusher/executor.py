"""Lays a model down as a version of its own, or notes why it does not."""

from pathlib import Path

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils

from gptfx.components.exported import exported_folder
from gptfx.components.model_card.pages import PAGE, README
from gptfx.components.pusher.driver import REFUSED, SERVING_FOLDER, VERSION
from gptfx.modules.export.versions import lay_down

MODEL_CARD = "model_card"  # the input
PUSHED = "pushed"  # custom properties, named as by TFX's Pusher
PUSHED_DESTINATION = "pushed_destination"
PUSHED_VERSION = "pushed_version"
WITHDRAWN = "withdrawn"  # ours: by whom, when and why, where that is why nothing was pushed


class Executor(base_executor.BaseExecutor):
    """Runs GatedPusher."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """Pushes, or marks the `pushed_model` artifact as not pushed."""
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        version = str(exec_properties[VERSION])
        pushed.set_int_custom_property(PUSHED, int(version.isdecimal()))
        if not version.isdecimal():
            _say_why(pushed, version)
            return
        target = Path(str(exec_properties[SERVING_FOLDER])) / version
        model = artifact_utils.get_single_instance(input_dict["model"])
        lay_down(exported_folder(model), target, pages=_pages(input_dict))
        pushed.set_string_custom_property(PUSHED_DESTINATION, str(target))
        pushed.set_string_custom_property(PUSHED_VERSION, version)


def _pages(inputs: dict[str, list[Artifact]]) -> dict[str, bytes]:
    """Those of the model's card, if there is one."""
    if MODEL_CARD not in inputs:
        return {}
    card = artifact_utils.get_single_instance(inputs[MODEL_CARD])
    return {name: Path(card.uri, name).read_bytes() for name in (README, PAGE)}


def _say_why(pushed: Artifact, answer: str) -> None:
    if answer == REFUSED:
        logging.info("Not every gate blessed the model; nothing is pushed.")
        return
    logging.info("The model was %s; nothing is pushed.", answer)
    pushed.set_string_custom_property(WITHDRAWN, answer)
