"""Looks into the serving folder; the version it finds is part of the cache key."""

from pathlib import Path

from tfx.types import Artifact, artifact_utils

from gptfx.components.drivers import ObservingDriver
from gptfx.components.exported import exported_card
from gptfx.modules.export.versions import LINEAGE, versions
from gptfx.modules.export.withdrawn import withdrawal_of

SERVING_FOLDER = "serving_folder"
VERSION = "version"
NONE = "none"


class Driver(ObservingDriver):
    """Sets `version` to the folder of the last version of the same lineage, or to ``none``."""

    def observe(
        self, inputs: dict[str, list[Artifact]], parameters: dict[str, object]
    ) -> dict[str, str]:
        """See ObservingDriver."""
        candidate = exported_card(artifact_utils.get_single_instance(inputs["candidate"]))
        serving = Path(str(parameters[SERVING_FOLDER]))
        earlier = [
            version
            for version in versions(serving)
            if version.model_id != candidate["model_id"]
            and version.card.get(LINEAGE) == candidate[LINEAGE]
            and not withdrawal_of(serving, version.model_id)
        ]
        return {VERSION: str(earlier[-1].folder) if earlier else NONE}
