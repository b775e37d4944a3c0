"""The Beam nodes read and write artifacts behind URIs, as where Dataflow's workers do.

TensorFlow's ``ram://`` stands for ``gs://``: whatever takes a URI for a path of this machine fails.
"""

import io
import json
import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from apache_beam.io.filesystem import CompressedFile, FileMetadata, FileSystem
from tfx.components import ExampleValidator, StatisticsGen
from tfx.dsl.io import filesystem_registry
from tfx.dsl.io.plugins.tensorflow_gfile import TensorflowFilesystem
from tfx.types import Artifact, Channel, standard_artifacts

from gptfx.components.bulk_scorer.component import BulkScorer
from gptfx.components.bulk_scorer.executor import read_scores
from gptfx.components.data_gate.component import DataGate
from gptfx.components.evaluator.component import GateEvaluator
from gptfx.components.evaluator.eval_config import bounds, eval_config
from gptfx.components.examples import EVAL, TRAIN, read_raw_examples
from gptfx.components.files import local
from gptfx.components.last_blessed.executor import ABSENT
from gptfx.components.schema import FILE as SCHEMA_FILE
from gptfx.components.tokenizer_trainer.component import TokenizerTrainer
from gptfx.components.transform.component import TokenizeTransform
from gptfx.modules.config import TokenizerConfig
from gptfx.modules.tokenizers.tokenizer import Tokenizer

Artifacts = dict[str, Artifact]
Execute = Callable[..., Artifacts]
SCHEME = "ram://"


class Sink(io.BytesIO):
    """TensorFlow's own stream cannot tell where it is."""

    mode = "wb"

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def close(self) -> None:
        if not self.closed:
            with tf.io.gfile.GFile(self.path, "wb") as stream:
                stream.write(self.getvalue())
        super().close()


class Ram(FileSystem):
    """Beam's view of TensorFlow's files in memory."""

    @classmethod
    def scheme(cls) -> str:
        return "ram"

    def has_dirs(self) -> bool:
        return False

    def join(self, base: str, *paths: str) -> str:
        return posixpath.join(base, *paths)

    def split(self, path: str) -> tuple[str, str]:
        return posixpath.split(path)

    def mkdirs(self, path: str) -> None:
        tf.io.gfile.makedirs(path)

    def _list(self, prefix: str) -> Any:
        folder = posixpath.dirname(prefix)
        for place, _, names in tf.io.gfile.walk(folder):
            for name in names:
                path = posixpath.join(place, name)
                if path.startswith(prefix):
                    yield self.metadata(path)

    def open(self, path: str, mime_type: str = "", compression_type: str = "auto") -> Any:
        return self._as_asked(tf.io.gfile.GFile(path, "rb"), path, compression_type)

    def create(self, path: str, mime_type: str = "", compression_type: str = "auto") -> Any:
        return self._as_asked(Sink(path), path, compression_type)

    def _as_asked(self, stream: Any, path: str, compression_type: str) -> Any:
        kind = self._get_compression_type(path, compression_type)
        return stream if kind == "uncompressed" else CompressedFile(stream, kind)

    def copy(self, sources: list[str], targets: list[str]) -> None:
        for source, target in zip(sources, targets, strict=True):
            tf.io.gfile.copy(source, target, overwrite=True)

    def rename(self, sources: list[str], targets: list[str]) -> None:
        for source, target in zip(sources, targets, strict=True):
            tf.io.gfile.rename(source, target, overwrite=True)

    def exists(self, path: str) -> bool:
        return tf.io.gfile.exists(path)

    def size(self, path: str) -> int:
        return int(tf.io.gfile.stat(path).length)

    def last_updated(self, path: str) -> float:
        return 0.0

    def checksum(self, path: str) -> str:
        return str(self.size(path))

    def metadata(self, path: str) -> Any:
        return FileMetadata(path, self.size(path), 0.0)

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            if tf.io.gfile.isdir(path):
                tf.io.gfile.rmtree(path)
            else:
                tf.io.gfile.remove(path)


class OfTfx(TensorflowFilesystem):
    """TFX's view of the same."""

    SUPPORTED_SCHEMES = [SCHEME]


rename_file = tf.io.gfile.rename


def rename(source: str, target: str, overwrite: bool = False) -> None:
    """Of a folder: file by file, as gs:// does; of ram://'s own nothing would be left."""
    for place, _, names in list(tf.io.gfile.walk(source)):
        tf.io.gfile.makedirs(target + place.removeprefix(source))
        for name in names:
            path = posixpath.join(place, name)
            rename_file(path, target + path.removeprefix(source), overwrite)
    if not tf.io.gfile.isdir(source):
        rename_file(source, target, overwrite)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A URI that TensorFlow, TFX and Beam know how to read and write."""
    filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.register(OfTfx, 0)
    tf.io.gfile.makedirs(f"{SCHEME}bucket")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.io.gfile, "rename", rename)
        yield f"{SCHEME}bucket"


@pytest.fixture(scope="module")
def remote(
    bucket: str, ingest: Callable[..., Artifact], texts: dict[str, bytes], tmp_path_factory: Any
) -> Artifact:
    made = ingest(tmp_path_factory.mktemp("texts"), texts, place=f"{bucket}/ingest")
    assert made.uri.startswith(SCHEME)
    return made


@pytest.fixture(scope="module")
def schema(bucket: str) -> Artifact:
    made = standard_artifacts.Schema()
    made.uri = f"{bucket}/schema"
    tf.io.gfile.makedirs(made.uri)
    tf.io.gfile.copy(SCHEMA_FILE, f"{made.uri}/schema.pbtxt")
    return made


def test_texts_become_the_same_examples_as_in_a_folder(
    remote: Artifact, texts: dict[str, bytes]
) -> None:
    found: dict[bytes, bytes] = {}
    for split in (TRAIN, EVAL):
        for each in read_raw_examples(f"{remote.uri}/Split-{split}"):
            found[each.source] = found.get(each.source, b"") + each.text
    assert found == {name.encode(): content for name, content in texts.items()}


def test_the_gate_counts_them(
    bucket: str, execute: Execute, remote: Artifact, schema: Artifact
) -> None:
    of_examples, of_schema = (Channel(type=type(each)) for each in (remote, schema))
    statistics = execute(
        StatisticsGen(of_examples, stats_options=tfdv.StatsOptions()),
        f"{bucket}/statistics",
        {"examples": remote},
        stats_options_json=None,
    )["statistics"]
    anomalies = execute(
        ExampleValidator(Channel(type=type(statistics)), of_schema),
        f"{bucket}/validator",
        {"statistics": statistics, "schema": schema},
    )["anomalies"]
    gate = DataGate(of_examples, Channel(type=type(anomalies)), 0.001)
    inputs = {"examples": remote, "anomalies": anomalies}
    report = execute(gate, f"{bucket}/gate", inputs)["report"]
    with tf.io.gfile.GFile(f"{report.uri}/report.json") as stream:
        counted = json.loads(stream.read())
    assert counted["train"]["bytes"] > counted["eval"]["bytes"] > 0


def test_a_tokenizer_is_learned_and_applied(
    bucket: str,
    execute: Execute,
    remote: Artifact,
    schema: Artifact,
    tokenizer: Artifact,
) -> None:
    of_examples, of_schema = (Channel(type=type(each)) for each in (remote, schema))
    learner = TokenizerTrainer(of_examples, TokenizerConfig(vocab_size=280))
    learned = execute(learner, f"{bucket}/tokenizer", {"examples": remote})["tokenizer"]
    with local(learned.uri) as folder:
        assert Tokenizer.load(folder).digest == Tokenizer.load(Path(tokenizer.uri)).digest
    node = TokenizeTransform(of_examples, of_schema, Channel(type=type(learned)))
    inputs = {"examples": remote, "schema": schema, "tokenizer": learned}
    made = execute(node, f"{bucket}/transform", inputs)
    assert tf.io.gfile.glob(f"{made['transformed_examples'].uri}/Split-train/*-of-*")
    assert tf.io.gfile.exists(f"{made['transform_graph'].uri}/transform_fn/saved_model.pb")


def test_a_model_is_judged(
    bucket: str, execute: Execute, remote: Artifact, bigram: Artifacts
) -> None:
    model = standard_artifacts.Model()
    model.uri = f"{bucket}/trainer/model"
    folder = Path(bigram["model"].uri)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            target = posixpath.join(model.uri, path.relative_to(folder).as_posix())
            tf.io.gfile.makedirs(posixpath.dirname(target))
            tf.io.gfile.copy(str(path), target)
    config = eval_config(bounds(9.0, None), {}, has_baseline=False)
    node = GateEvaluator(Channel(type=type(remote)), Channel(type=type(model)), config)
    judged = execute(node, f"{bucket}/judge", {"examples": remote, "model": model})
    assert tf.io.gfile.exists(f"{judged['blessing'].uri}/BLESSED")


def test_a_first_model_is_blessed_and_nothing_is_scored_where_nothing_was_asked(
    bucket: str, execute: Execute, remote: Artifact
) -> None:
    model, absent = standard_artifacts.Model(), standard_artifacts.Model()
    model.uri, absent.uri = f"{bucket}/model", f"{bucket}/absent"
    absent.set_int_custom_property(ABSENT, 1)
    channel, config = (
        Channel(type=standard_artifacts.Model),
        eval_config(bounds(None, 0.1), {}, True),
    )
    node = GateEvaluator(Channel(type=type(remote)), channel, config, channel)
    inputs = {"examples": remote, "model": model, "baseline_model": absent}
    judged = execute(node, f"{bucket}/evaluator", inputs)
    assert tf.io.gfile.exists(f"{judged['blessing'].uri}/BLESSED")
    result = standard_artifacts.InferenceResult()
    result.uri = f"{bucket}/nothing"
    tf.io.gfile.makedirs(result.uri)
    scorer = BulkScorer(Channel(type=type(result)))
    scores = execute(scorer, f"{bucket}/scores", {"inference_result": result})["scores"]
    assert read_scores(scores.uri) == {}
