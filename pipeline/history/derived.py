"""What the nodes and artifacts of a run say of it, where no notes do, as on a cluster."""

import json
from collections.abc import Iterable
from typing import Any

from gptfx.pipeline.records import CACHED, COMPLETE, FAILED, RUNNING, NodeRun


def count(nodes: Iterable[NodeRun]) -> dict[str, int]:
    """How many nodes were executed, cached, failed; one at work is none of these."""
    states = [node.state for node in nodes]
    kinds = {"executed": COMPLETE, "cached": CACHED, "failed": FAILED}
    return {kind: states.count(state) for kind, state in kinds.items()}


def derive(nodes: Iterable[NodeRun]) -> dict[str, Any]:
    """What the artifacts of a run say; of a run on a cluster there is nothing else."""
    found: dict[str, Any] = {
        "fingerprint": None,
        "metrics": {},
        "blessed": None,
        "pushed": False,
        "model_dir": None,
        "refused": [],
    }
    for node in nodes:
        outputs = {name: artifact.properties for name, artifact in node.outputs.items()}
        if node.id == "ingest" and "examples" in outputs:
            found["fingerprint"] = outputs["examples"].get("input_fingerprint")
        if "blessed" in (blessing := outputs.get("blessing", {})):
            found["blessed"] = bool(blessing["blessed"]) and found["blessed"] is not False
            found["refused"] += reasons(blessing)
        if "metrics" in (evaluation := outputs.get("evaluation", {})) and not found["metrics"]:
            found["metrics"] = _named_as_by_runs(json.loads(evaluation["metrics"]))
        if "pushed" in (pushed := outputs.get("pushed_model", {})):
            found["pushed"] = bool(pushed["pushed"]) and not node.is_cached
            found["model_dir"] = pushed.get("pushed_destination")
            found["refused"] += [pushed["withdrawn"]] if "withdrawn" in pushed else []
    return found


def _named_as_by_runs(metrics: dict[str, float]) -> dict[str, float]:
    """The evaluator's baseline is the bigram."""
    return {name.replace("baseline", "bigram"): value for name, value in metrics.items()}


def reasons(blessing: dict[str, Any]) -> list[str]:
    """Why a gate refused, as its executor noted it on its blessing."""
    if blessing["blessed"]:
        return []
    if "refused" in blessing:
        return list(json.loads(blessing["refused"]))
    return [f"infra validation: {blessing['reason']}"] if blessing.get("reason") else []


def state_of(nodes: Iterable[NodeRun]) -> str:
    """`failed`, `running` or `complete`."""
    states = {node.state for node in nodes}
    return next((state for state in (FAILED, RUNNING) if state in states), COMPLETE)
