"""What every gate says of a model: the inputs of a node that obeys them."""

from tfx.components.util import model_utils
from tfx.types import Artifact, artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter

BLESSING, REGRESSION, INFRA = "blessing", "regression_blessing", "infra_blessing"
INPUTS = {  # of the Evaluator with the absolute bound, of the one against the last model, ...
    BLESSING: ChannelParameter(type=standard_artifacts.ModelBlessing),
    REGRESSION: ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
    INFRA: ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
}


def is_blessed(inputs: dict[str, list[Artifact]]) -> bool:
    """Whether every blessing that the node was handed is one."""
    if INFRA in inputs:
        validated = artifact_utils.get_single_instance(inputs[INFRA])
        if not model_utils.is_infra_validated(validated):
            return False
    blessings = [inputs[BLESSING]]  # without one nothing is blessed: an error
    if REGRESSION in inputs:
        blessings.append(inputs[REGRESSION])
    return all(
        model_utils.is_model_blessed(artifact_utils.get_single_instance(blessing))
        for blessing in blessings
    )
