"""Decides whether the input changed: by content, so that a copied or touched file is the same."""

from collections.abc import Iterable

from tfx.components.example_gen import driver, input_processor
from tfx.proto import example_gen_pb2, range_config_pb2

from gptfx.components.text_example_gen.files import content_fingerprint, source_files


class TextInputProcessor(input_processor.FileBasedInputProcessor):
    """TFX's, with a fingerprint of the contents."""

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        """The contents of all files that the splits' patterns name in this span."""
        files = []
        for split in self._splits:
            pattern = self.get_pattern_for_span_version(split.pattern, span, version)
            files += source_files(self._input_base_uri, pattern)
        return content_fingerprint(files)


class TextDriver(driver.FileBasedDriver):
    """TFX's driver of file-based ExampleGens, with our input processor."""

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> input_processor.InputProcessor:
        """See TFX."""
        return TextInputProcessor(input_base_uri, splits, range_config)
