"""What must not be learned from stops the run, with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts

from gptfx.components import schema
from gptfx.components.data_gate.component import DataGate
from gptfx.components.data_gate.executor import Counts, require_fit_text, require_no_anomalies
from gptfx.data.errors import InputError

Gate = Callable[..., dict[str, Any]]
GOOD = {"text": [b"words"], "source": [b"a/b.txt"], "position": [0]}


def validate(columns: dict[str, list[Any]]) -> anomalies_pb2.Anomalies:
    """What TFDV finds when examples of these features meet the curated schema."""
    statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns))
    return tfdv.validate_statistics(statistics, tfdv.load_schema_text(schema.FILE))


def anomalies_in(folder: Path, found: anomalies_pb2.Anomalies | None = None) -> Artifact:
    """ExampleValidator's artifact; `found` is about the split `eval`."""
    artifact = standard_artifacts.ExampleAnomalies()
    artifact.uri = str(folder)
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split, content in (("train", None), ("eval", found)):
        path = Path(artifact_utils.get_split_uri([artifact], split), "SchemaDiff.pb")
        path.parent.mkdir(parents=True)
        path.write_bytes((content or anomalies_pb2.Anomalies()).SerializeToString())
    return artifact


@pytest.fixture
def gate(execute: Callable[..., dict[str, Artifact]], tmp_path: Path) -> Gate:
    """Runs DataGate and reads its report."""

    def run(
        examples: Artifact,
        max_invalid_fraction: float = 0.0,
        found: anomalies_pb2.Anomalies | None = None,
    ) -> dict[str, Any]:
        node = DataGate(
            Channel(type=standard_artifacts.Examples),
            Channel(type=standard_artifacts.ExampleAnomalies),
            max_invalid_fraction,
        )
        anomalies = anomalies_in(tmp_path / "anomalies", found)
        inputs = {"examples": examples, "anomalies": anomalies}
        report = execute(node, tmp_path / "gate", inputs)["report"]
        return json.loads((Path(report.uri) / "report.json").read_text())

    return run


def test_the_report_counts_passages_bytes_and_invalid_bytes_by_split(
    gate: Gate, ingest: Callable[..., Artifact], tmp_path: Path
) -> None:
    texts = {"a/b.txt": b"x" * 150, "a/c.txt": b"caf\xe9 "}
    examples = ingest(tmp_path, texts, eval_fraction=0.2)
    assert gate(examples, max_invalid_fraction=0.01) == {
        "train": {"examples": 3, "bytes": 124, "invalid_bytes": 1},
        "eval": {"examples": 2, "bytes": 31, "invalid_bytes": 0},
    }


def test_the_bound_on_invalid_bytes_is_over_both_splits_and_may_be_reached() -> None:
    counts = {"train": Counts(1, 75, 1), "eval": Counts(1, 25, 0)}
    require_fit_text(counts, 0.01)
    with pytest.raises(InputError, match=r"1\.0000% .* the bound is 0\.9000%.*convert"):
        require_fit_text(counts, 0.009)


def test_too_many_invalid_bytes_are_refused(
    gate: Gate, ingest: Callable[..., Artifact], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="too much that is not UTF-8"):
        gate(ingest(tmp_path, {"a/b.txt": b"\xe9" + b"x" * 99}))


@pytest.mark.parametrize(("text", "split"), [(b"x", "eval"), (b"", "train")])
def test_an_empty_split_is_refused_by_name(
    gate: Gate, ingest: Callable[..., Artifact], tmp_path: Path, text: bytes, split: str
) -> None:
    with pytest.raises(InputError, match=f"the {split} split .* is empty.*0 passages.*add text"):
        gate(ingest(tmp_path, {"a/b.txt": text}))


def test_the_curated_schema_takes_a_raw_example() -> None:
    assert not validate(GOOD).anomaly_info


@pytest.mark.parametrize(
    ("columns", "feature"),
    [
        ({key: GOOD[key] for key in ("text", "position")}, "source"),
        ({**GOOD, "position": [-1]}, "position"),
        ({**GOOD, "position": [b"0"]}, "position"),
        ({**GOOD, "author": [b"me"]}, "author"),
    ],
    ids=["missing", "negative", "not a number", "unknown"],
)
def test_what_does_not_match_the_schema_is_refused_with_split_and_feature(
    tmp_path: Path, columns: dict[str, list[Any]], feature: str
) -> None:
    reason = rf"the eval split do not match.*{feature}: .*schema\.pbtxt"
    with pytest.raises(InputError, match=reason):
        require_no_anomalies(anomalies_in(tmp_path, validate(columns)))


def test_a_refusal_leaves_no_report(gate: Gate, examples: Artifact, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="position"):
        gate(examples, found=validate({**GOOD, "position": [-1]}))
    assert list((tmp_path / "gate/report").iterdir()) == []
