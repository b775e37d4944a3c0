"""Runs the pipeline on this machine with TFX's LocalDagRunner and reads what came of it."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import logging as absl_logging
from tfx.dsl.compiler.constants import PIPELINE_RUN_ID_PARAMETER_NAME
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import runtime_parameter_utils

from gptfx.data.corpora import TextCorpus
from gptfx.modules.export.versions import versions
from gptfx.pipeline import run_record
from gptfx.pipeline.changes import changed_inputs, shortened
from gptfx.pipeline.config import Config
from gptfx.pipeline.console import RunView
from gptfx.pipeline.definition import create_components, create_pipeline
from gptfx.pipeline.history.derived import count, derive
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import Metadata, open_metadata
from gptfx.pipeline.records import Run
from gptfx.pipeline.result import Result, read_result
from gptfx.pipeline.run_record import RunRecord
from gptfx.pipeline.serving.forcing import force_result
from gptfx.pipeline.stores import StoreAddress

LONGEST_ERROR = 2000  # characters of it that are noted
# Of TensorFlow's error about a file; the cache knows an artifact by its name, not by its files.
DAMAGED = "; a file that the node was given is damaged: the same command with --no-cache mends it"


class NodeFailedError(RuntimeError):
    """A node of a run failed; `cause` is the exception, `nodes` what ran up to it."""

    def __init__(self, node: str, cause: Exception, run: Run) -> None:
        damaged = DAMAGED if type(cause).__name__ == "DataLossError" else ""
        super().__init__(f"node {node} failed: {_first_line(cause)}{damaged}")
        self.node, self.cause = node, cause
        self.run_id, self.nodes = run.id, run.nodes


class NamedRunner(LocalDagRunner):
    """LocalDagRunner, for a run whose id is known before it starts."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def run_with_ir(self, pipeline: Any, run_options: Any = None) -> None:
        """See TFX, which gives the run an id where there is none yet."""
        known = {PIPELINE_RUN_ID_PARAMETER_NAME: self._run_id}
        with warnings.catch_warnings():  # TFX's, about protobuf, which would be filed as ours
            warnings.filterwarnings("ignore", r"label\(\) is deprecated", DeprecationWarning)
            runtime_parameter_utils.substitute_runtime_parameter(pipeline, known)
        super().run_with_ir(pipeline, run_options)


def run_pipeline(
    config: Config,
    corpora: list[TextCorpus],
    layout: Layout,
    use_cache: bool,
    view: RunView,
    log: Path,
    to_score: Sequence[TextCorpus] = (),
    force_bless: str | None = None,
) -> Result:
    """Runs every node, in this process, one after the other.

    Args:
      config: of the run.
      corpora: the texts, looked through already.
      layout: the root.
      use_cache: whether nodes whose inputs, code and parameters are unchanged are skipped.
      view: draws the log records of nodes and of training.
      log: the file that the libraries' words go to; noted in the metadata.
      to_score: the texts that the finished model is asked about, looked through already.
      force_bless: why the model is to be pushed also if it is refused; None if it is not.

    Raises:
      NodeFailedError: a node raised.
    """
    serving = layout.serving(config.preset)
    before = {str(version.folder) for version in versions(serving)}
    components = create_components(config, _patterns(corpora), str(serving), _patterns(to_score))
    pipeline = create_pipeline(config, components, layout)
    pipeline.enable_cache = use_cache
    address = config.metadata.address(layout)
    record = RunRecord(address, _notes(config, pipeline.id, layout, use_cache, log))
    try:
        metadata = open_metadata(address)
        changed = changed_inputs(corpora, metadata, pipeline.id)
        view.say_changes(shortened(changed))
        run = _run_nodes(pipeline, record.run_id, metadata, view)
        result = read_result(config, run, before, changed)
        if force_bless and result.refused:
            result = force_result(result, layout, address, config.preset, force_bless)
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C and SIGTERM
        _note_failure(record, address, run_record.STOPPED, node=view.node)
        raise
    except Exception as error:
        said = {"node": view.node, "error": str(error)[:LONGEST_ERROR]}
        _note_failure(record, address, run_record.FAILED, **said)
        raise
    record.end(run_record.COMPLETE, **result.as_notes(), **_came_to(record.run_id, address))
    return result


def _note_failure(record: RunRecord, address: StoreAddress, state: str, **notes: Any) -> None:
    try:
        record.end(state, **notes, **_came_to(record.run_id, address))
    except Exception:  # of a full disk, say; why the run failed matters more
        absl_logging.exception("That the run ended could not be noted in the metadata.")


def _came_to(run_id: str, address: StoreAddress) -> dict[str, Any]:
    """What its nodes say of a run, for its notes."""
    run = open_metadata(address).run(run_id)
    nodes = run.nodes if run else ()
    return {"nodes": count(nodes), "fingerprint": derive(nodes)["fingerprint"]}


def _run_nodes(pipeline: Pipeline, run_id: str, metadata: Metadata, view: RunView) -> Run:
    """The run, with the nodes that it came to have."""
    absl_logging.set_verbosity(absl_logging.INFO)  # its records reach the root logger, too
    with view.listening():
        try:
            NamedRunner(run_id).run(pipeline)
        except Exception as cause:
            absl_logging.exception("Node %s failed.", view.node)  # so that the log ends with why
            run = metadata.run(run_id) or Run(run_id, pipeline.id, {}, 0.0)
            raise NodeFailedError(view.node or "(none)", cause, run) from cause
    run = metadata.run(run_id)
    if run is None:
        raise RuntimeError(f"the metadata has no run {run_id} of {pipeline.id}")
    return run


def _notes(
    config: Config, pipeline: str, layout: Layout, use_cache: bool, log: Path
) -> dict[str, Any]:
    return {
        **run_record.of_this_process(layout.root),
        "pipeline": pipeline,
        "preset": config.preset,
        "config": config.model_dump(mode="json"),
        "use_cache": use_cache,
        "log": str(log),
    }


def _patterns(corpora: Sequence[TextCorpus]) -> dict[str, str]:
    return {corpus.name: corpus.pattern for corpus in corpora}


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"
