"""gptfx: GPT from scratch, as a production ML pipeline.

The rooms are `gptfx.data`, `gptfx.modules`, `gptfx.components`, `gptfx.pipeline` and
`gptfx.kubeflow`. Artifact types are attributes of this package, because TFX looks a type named
``gptfx.Tokenizer`` up here; they are imported when asked for, so that ``import gptfx`` stays fast.
"""

from typing import Any

__version__ = "0.1.0"
ARTIFACT_TYPES = ("DataReport", "ModelCard", "TextScores", "Tokenizer")


def __getattr__(name: str) -> Any:
    if name in ARTIFACT_TYPES:
        from gptfx.components import artifacts

        return getattr(artifacts, name)
    raise AttributeError(f"module 'gptfx' has no attribute {name!r}")
