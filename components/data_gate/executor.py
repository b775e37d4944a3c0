"""Counts what is in the examples, on Beam, and refuses what must not be learned from."""

import json
import posixpath
from collections.abc import Iterable
from typing import NamedTuple

import apache_beam as beam
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from gptfx.components.examples import EVAL, SHARD_PATTERN, TRAIN, RawExample
from gptfx.components.files import read_bytes, read_text, write_text
from gptfx.data.errors import InputError
from gptfx.data.inspection import count_invalid_bytes

MAX_INVALID_FRACTION = "max_invalid_fraction"
REPORT_FILE = "report.json"


class Counts(NamedTuple):
    """Of some examples: how many, their bytes, and how many of these are invalid UTF-8."""

    examples: int = 0
    bytes: int = 0
    invalid_bytes: int = 0


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs DataGate."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """Writes ``report.json`` or raises InputError with the reason."""
        self._log_startup(input_dict, output_dict, exec_properties)
        counts = self._count(artifact_utils.get_single_instance(input_dict["examples"]))
        require_no_anomalies(artifact_utils.get_single_instance(input_dict["anomalies"]))
        bound = float(str(exec_properties[MAX_INVALID_FRACTION]))
        require_fit_text(counts, bound)
        report = artifact_utils.get_single_instance(output_dict["report"])
        content = {split: count._asdict() for split, count in counts.items()}
        path = posixpath.join(report.uri, REPORT_FILE)
        write_text(path, json.dumps(content, indent=1) + "\n")

    def _count(self, examples: Artifact) -> dict[str, Counts]:
        work = self._get_tmp_dir()  # may be a URI: no Path
        with self._make_beam_pipeline() as pipeline:
            for split in (TRAIN, EVAL):
                folder = artifact_utils.get_split_uri([examples], split)
                pattern, counts = posixpath.join(folder, SHARD_PATTERN), posixpath.join(work, split)
                _ = (
                    pipeline
                    | f"Read {split}" >> beam.io.ReadFromTFRecord(pattern)
                    | f"Count {split}" >> beam.Map(count_example)
                    | f"Sum {split}" >> beam.CombineGlobally(sum_counts)
                    | f"JSON {split}" >> beam.Map(json.dumps)
                    | f"Write {split}" >> beam.io.WriteToText(counts, shard_name_template="")
                )
        return {
            split: Counts(*json.loads(read_text(posixpath.join(work, split))))
            for split in (TRAIN, EVAL)
        }


def count_example(serialized: bytes) -> Counts:
    """Counts of one serialized raw example."""
    text = RawExample.parse(serialized).text
    return Counts(1, len(text), count_invalid_bytes(text))


def sum_counts(counts: Iterable[Counts]) -> Counts:
    """The sums; Beam's combiner."""
    columns = list(zip(*counts, strict=True)) or [(0,)] * len(Counts._fields)
    return Counts(*(sum(column) for column in columns))


def require_fit_text(counts: dict[str, Counts], max_invalid_fraction: float) -> None:
    """Raises InputError on an empty split or too much invalid UTF-8."""
    for split, count in counts.items():
        if not count.bytes:
            raise InputError(
                f"the {split} split of the corpus is empty",
                f"{count.examples} passages",
                "add text to the corpus, or change data.eval_fraction",
            )
    total = sum_counts(counts.values())
    share = total.invalid_bytes / total.bytes
    if share > max_invalid_fraction:
        raise InputError(
            "the corpus holds too much that is not UTF-8",
            f"{share:.4%} of the bytes are invalid; the bound is {max_invalid_fraction:.4%}",
            "convert the files to UTF-8, or raise data.max_invalid_fraction",
        )


def require_no_anomalies(anomalies: Artifact) -> None:
    """Raises InputError if ExampleValidator found any."""
    for split in artifact_utils.decode_split_names(anomalies.split_names):
        folder = artifact_utils.get_split_uri([anomalies], split)
        content = read_bytes(posixpath.join(folder, "SchemaDiff.pb"))
        found = anomalies_pb2.Anomalies.FromString(content).anomaly_info
        if found:
            reasons = "; ".join(f"{name}: {found[name].description}" for name in sorted(found))
            raise InputError(
                f"the examples of the {split} split do not match the schema",
                reasons,
                "mend the corpus, or curate components/schema/schema.pbtxt",
            )
