"""Our artifact types.

A TYPE_NAME is ``gptfx.CLASS`` with exactly one dot and resolves as an attribute of the package
``gptfx`` (see pipeline/root), which is how TFX's Kubeflow entrypoint finds the class again. There
are no PROPERTIES, which do not survive that way; figures go into custom properties.
"""

from tfx.types.artifact import Artifact


class Tokenizer(Artifact):
    """A folder with ``tokenizer.json``; custom properties `kind` and `vocab_size`."""

    TYPE_NAME = "gptfx.Tokenizer"


class DataReport(Artifact):
    """A folder with ``report.json``: what the data gate counted."""

    TYPE_NAME = "gptfx.DataReport"


class TextScores(Artifact):
    """A folder with ``scores.json``: how well a model predicts texts, by corpus."""

    TYPE_NAME = "gptfx.TextScores"


class ModelCard(Artifact):
    """A folder with ``card.json``, ``README.md`` and ``card.html``: what there is to say of a
    model; custom properties `model_id` and `model_blessed` (0 or 1)."""

    TYPE_NAME = "gptfx.ModelCard"
