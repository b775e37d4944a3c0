"""Copies a model beside its place and renames it there: readers see it whole or not at all."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils

from gptfx.components.exported import exported_folder
from gptfx.components.model_card.pages import PAGE, README
from gptfx.components.pusher.driver import REFUSED, SERVING_FOLDER, VERSION
from gptfx.modules.export.card import CARD_PATH

MODEL_CARD = "model_card"  # the input
PUSHED = "pushed"  # custom properties, named as by TFX's Pusher
PUSHED_DESTINATION = "pushed_destination"
PUSHED_VERSION = "pushed_version"


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
        pushed.set_int_custom_property(PUSHED, int(version != REFUSED))
        if version == REFUSED:
            logging.info("Not every gate blessed the model; nothing is pushed.")
            return
        target = Path(str(exec_properties[SERVING_FOLDER])) / version
        model = artifact_utils.get_single_instance(input_dict["model"])
        push(exported_folder(model), target, _pages(input_dict))
        pushed.set_string_custom_property(PUSHED_DESTINATION, str(target))
        pushed.set_string_custom_property(PUSHED_VERSION, version)


def _pages(inputs: dict[str, list[Artifact]]) -> list[Path]:
    """Those of the model's card, if there is one."""
    if MODEL_CARD not in inputs:
        return []
    card = artifact_utils.get_single_instance(inputs[MODEL_CARD])
    return [Path(card.uri, name) for name in (README, PAGE)]


def push(source: Path, target: Path, pages: Sequence[Path] = ()) -> None:
    """Copies the folder `source`, and pages about the model into its ``assets.extra``, to `target`,
    which appears at once; one that is there stays."""
    if target.exists():
        logging.info("Version %s is there already.", target)
        return
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # what a killed push left
    shutil.copytree(source, partial)
    for page in pages:
        shutil.copy(page, partial / CARD_PATH.parent)
    partial.rename(target)
