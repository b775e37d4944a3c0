"""Reads prediction logs on Beam: sums first, ratios at the end, as the gate's metrics."""

import json
import posixpath

import apache_beam as beam
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from gptfx.components.examples import SHARD_PATTERN, RawExample, shards
from gptfx.components.files import read_text, write_text
from gptfx.modules.evaluation.metrics import all_metrics
from gptfx.modules.evaluation.scoring import BYTES, CORRECT, NATS, TOKENS
from gptfx.modules.evaluation.sums import Sums, add_up

SCORES_FILE = "scores.json"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs BulkScorer."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """Writes ``scores.json``: by corpus, the metrics of all its examples."""
        self._log_startup(input_dict, output_dict, exec_properties)
        result = artifact_utils.get_single_instance(input_dict["inference_result"])
        sums = self._add_up(result.uri) if shards(result.uri) else {}
        metrics = {corpus: all_metrics(of_corpus) for corpus, of_corpus in sorted(sums.items())}
        scores = artifact_utils.get_single_instance(output_dict["scores"])
        path = posixpath.join(scores.uri, SCORES_FILE)
        write_text(path, json.dumps(metrics, indent=1) + "\n")

    def _add_up(self, folder: str) -> dict[str, Sums]:
        """The sums by corpus, of prediction logs."""
        lines = posixpath.join(self._get_tmp_dir(), "sums.jsonl")  # may be a URI: no Path
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Read" >> beam.io.ReadFromTFRecord(posixpath.join(folder, SHARD_PATTERN))
                | "Score" >> beam.Map(read_score)
                | "Add up" >> beam.CombinePerKey(add_up)
                | "JSON" >> beam.Map(json.dumps)
                | "Write" >> beam.io.WriteToText(lines, shard_name_template="")
            )
        found = (json.loads(line) for line in read_text(lines).splitlines())
        return {corpus: Sums(*sums) for corpus, sums in found}


def read_score(serialized: bytes) -> tuple[str, Sums]:
    """The corpus of an example that the model was asked about, and what it said."""
    log = PredictionLog.FromString(serialized).predict_log
    (asked,) = log.request.inputs.values()
    corpus = RawExample.parse(asked.string_val[0]).source.decode().partition("/")[0]
    said = log.response.outputs
    values = (tf.make_ndarray(said[name]).item() for name in (NATS, TOKENS, BYTES, CORRECT))
    return corpus, Sums(*values)


def read_scores(folder: str) -> dict[str, dict[str, float]]:
    """What a TextScores artifact holds: metrics by corpus; empty where nothing was scored."""
    scores: dict[str, dict[str, float]] = json.loads(read_text(posixpath.join(folder, SCORES_FILE)))
    return scores
