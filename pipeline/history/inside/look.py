"""A look inside an artifact: what a person would open its files for, as plain values.

Only what is of TensorFlow's own form (examples, evaluations) takes its import.
"""

from pathlib import Path

from gptfx.data.errors import InputError
from gptfx.pipeline.history.inside import data, models
from gptfx.pipeline.history.inside.files import Facts, Look, card, files, json_of
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Artifact


def look_inside(artifact: Artifact, metadata: Metadata) -> Facts:
    """By its kind; of what is of another kind, the names of its files.

    Raises InputError for what is damaged.
    """
    if not Path(artifact.uri).is_dir():
        return {"inside": f"{artifact.uri} is not there, or not on this machine"}
    try:
        return LOOKS.get(artifact.type, files)(artifact, metadata)
    except (OSError, ValueError, KeyError) as error:
        problem = f"artifact {artifact.id} is damaged: {type(error).__name__}: {error}"
        raise InputError(problem, artifact.uri, "run again with --no-cache") from error


LOOKS: dict[str, Look] = {
    "Examples": data.examples,
    "ExampleStatistics": data.statistics,
    "Schema": data.schema,
    "ExampleAnomalies": data.anomalies,
    "gptfx.DataReport": json_of("report.json"),
    "gptfx.Tokenizer": data.tokenizer,
    "Model": models.model,
    "ModelRun": models.curves,
    "ModelEvaluation": models.evaluation,
    "ModelBlessing": models.blessing,
    "InfraBlessing": models.blessing,
    "PushedModel": models.pushed,
    "gptfx.TextScores": json_of("scores.json"),
    "gptfx.ModelCard": card,
    "HyperParameters": json_of("best_hyperparameters.txt"),
}
