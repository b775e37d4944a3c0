"""A look inside an artifact: what a person would open its files for, as plain values.

Only what is of TensorFlow's own form (examples, evaluations) takes its import.
"""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gptfx.data.errors import InputError
from gptfx.modules.export.card import read_card
from gptfx.pipeline.history.artifacts import model_folder
from gptfx.pipeline.metadata import Artifact, Metadata

SPLITS = ("train", "eval")
FIRST = 3  # examples of each split
MERGES = 10  # the first and the last
LONGEST_TEXT = 300  # characters of an example

Facts = dict[str, Any]
Look = Callable[[Artifact, Metadata], Facts]


def look_inside(artifact: Artifact, metadata: Metadata) -> Facts:
    """By its kind; of what is of another kind, the names of its files.

    Raises InputError for what is damaged.
    """
    if not Path(artifact.uri).is_dir():
        return {"inside": f"{artifact.uri} is not there, or not on this machine"}
    try:
        return LOOKS.get(artifact.type, _files)(artifact, metadata)
    except (OSError, ValueError, KeyError) as error:
        problem = f"artifact {artifact.id} is damaged: {type(error).__name__}: {error}"
        raise InputError(problem, artifact.uri, "run again with --no-cache") from error


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder, or of a file; 0 where there is nothing."""
    if folder.is_file():
        return folder.stat().st_size
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _files(artifact: Artifact, metadata: Metadata) -> Facts:
    del metadata
    folder = Path(artifact.uri)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = [
        {"file": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size}
        for path in files
    ]
    return {"files": rows}


def _examples(artifact: Artifact, metadata: Metadata) -> Facts:
    """The first of each split: texts, or tokens and the text that they are."""
    import tensorflow as tf

    from gptfx.components.examples import SOURCE, TEXT, TOKENS, shards

    tokenizer = _tokenizer_of(artifact, metadata)
    found: Facts = {}
    for split in SPLITS:
        files = shards(str(Path(artifact.uri, f"Split-{split}")))
        records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
        rows = []
        for record in islice(records, FIRST):
            feature = tf.train.Example.FromString(record).features.feature
            if TOKENS in feature:
                ids = list(feature[TOKENS].int64_list.value)
                text = tokenizer.decode(ids) if tokenizer else b""
                rows.append({"tokens": len(ids), "ids": ids[:12], "text": _text(text)})
            else:
                source, text = (feature[name].bytes_list.value[0] for name in (SOURCE, TEXT))
                rows.append({"source": source.decode(), "bytes": len(text), "text": _text(text)})
        found[split] = rows
    return found


def _text(text: bytes) -> str:
    return text.decode(errors="replace")[:LONGEST_TEXT]


def _tokenizer_of(artifact: Artifact, metadata: Metadata) -> Any:
    """That which made the tokens of transformed examples."""
    from gptfx.modules.tokenizers.tokenizer import Tokenizer

    makers = metadata.makers([artifact.id])[artifact.id]
    given = makers[0].inputs.get("tokenizer") if makers else None
    return Tokenizer.load(Path(given.uri)) if given else None


def _statistics(artifact: Artifact, metadata: Metadata) -> Facts:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    del metadata
    found: Facts = {}
    for split in SPLITS:
        content = Path(artifact.uri, f"Split-{split}", "FeatureStats.pb").read_bytes()
        (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets
        found[f"{split} examples"] = dataset.num_examples
        found[split] = [_feature_row(feature) for feature in dataset.features]
    return found


def _feature_row(feature: Any) -> Facts:
    kind = feature.WhichOneof("stats")
    stats = getattr(feature, kind)
    row = {"feature": ".".join(feature.path.step) or feature.name, "kind": kind.split("_")[0]}
    row["missing"] = stats.common_stats.num_missing
    if kind == "num_stats":
        return {**row, "mean": round(stats.mean, 1), "min": stats.min, "max": stats.max}
    if kind == "bytes_stats":
        row |= {"mean": round(stats.avg_num_bytes, 1), "max": stats.max_num_bytes}
        return {**row, "min": stats.min_num_bytes}
    if kind == "string_stats":
        return {**row, "mean": round(stats.avg_length, 1), "unique": stats.unique}
    return row


def _schema(artifact: Artifact, metadata: Metadata) -> Facts:
    del metadata
    return {"schema": Path(artifact.uri, "schema.pbtxt").read_text(encoding="utf-8")}


def _anomalies(artifact: Artifact, metadata: Metadata) -> Facts:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    del metadata
    found: Facts = {}
    for split in SPLITS:
        content = Path(artifact.uri, f"Split-{split}", "SchemaDiff.pb").read_bytes()
        info = anomalies_pb2.Anomalies.FromString(content).anomaly_info
        found[split] = [{"feature": name, "what": info[name].description} for name in sorted(info)]
    return found


def _json(name: str) -> Look:
    """Of what is one file of JSON."""

    def look(artifact: Artifact, metadata: Metadata) -> Facts:
        del metadata
        content = json.loads(Path(artifact.uri, name).read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {"content": content}

    return look


def _tokenizer(artifact: Artifact, metadata: Metadata) -> Facts:
    from gptfx.modules.tokenizers.tokenizer import Tokenizer

    del metadata
    tokenizer = Tokenizer.load(Path(artifact.uri))
    pieces = tokenizer.numbered_bytes
    merges = [
        {"number": number, "left": _text(pieces[left]), "right": _text(pieces[right])}
        for number, (left, right) in enumerate(tokenizer.merges)
    ]
    return {
        "kind": tokenizer.kind,
        "vocab_size": tokenizer.vocab_size,
        "normalization": tokenizer.normalization,
        "special_tokens": [name for name, _ in tokenizer.special_tokens],
        "merges": len(merges),
        "first merges": merges[:MERGES],
        "last merges": merges[MERGES:][-MERGES:],
        "characters": tokenizer.characters[:LONGEST_TEXT],
    }


def _model(artifact: Artifact, metadata: Metadata) -> Facts:
    del metadata
    folder = model_folder(artifact)
    if artifact.properties.get("absent"):
        return {"model": "there was none to compare with"}
    card = read_card(folder)
    if card is None:
        raise ValueError(f"{folder} has no card that can be read")
    return {"folder": str(folder), "bytes": size_of(folder), **card}


def _pushed(artifact: Artifact, metadata: Metadata) -> Facts:
    if not artifact.properties.get("pushed"):
        return {"pushed": "no: not every gate blessed the model"}
    if not model_folder(artifact).is_dir():
        return {"pushed": f"{model_folder(artifact)}, which is there no more"}
    return _model(artifact, metadata)


def _curves(artifact: Artifact, metadata: Metadata) -> Facts:
    from gptfx.pipeline.curve import draw_curve

    path = Path(artifact.uri, "curves.json")
    if not path.exists():  # a bigram is counted
        return _files(artifact, metadata)
    points = json.loads(path.read_text(encoding="utf-8"))
    curve = draw_curve([SimpleNamespace(**point) for point in points])
    return {"curve": curve, "last points": points[-FIRST:]}


def _evaluation(artifact: Artifact, metadata: Metadata) -> Facts:
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


def _blessing(artifact: Artifact, metadata: Metadata) -> Facts:
    from gptfx.pipeline.history.derived import reasons

    del metadata
    blessed = bool(artifact.properties.get("blessed"))
    return {"blessed": blessed, "refused": reasons({**artifact.properties, "blessed": blessed})}


def _card(artifact: Artifact, metadata: Metadata) -> Facts:
    del metadata
    return {"card": Path(artifact.uri, "README.md").read_text(encoding="utf-8")}


LOOKS: dict[str, Look] = {
    "Examples": _examples,
    "ExampleStatistics": _statistics,
    "Schema": _schema,
    "ExampleAnomalies": _anomalies,
    "gptfx.DataReport": _json("report.json"),
    "gptfx.Tokenizer": _tokenizer,
    "Model": _model,
    "ModelRun": _curves,
    "ModelEvaluation": _evaluation,
    "ModelBlessing": _blessing,
    "InfraBlessing": _blessing,
    "PushedModel": _pushed,
    "gptfx.TextScores": _json("scores.json"),
    "gptfx.ModelCard": _card,
    "HyperParameters": _json("best_hyperparameters.txt"),
}
