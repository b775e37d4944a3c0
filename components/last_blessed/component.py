"""LastBlessed: the last pushed model of the same lineage, for the Evaluator to compare with.

TFX's Resolver with LatestBlessedModelStrategy is not used: it calls a model blessed when any one
of several Evaluators blessed it, offers a cached candidate as its own baseline, and does not run on
the open-source Kubeflow Pipelines backend.
"""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.last_blessed import driver, executor


class LastBlessedSpec(ComponentSpec):
    """A candidate in, an earlier model out."""

    PARAMETERS = {
        driver.SERVING_FOLDER: ExecutionParameter(type=str),
        driver.VERSION: ExecutionParameter(type=str, optional=True),  # set by the driver
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {"candidate": ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}


class LastBlessed(base_component.BaseComponent):
    """Only what passed every gate, or was forced, is in the serving folder, so its newest version
    is the answer; one that was withdrawn since is none.

    The lineage (corpus set, tokenizer kind, preset) must agree, and a candidate is never compared
    with itself. Where there is none, the output is marked absent (see ``executor.is_absent``).
    """

    SPEC_CLASS = LastBlessedSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(self, candidate: BaseChannel, serving_folder: str) -> None:
        """Wires the node: the model that is to be judged, and where pushed ones are."""
        spec = LastBlessedSpec(
            candidate=candidate,
            serving_folder=serving_folder,
            code=code_fingerprint("components/last_blessed"),
            model=Channel(type=standard_artifacts.Model),
        )
        super().__init__(spec=spec)
