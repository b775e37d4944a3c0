"""TFX's BulkInferrer executor; asks nothing of a model that a gate refused."""

from absl import logging
from tfx.components.bulk_inferrer import executor
from tfx.types import Artifact

from gptfx.components import blessings


class Executor(executor.Executor):
    """Runs GatedInferrer."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """See TFX; where a gate refused the model, there are no results."""
        if not blessings.is_blessed(input_dict):
            logging.info("Not every gate blessed the model; it is asked nothing.")
            return
        asked = {key: made for key, made in input_dict.items() if key not in blessings.INPUTS}
        super().Do(asked, output_dict, exec_properties)
