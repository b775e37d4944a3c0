"""A driver looks at the world before a node runs and writes what it saw into the node's parameters.

The parameters are part of the cache key, so a node whose surroundings changed runs again and one
whose surroundings are the same is taken from the cache.
"""

import abc

from tfx.dsl.components.base import base_driver
from tfx.orchestration.portable import base_driver as portable_driver
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import Artifact


class ObservingDriver(base_driver.BaseDriver, portable_driver.BaseDriver):
    """Calls `observe` and sets the parameters that it returns."""

    def __init__(self, metadata_handle: object) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_driver.BaseDriver.__init__(self, metadata_handle)

    @abc.abstractmethod
    def observe(
        self, inputs: dict[str, list[Artifact]], parameters: dict[str, object]
    ) -> dict[str, str]:
        """Parameters to set, given the node's input artifacts and parameters."""

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """TFX's entry: see `observe`."""
        output = driver_output_pb2.DriverOutput()
        inputs = {key: list(value) for key, value in execution_info.input_dict.items()}
        seen = self.observe(inputs, dict(execution_info.exec_properties))
        for key, value in seen.items():
            output.exec_properties[key].string_value = value
        return output
