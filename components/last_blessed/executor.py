"""Copies the version that the driver found into an artifact, so that it outlives the version."""

import shutil
from pathlib import Path

from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils

from gptfx.components.exported import exported_folder
from gptfx.components.last_blessed.driver import NONE, VERSION

ABSENT = "absent"  # custom property of the output: 1 where there is no earlier model
PUSHED_VERSION = "pushed_version"  # custom property: which version the model was


def is_absent(model: Artifact) -> bool:
    """Whether a Model artifact stands for no model."""
    return bool(model.get_int_custom_property(ABSENT))


class Executor(base_executor.BaseExecutor):
    """Runs LastBlessed."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """Fills the `model` artifact or marks it absent."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(output_dict["model"])
        version = str(exec_properties[VERSION])
        model.set_int_custom_property(ABSENT, int(version == NONE))
        if version != NONE:
            model.set_string_custom_property(PUSHED_VERSION, Path(version).name)
            # An earlier attempt may have been killed halfway.
            shutil.copytree(version, exported_folder(model), dirs_exist_ok=True)
