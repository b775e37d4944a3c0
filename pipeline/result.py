"""What a run came to: nodes, metrics, gates, and the version it pushed or why it did not."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gptfx.components.bulk_scorer.executor import read_scores
from gptfx.components.evaluator.checks import Check
from gptfx.components.evaluator.evaluation import OVERALL, Evaluation, Metrics, read_evaluation
from gptfx.components.evaluator.executor import NOTHING_TO_COMPARE
from gptfx.components.infra_validator.driver import BLESSED
from gptfx.components.infra_validator.executor import FIRST_REQUEST_SECONDS, LOAD_SECONDS, REASON
from gptfx.components.pusher.executor import PUSHED_DESTINATION, WITHDRAWN
from gptfx.pipeline.config import Config
from gptfx.pipeline.evaluation import checks
from gptfx.pipeline.records import Artifact, NodeRun, Run

SCORER = "bulk-scorer"
METRICS = ("bits_per_byte", "perplexity", "token_accuracy")


@dataclass(frozen=True)
class Validation:
    """What came of asking the model in a process of its own.

    Attributes:
      blessed: whether it answered as it must.
      reason: why not, in a line; empty where it did.
      load_seconds: how long it took to load; None where it was not loaded.
      first_request_seconds: how long the first answer took; None where there was none.
    """

    blessed: bool
    reason: str
    load_seconds: float | None
    first_request_seconds: float | None


@dataclass(frozen=True)
class Result:
    """The outcome of a run that reached its end.

    Attributes:
      run_id: the run's name in ML Metadata.
      nodes: in the order in which they ran.
      evaluation: of the gate with the absolute bound.
      checks: every bound, with the verdict.
      validation: what came of asking the model; None where it was not asked.
      blessed: whether every gate blessed the model.
      pushed: whether this run made a new version.
      model_dir: the folder of the pushed version, also if an earlier run pushed it.
      scores: metrics of the texts that the model was only asked about, by corpus; empty where the
        gate refused the model, None where there are no such texts.
      changed: the texts that changed since the run before, a line each.
      model_card: the folder of the model's card; of a refused model, too.
      withdrawn: who had taken the model back, when and why; None where nobody had.
      forced: why it was pushed although it was refused; None where it was not.
    """

    run_id: str
    nodes: tuple[NodeRun, ...]
    evaluation: Evaluation
    checks: tuple[Check, ...]
    blessed: bool
    pushed: bool
    model_dir: str | None
    validation: Validation | None = None
    scores: Metrics | None = None
    changed: tuple[str, ...] = ()
    model_card: str | None = None
    withdrawn: str | None = None
    forced: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the model is served after the run."""
        return not self.refused or self.forced is not None

    @property
    def refused(self) -> list[str]:
        """Why the model was not pushed, or only by force; empty else."""
        refused = [str(check) for check in self.checks if not check.passed]
        if self.validation and self.validation.reason:
            refused.append(f"infra validation: {self.validation.reason}")
        if self.withdrawn:
            refused.append(self.withdrawn)
        return refused

    @property
    def metrics(self) -> dict[str, float]:
        """The candidate's metrics over the whole eval split, and the bigram's bits per byte."""
        overall = self.evaluation.candidate[OVERALL]
        metrics = {name: overall[name] for name in METRICS}
        if self.evaluation.baseline:
            baseline = self.evaluation.baseline[OVERALL]["bits_per_byte"]
            metrics["bigram_bits_per_byte"] = baseline
        return metrics

    def as_notes(self) -> dict[str, Any]:
        """For the run's notes in the metadata."""
        return {
            "blessed": self.blessed,
            "pushed": self.pushed,
            "model_dir": self.model_dir,
            "metrics": self.metrics,
            "refused": self.refused,
            "changed": list(self.changed),
            "forced": self.forced,
        }

    def as_json(self) -> dict[str, Any]:
        """For ``gptfx run --json``."""
        return {
            "run_id": self.run_id,
            "nodes": [node_as_json(node) for node in self.nodes],
            "blessed": self.blessed,
            "pushed": self.pushed,
            "forced": self.forced,
            "unchanged": not self.refused and not self.pushed,
            "model_dir": self.model_dir,
            "model_card": self.model_card,
            "changed": list(self.changed),
            "metrics": self.metrics,
            "sources": {
                source: values["bits_per_byte"]
                for source, values in sorted(self.evaluation.candidate.items())
                if source != OVERALL
            },
            "bulk_scores": self.scores,
            "infra_validation": asdict(self.validation) if self.validation else None,
            "refused": self.refused,
        }


def node_as_json(node: NodeRun) -> dict[str, Any]:
    """One entry of `nodes`."""
    return {
        "id": node.id,
        "state": node.state,
        "cached": node.is_cached,
        "seconds": round(node.seconds, 3),
    }


def read_result(
    config: Config, run: Run, versions_before: set[str], changed: Sequence[str]
) -> Result:
    """Puts together what the metadata and the evaluations say about a finished run.

    `versions_before` are the folders of the versions that were there before the run, `changed` the
    texts that are not as they were then.
    """
    evaluation = read_evaluation(_output(run, "evaluator", "evaluation").uri)
    regression = _regression(run)
    pushed = _output(run, "pusher", "pushed_model").properties
    model_dir = pushed.get(PUSHED_DESTINATION) or None
    blessings = [node.outputs["blessing"] for node in run.nodes if "blessing" in node.outputs]
    return Result(
        run.id,
        run.nodes,
        evaluation,
        tuple(checks(config.evaluator, evaluation, regression)),
        all(blessing.properties[BLESSED] for blessing in blessings),
        model_dir is not None and model_dir not in versions_before,
        model_dir,
        _validation(run),
        read_scores(_output(run, SCORER, "scores").uri) if run.node(SCORER) else None,
        tuple(changed),
        _output(run, "model-card", "card").uri,
        pushed.get(WITHDRAWN) or None,
    )


def _regression(run: Run) -> Evaluation | None:
    node = run.node("regression")
    if node is None or "evaluation" not in node.outputs:
        return None
    artifact = node.outputs["evaluation"]
    if artifact.properties.get(NOTHING_TO_COMPARE):
        return None
    return read_evaluation(artifact.uri)


def _validation(run: Run) -> Validation | None:
    node = run.node("infra-validator")
    if node is None or "blessing" not in node.outputs:
        return None
    found = node.outputs["blessing"].properties
    seconds = (
        round(found[name], 3) if name in found else None
        for name in (LOAD_SECONDS, FIRST_REQUEST_SECONDS)
    )
    return Validation(bool(found[BLESSED]), found[REASON], *seconds)


def _output(run: Run, node_id: str, name: str) -> Artifact:
    node = run.node(node_id)
    if node is None or name not in node.outputs:
        raise RuntimeError(f"run {run.id} has no output {name} of node {node_id} in ML Metadata")
    return node.outputs[name]
