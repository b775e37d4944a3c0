"""GatedPusher: pushes a model that every Evaluator and ServingValidator blessed, once."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components import blessings
from gptfx.components.artifacts import ModelCard
from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.pusher import driver, executor


class GatedPusherSpec(ComponentSpec):
    """A model and its blessings in, a pushed model out."""

    PARAMETERS = {
        driver.SERVING_FOLDER: ExecutionParameter(type=str),
        driver.VERSION: ExecutionParameter(type=str, optional=True),  # set by the driver
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        **blessings.INPUTS,
        executor.MODEL_CARD: ChannelParameter(type=ModelCard, optional=True),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}


class GatedPusher(base_component.BaseComponent):
    """Copies a blessed SavedModel to ``serving_folder/VERSION``, whole or not at all.

    TFX's Pusher obeys one Evaluator, numbers a version each time it runs and copies in place; this
    one obeys two, pushes no second version of the model that is the newest already, and renames a
    finished copy into place.
    """

    SPEC_CLASS = GatedPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(
        self,
        model: BaseChannel,
        blessing: BaseChannel,
        serving_folder: str,
        regression_blessing: BaseChannel | None = None,
        infra_blessing: BaseChannel | None = None,
        model_card: BaseChannel | None = None,
    ) -> None:
        """Wires the node.

        Args:
          model: the candidate.
          blessing: of the Evaluator with the absolute bound.
          serving_folder: where versions go.
          regression_blessing: of the Evaluator against the last blessed model, if there is one.
          infra_blessing: of ServingValidator, if there is one.
          model_card: of ModelCardWriter, if there is one; its pages go into the version's
            ``assets.extra``.
        """
        spec = GatedPusherSpec(
            model=model,
            blessing=blessing,
            regression_blessing=regression_blessing,
            infra_blessing=infra_blessing,
            model_card=model_card,
            serving_folder=serving_folder,
            code=code_fingerprint("components/pusher"),
            pushed_model=Channel(type=standard_artifacts.PushedModel),
        )
        super().__init__(spec=spec)
