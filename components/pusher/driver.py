"""Decides the version's number before the node runs, so that a model is not pushed twice."""

from pathlib import Path

from tfx.types import Artifact, artifact_utils

from gptfx.components.blessings import is_blessed
from gptfx.components.drivers import ObservingDriver
from gptfx.components.exported import exported_card
from gptfx.modules.export.versions import next_number, versions
from gptfx.modules.export.withdrawn import withdrawal_of

SERVING_FOLDER = "serving_folder"
VERSION = "version"
REFUSED = "refused"


class Driver(ObservingDriver):
    """Sets `version`: ``withdrawn by ...``, ``refused``, the number the newest version has if it is
    this model, or a new number. The third gives the same cache key as the run that pushed it, so
    nothing is done twice; a version that was deleted, or superseded, gives a new one.
    """

    def observe(
        self, inputs: dict[str, list[Artifact]], parameters: dict[str, object]
    ) -> dict[str, str]:
        """See ObservingDriver."""
        model = exported_card(artifact_utils.get_single_instance(inputs["model"]))
        serving = Path(str(parameters[SERVING_FOLDER]))
        if withdrawal := withdrawal_of(serving, str(model["model_id"])):
            return {VERSION: str(withdrawal)}
        if not is_blessed(inputs):
            return {VERSION: REFUSED}
        known = versions(serving)
        if known and known[-1].model_id == model["model_id"]:
            return {VERSION: str(known[-1].number)}
        return {VERSION: str(next_number(known))}
