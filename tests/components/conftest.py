"""A corpus of two short files goes once through every node; the tests look at what came of it."""

import posixpath
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types import Artifact, Channel, standard_artifacts

from gptfx.components.exported import exported_card, exported_folder
from gptfx.components.schema import FILE as SCHEMA_FILE
from gptfx.components.text_example_gen.component import TextExampleGen
from gptfx.components.text_example_gen.driver import TextDriver
from gptfx.components.tokenizer_trainer.component import TokenizerTrainer
from gptfx.components.trainer.component import GptTrainer
from gptfx.components.transform.component import TokenizeTransform
from gptfx.modules.config import (
    BigramConfig,
    GenerationConfig,
    ModelConfig,
    TokenizerConfig,
    TrainerConfig,
)
from gptfx.modules.export.card import write_card
from gptfx.pipeline.beam import BeamConfig

BEAM_ARGS = BeamConfig().pipeline_args
PASSAGE_BYTES, EVAL_FRACTION, VOCAB_SIZE = 64, 0.25, 280
LINEAGE = {"corpora": ["rhymes"], "tokenizer": "bpe", "preset": "tiny"}
TEXTS = {
    "rhymes/bells.txt": "When will you pay me? say the bells, the bells of Old Bailey.\n" * 6,
    "rhymes/more/grün.txt": "Grün, grün, grün sind alle meine Kleider. 绿色是我的衣服。\r\n" * 6,
}
Artifacts = dict[str, Artifact]
Execute = Callable[..., Artifacts]


@pytest.fixture(autouse=True, scope="session")
def no_arguments() -> Iterator[None]:
    """TFX's executors read sys.argv; pytest's arguments are not for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", sys.argv[:1])
        yield


@pytest.fixture(scope="session")
def execute() -> Execute:
    """Runs a node's executor: (node, folder or URI, inputs, parameters of its driver) to its
    outputs."""

    def run(
        node: BaseComponent,
        folder: Path | str,
        inputs: Artifacts | None = None,
        **parameters: object,
    ) -> Artifacts:
        outputs = {
            key: _empty(channel, posixpath.join(folder, key))
            for key, channel in node.outputs.items()
        }
        known = {key: value for key, value in node.exec_properties.items() if value is not None}
        executor_class = node.executor_spec.executor_class
        context: dict[str, Any] = {"tmp_dir": posixpath.join(folder, "tmp"), "unique_id": "1"}
        if issubclass(executor_class, BaseBeamExecutor):
            context["beam_pipeline_args"] = list(BEAM_ARGS)
            executor = executor_class(BaseBeamExecutor.Context(**context))
        else:
            executor = executor_class(BaseExecutor.Context(**context))
        executor.Do(_listed(inputs or {}), _listed(outputs), {**known, **parameters})
        return outputs

    return run


def _empty(channel: Channel, folder: str) -> Artifact:
    fileio.makedirs(folder)
    artifact = channel.type()
    artifact.uri = folder
    return artifact


def _listed(artifacts: Artifacts) -> dict[str, list[Artifact]]:
    return {key: [artifact] for key, artifact in artifacts.items()}


def corpora_below(folder: Path) -> dict[str, str]:
    """A corpus a folder."""
    visible = (path for path in folder.iterdir() if not path.name.startswith("."))
    return {path.name: str(path) for path in visible}


@pytest.fixture(scope="session")
def ingest(execute: Execute) -> Callable[..., Artifact]:
    """Writes texts (name to bytes) below a folder and makes examples of them, there or at a URI."""

    def run(
        folder: Path,
        texts: dict[str, bytes],
        eval_fraction: float = EVAL_FRACTION,
        passage_bytes: int = PASSAGE_BYTES,
        place: str | None = None,
    ) -> Artifact:
        for name, content in texts.items():
            path = folder / "texts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        node = TextExampleGen(corpora_below(folder / "texts"), eval_fraction, passage_bytes)
        seen = TextDriver(None).resolve_exec_properties(dict(node.exec_properties), None, None)
        fingerprint = seen["input_fingerprint"]
        return execute(node, place or folder, {}, input_fingerprint=fingerprint)["examples"]

    return run


@pytest.fixture(scope="session")
def texts() -> dict[str, bytes]:
    """The corpus: name to bytes."""
    return {name: text.encode() for name, text in TEXTS.items()}


@pytest.fixture(scope="session")
def examples(
    ingest: Callable[..., Artifact],
    texts: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> Artifact:
    """TextExampleGen's of the corpus."""
    return ingest(tmp_path_factory.mktemp("ingest"), texts)


@pytest.fixture(scope="session")
def tokenizer(
    execute: Execute, examples: Artifact, tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    """TokenizerTrainer's."""
    channel = Channel(type=standard_artifacts.Examples)
    node = TokenizerTrainer(channel, TokenizerConfig(vocab_size=VOCAB_SIZE))
    return execute(node, tmp_path_factory.mktemp("tokenizer"), {"examples": examples})["tokenizer"]


@pytest.fixture(scope="session")
def transformed(
    execute: Execute,
    examples: Artifact,
    tokenizer: Artifact,
    tmp_path_factory: pytest.TempPathFactory,
) -> Artifacts:
    """TokenizeTransform's outputs."""
    folder = tmp_path_factory.mktemp("transform")
    schema = standard_artifacts.Schema()
    schema.uri = str(folder / "curated")
    Path(schema.uri).mkdir()
    shutil.copy(SCHEMA_FILE, schema.uri)
    node = TokenizeTransform(
        Channel(type=standard_artifacts.Examples),
        Channel(type=standard_artifacts.Schema),
        Channel(type=type(tokenizer)),
    )
    inputs = {"examples": examples, "schema": schema, "tokenizer": tokenizer}
    return execute(node, folder, inputs)


@pytest.fixture(scope="session")
def train(
    execute: Execute,
    transformed: Artifacts,
    tokenizer: Artifact,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Artifacts]:
    """Runs GptTrainer with sections of its configuration, and with what GptTuner found."""

    def run(hyperparameters: Artifact | None = None, **sections: dict[str, Any]) -> Artifacts:
        node = GptTrainer(
            Channel(type=standard_artifacts.Examples),
            Channel(type=standard_artifacts.TransformGraph),
            Channel(type=type(tokenizer)),
            {
                "generation": GenerationConfig(max_new_tokens=2).model_dump(),
                "lineage": LINEAGE,
                **sections,
            },
        )
        inputs = {
            "examples": transformed["transformed_examples"],
            "transform_graph": transformed["transform_graph"],
            "tokenizer": tokenizer,
        }
        if hyperparameters is not None:
            inputs["hyperparameters"] = hyperparameters
        return execute(node, tmp_path_factory.mktemp("trainer"), inputs)

    return run


@pytest.fixture(scope="session")
def gpt(train: Callable[..., Artifacts]) -> Artifacts:
    """GptTrainer's outputs for a GPT of one layer and width 4, after two steps."""
    model = ModelConfig(block_size=8, n_layer=1, n_head=1, n_embd=4)
    trainer = TrainerConfig(steps=2, batch_size=2, warmup_steps=1, log_every=1)
    return train(model=model.model_dump(), trainer=trainer.model_dump())


@pytest.fixture(scope="session")
def bigram(train: Callable[..., Artifacts]) -> Artifacts:
    """GptTrainer's outputs for a bigram model, kept as a dense table."""
    model = ModelConfig(kind="bigram", block_size=8)
    return train(model=model.model_dump(), bigram=BigramConfig().model_dump())


@pytest.fixture(scope="session")
def sparse_bigram(train: Callable[..., Artifacts]) -> Artifacts:
    """GptTrainer's outputs for the same bigram model, of which only the pairs seen are kept."""
    model = ModelConfig(kind="bigram", block_size=8)
    return train(model=model.model_dump(), bigram=BigramConfig(dense_up_to=0).model_dump())


@pytest.fixture
def make_model(tmp_path: Path, bigram: Artifacts) -> Callable[..., Artifact]:
    """A Model artifact like `bigram`, but for entries of its card: ``make_model(model_id="b")``."""

    def make(**card: object) -> Artifact:
        model = standard_artifacts.Model()
        model.uri = str(tmp_path / "models" / str(len(list(tmp_path.glob("models/*")))))
        shutil.copytree(exported_folder(bigram["model"]), exported_folder(model))
        entries = {**exported_card(bigram["model"]), **card}
        known = {key: value for key, value in entries.items() if value is not None}
        write_card(exported_folder(model), known)
        return model

    return make
