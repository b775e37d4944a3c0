"""Runs the pipeline on this machine with TFX's LocalDagRunner and reads what came of it."""

from collections.abc import Sequence

from absl import logging as absl_logging
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from gptfx.data.corpora import TextCorpus
from gptfx.modules.export.versions import versions
from gptfx.pipeline.changes import changed_inputs, shortened
from gptfx.pipeline.config import Config
from gptfx.pipeline.console import RunView
from gptfx.pipeline.definition import create_components, create_pipeline
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import NodeRun, Run, last_run, open_store
from gptfx.pipeline.result import Result, read_result


class NodeFailedError(RuntimeError):
    """A node of a run failed; `cause` is the exception, `nodes` what ran up to it."""

    def __init__(self, node: str, cause: Exception, run: Run | None) -> None:
        super().__init__(f"node {node} failed: {_first_line(cause)}")
        self.node, self.cause = node, cause
        self.run_id = run.id if run else None
        self.nodes: tuple[NodeRun, ...] = run.nodes if run else ()


def run_pipeline(
    config: Config,
    corpora: list[TextCorpus],
    layout: Layout,
    use_cache: bool,
    view: RunView,
    to_score: Sequence[TextCorpus] = (),
) -> Result:
    """Runs every node, in this process, one after the other.

    Args:
      config: of the run.
      corpora: the texts, looked through already.
      layout: the root.
      use_cache: whether nodes whose inputs, code and parameters are unchanged are skipped.
      view: draws the log records of nodes and of training.
      to_score: the texts that the finished model is asked about, looked through already.

    Raises:
      NodeFailedError: a node raised.
    """
    serving = layout.serving(config.preset)
    before = {str(version.folder) for version in versions(serving)}
    components = create_components(config, _patterns(corpora), str(serving), _patterns(to_score))
    pipeline = create_pipeline(config, components, layout)
    pipeline.enable_cache = use_cache
    earlier = _last_run(layout, pipeline.id)
    changed = changed_inputs(corpora, layout, pipeline.id)
    view.say_changes(shortened(changed))
    absl_logging.set_verbosity(absl_logging.INFO)  # its records reach the root logger, too
    with view.listening():
        try:
            LocalDagRunner().run(pipeline)
        except Exception as cause:
            run = _last_run(layout, pipeline.id)
            began = run if run != earlier else None
            raise NodeFailedError(view.node or "(none)", cause, began) from cause
    run = _last_run(layout, pipeline.id)
    if run is None:
        raise RuntimeError(f"ML Metadata at {layout.metadata} has no run of {pipeline.id}")
    return read_result(config, run, before, changed)


def _patterns(corpora: Sequence[TextCorpus]) -> dict[str, str]:
    return {corpus.name: corpus.pattern for corpus in corpora}


def _last_run(layout: Layout, pipeline_name: str) -> Run | None:
    if not layout.metadata.exists():
        return None
    return last_run(open_store(layout.metadata), pipeline_name)


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"
