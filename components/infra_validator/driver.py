"""Sees to it that a refused model is asked again, for the reason may have been the machine."""

from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.types import Artifact, artifact_utils, standard_artifacts

from gptfx.components.drivers import ObservingDriver

TIMEOUT_SECONDS = "timeout_seconds"  # a parameter, and a custom property of the blessing
BLESSED, MODEL = "blessed", "model"  # custom properties of the blessing; the latter a uri
REFUSALS = "refusals"


class Driver(ObservingDriver):
    """Sets `refusals` to how often the model was refused with this time limit: a blessing is
    taken from the cache, a refusal never is. Without a metadata store there is no cache either.
    """

    def observe(
        self, inputs: dict[str, list[Artifact]], parameters: dict[str, object]
    ) -> dict[str, str]:
        """See ObservingDriver."""
        if self._metadata_handle is None:
            return {REFUSALS: "0"}
        uri = artifact_utils.get_single_instance(inputs["model"]).uri
        with self._metadata_handle as metadata:
            kind = standard_artifacts.InfraBlessing.TYPE_NAME
            known = metadata.store.get_artifacts_by_type(kind)
        asked = (uri, parameters[TIMEOUT_SECONDS], 0)
        return {REFUSALS: str(sum(_outcome(blessing) == asked for blessing in known))}


def _outcome(blessing: mlmd.Artifact) -> tuple[str, int, int]:
    """Of which model, within which limit, and whether it was blessed."""
    found = blessing.custom_properties
    seconds, blessed = found[TIMEOUT_SECONDS].int_value, found[BLESSED].int_value
    return found[MODEL].string_value, seconds, blessed
