"""Decides the version's number before the node runs, so that a model is not pushed twice."""

from pathlib import Path

from tfx.components.util import model_utils
from tfx.types import Artifact, artifact_utils

from gptfx.components.drivers import ObservingDriver
from gptfx.components.exported import exported_card
from gptfx.modules.export.versions import next_number, versions

SERVING_FOLDER = "serving_folder"
VERSION = "version"
REFUSED = "refused"


def is_blessed(inputs: dict[str, list[Artifact]]) -> bool:
    """Whether every blessing that the node was handed is one."""
    if "infra_blessing" in inputs:
        validated = artifact_utils.get_single_instance(inputs["infra_blessing"])
        if not model_utils.is_infra_validated(validated):
            return False
    blessings = [inputs["blessing"]]  # without one nothing is blessed: an error
    if "regression_blessing" in inputs:
        blessings.append(inputs["regression_blessing"])
    return all(
        model_utils.is_model_blessed(artifact_utils.get_single_instance(blessing))
        for blessing in blessings
    )


class Driver(ObservingDriver):
    """Sets `version`: ``refused``, the number the newest version has if it is this model, or a new
    number. The second gives the same cache key as the run that pushed it, so nothing is done twice;
    a version that was deleted, or superseded, gives a new one.
    """

    def observe(
        self, inputs: dict[str, list[Artifact]], parameters: dict[str, object]
    ) -> dict[str, str]:
        """See ObservingDriver."""
        if not is_blessed(inputs):
            return {VERSION: REFUSED}
        model = exported_card(artifact_utils.get_single_instance(inputs["model"]))
        known = versions(Path(str(parameters[SERVING_FOLDER])))
        if known and known[-1].model_id == model["model_id"]:
            return {VERSION: str(known[-1].number)}
        return {VERSION: str(next_number(known))}
