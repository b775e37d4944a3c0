"""Texts, their statistics, and how they become tokens. Examples take the import of TensorFlow."""

from itertools import islice
from pathlib import Path
from typing import Any

from gptfx.pipeline.history.inside.files import Facts
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Artifact

SPLITS = ("train", "eval")
FIRST = 3  # examples of each split
MERGES = 10  # the first and the last
LONGEST_TEXT = 300  # characters of an example


def examples(artifact: Artifact, metadata: Metadata) -> Facts:
    """The first of each split: texts, or tokens and the text that they are."""
    import tensorflow as tf

    from gptfx.components.examples import SOURCE, TEXT, TOKENS, shards

    of_tokens = _tokenizer_of(artifact, metadata)
    found: Facts = {}
    for split in SPLITS:
        files = shards(str(Path(artifact.uri, f"Split-{split}")))
        records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
        rows = []
        for record in islice(records, FIRST):
            feature = tf.train.Example.FromString(record).features.feature
            if TOKENS in feature:
                ids = list(feature[TOKENS].int64_list.value)
                text = of_tokens.decode(ids) if of_tokens else b""
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


def statistics(artifact: Artifact, metadata: Metadata) -> Facts:
    """Of each split: how many examples, and a line a feature."""
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


def schema(artifact: Artifact, metadata: Metadata) -> Facts:
    """As text."""
    del metadata
    return {"schema": Path(artifact.uri, "schema.pbtxt").read_text(encoding="utf-8")}


def anomalies(artifact: Artifact, metadata: Metadata) -> Facts:
    """Of each split: what was not as the schema has it."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    del metadata
    found: Facts = {}
    for split in SPLITS:
        content = Path(artifact.uri, f"Split-{split}", "SchemaDiff.pb").read_bytes()
        info = anomalies_pb2.Anomalies.FromString(content).anomaly_info
        found[split] = [{"feature": name, "what": info[name].description} for name in sorted(info)]
    return found


def tokenizer(artifact: Artifact, metadata: Metadata) -> Facts:
    """Its kind, its size, its first and last merges."""
    from gptfx.modules.tokenizers.tokenizer import Tokenizer

    del metadata
    found = Tokenizer.load(Path(artifact.uri))
    pieces = found.numbered_bytes
    merges = [
        {"number": number, "left": _text(pieces[left]), "right": _text(pieces[right])}
        for number, (left, right) in enumerate(found.merges)
    ]
    return {
        "kind": found.kind,
        "vocab_size": found.vocab_size,
        "normalization": found.normalization,
        "special_tokens": [name for name, _ in found.special_tokens],
        "merges": len(merges),
        "first merges": merges[:MERGES],
        "last merges": merges[MERGES:][-MERGES:],
        "characters": found.characters[:LONGEST_TEXT],
    }
