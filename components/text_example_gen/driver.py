"""Decides whether the input changed: by content, so that a copied or touched file is the same."""

from typing import Any

from tfx.components.example_gen import driver, utils
from tfx.types import Artifact

from gptfx.components.text_example_gen.files import corpora_of
from gptfx.data.identities import fingerprint, read_identities


class TextDriver(driver.FileBasedDriver):
    """TFX's driver of file-based ExampleGens, for several corpora, each with spans of its own.

    TFX's needs the same one span of every split. Here the artifact's span is the latest of all.
    """

    def observe(
        self, inputs: dict[str, list[Artifact]], parameters: dict[str, Any]
    ) -> dict[str, Any]:
        """The parameters as they are to be, as other drivers of ours say it; for whoever runs a
        node without TFX's drivers."""
        del inputs  # there are none
        return self.resolve_exec_properties(parameters, None, None)

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        """Sets `span` (0 where no corpus has any), `version` and `input_fingerprint`."""
        del pipeline_info, component_info
        corpora = corpora_of(exec_properties)
        files = read_identities(file for corpus in corpora for file in corpus.files)
        spans = [span for corpus in corpora for span in corpus.spans]
        exec_properties[utils.SPAN_PROPERTY_NAME] = max(spans, default=0)
        exec_properties[utils.VERSION_PROPERTY_NAME] = None  # versions are chosen span by span
        exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = fingerprint(files)
        return exec_properties
