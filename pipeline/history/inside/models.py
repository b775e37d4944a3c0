"""Models, their trainings and what was judged. Evaluations take the import of TensorFlow."""

import json
from pathlib import Path
from types import SimpleNamespace

from gptfx.modules.export.card import read_card
from gptfx.pipeline.history.artifacts import model_folder, size_of
from gptfx.pipeline.history.derived import reasons
from gptfx.pipeline.history.inside.files import Facts, files
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Artifact

LAST = 3  # points of a curve


def model(artifact: Artifact, metadata: Metadata) -> Facts:
    """Its card, folder and size."""
    del metadata
    folder = model_folder(artifact)
    if artifact.properties.get("absent"):
        return {"model": "there was none to compare with"}
    card = read_card(folder)
    if card is None:
        raise ValueError(f"{folder} has no card that can be read")
    return {"folder": str(folder), "bytes": size_of(folder), **card}


def pushed(artifact: Artifact, metadata: Metadata) -> Facts:
    """The same of the version that it is; or that it is none."""
    if not artifact.properties.get("pushed"):
        return {"pushed": "no: not every gate blessed the model"}
    if not model_folder(artifact).is_dir():
        return {"pushed": f"{model_folder(artifact)}, which is there no more"}
    return model(artifact, metadata)


def curves(artifact: Artifact, metadata: Metadata) -> Facts:
    """Of a training: the curve, and its last points."""
    from gptfx.pipeline.curve import draw_curve

    path = Path(artifact.uri, "curves.json")
    if not path.exists():  # a bigram is counted
        return files(artifact, metadata)
    points = json.loads(path.read_text(encoding="utf-8"))
    curve = draw_curve([SimpleNamespace(**point) for point in points])
    return {"curve": curve, "last points": points[-LAST:]}


def evaluation(artifact: Artifact, metadata: Metadata) -> Facts:
    """A line a source, beside the baseline's."""
    from gptfx.components.evaluator.evaluation import OVERALL, read_evaluation

    del metadata
    if artifact.properties.get("nothing_to_compare"):
        return {"evaluation": "there was no model to compare with"}
    found = read_evaluation(artifact.uri)
    names = sorted(found.candidate, key=lambda name: (name == OVERALL, name))
    rows = []
    for name in names:
        values = found.candidate[name].items()
        of_model = {metric: value for metric, value in values if not metric.endswith("_diff")}
        row: Facts = {"source": name or "all", **of_model}
        if name in found.baseline:
            row["baseline_bits_per_byte"] = found.baseline[name]["bits_per_byte"]
        rows.append(row)
    return {"slices": rows, "failed": [f"{name or 'all'}" for name, _ in sorted(found.failures)]}


def blessing(artifact: Artifact, metadata: Metadata) -> Facts:
    """What a gate said, and why."""
    del metadata
    blessed = bool(artifact.properties.get("blessed"))
    return {"blessed": blessed, "refused": reasons({**artifact.properties, "blessed": blessed})}
