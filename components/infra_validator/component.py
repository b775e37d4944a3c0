"""ServingValidator: a model is asked as a server would ask it, before it may be pushed.

TFX's InfraValidator starts TensorFlow Serving in Docker or Kubernetes, which a laptop may not have;
this one needs a process. Its blessing is the same, so that TFX's Pusher would obey it, too.
"""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.infra_validator import driver, executor


class ServingValidatorSpec(ComponentSpec):
    """A model in, a blessing out."""

    PARAMETERS = {
        driver.TIMEOUT_SECONDS: ExecutionParameter(type=int),
        driver.REFUSALS: ExecutionParameter(type=str, optional=True),  # set by the driver
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS = {"blessing": ChannelParameter(type=standard_artifacts.InfraBlessing)}


class ServingValidator(base_component.BaseComponent):
    """Loads a copy of the model where there is no gptfx, and sends requests to every signature.

    A model that is damaged, lacks a signature, gives what it must not give, hangs or kills its
    process is not blessed; custom property `reason` says why in one line. See ``probe.py``.
    """

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(self, model: BaseChannel, timeout_seconds: int) -> None:
        """Wires the node: the candidate, and how long loading and all requests may take."""
        spec = ServingValidatorSpec(
            model=model,
            timeout_seconds=timeout_seconds,
            code=code_fingerprint("components/infra_validator"),
            blessing=Channel(type=standard_artifacts.InfraBlessing),
        )
        super().__init__(spec=spec)
