"""TFX's Evaluator executor; knows what to do where there is no baseline yet."""

from pathlib import Path

from tfx.components.evaluator import constants, executor
from tfx.types import Artifact, artifact_utils

from gptfx.components.exported import exported_folder
from gptfx.components.last_blessed.executor import is_absent
from gptfx.modules.export.card import require_packages

NOTHING_TO_COMPARE = "nothing_to_compare"  # custom property of the evaluation: 1 where so


class Executor(executor.Executor):
    """Runs GateEvaluator."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """See TFX; without the baseline that it was to be compared with, a model is blessed."""
        baseline = input_dict.get("baseline_model")
        if baseline and is_absent(artifact_utils.get_single_instance(baseline)):
            self._bless_without_baseline(input_dict, output_dict)
        else:
            for model in [*input_dict["model"], *(baseline or [])]:
                require_packages(exported_folder(model))
            super().Do(input_dict, output_dict, exec_properties)

    def _bless_without_baseline(
        self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]]
    ) -> None:
        model = artifact_utils.get_single_instance(input_dict["model"])
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        evaluation.set_int_custom_property(NOTHING_TO_COMPARE, 1)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        blessing.set_string_custom_property(
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri
        )
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
        blessing.set_int_custom_property(
            constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.BLESSED_VALUE
        )
        Path(blessing.uri, constants.BLESSED_FILE_NAME).touch()
