"""One smoke run, shared by the tests that look at what it made; and roots that are made by hand."""

import json
import os
import socket
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gptfx.modules.export.card import CARD_FORMAT, write_card
from gptfx.modules.export.versions import lay_down, next_number, versions
from gptfx.pipeline.layout import Layout


class SmokeRun(NamedTuple):
    """A finished run, its root, and the settings that it was given."""

    root: Path
    finished: Any
    settings: tuple[str, ...]


@pytest.fixture(scope="session")
def smoke(gptfx: Any, tmp_path_factory: pytest.TempPathFactory) -> SmokeRun:
    """The preset `smoke` as it ships, in a root of its own, with no network to be had."""
    root = tmp_path_factory.mktemp("smoke") / "root"
    settings = ("run", "--preset", "smoke", "--root", str(root))
    finished = gptfx(*settings, "--json", **no_network(root))
    assert finished.code == 0, finished.err
    return SmokeRun(root, finished, settings)


def no_network(home: Path) -> dict[str, str]:
    """An environment in which nothing can be downloaded and nothing was downloaded before."""
    nowhere = "http://127.0.0.1:9"
    return {"http_proxy": nowhere, "https_proxy": nowhere, "GPTFX_HOME": str(home / "home")}


class HandMade:
    """A root with runs as TFX files them, whose models are a few bytes: no TFX, no training."""

    days = count()  # of all roots, as a store that they share tells runs apart by their times

    def __init__(self, root: Path, metadata: Path | None = None) -> None:
        from ml_metadata.metadata_store import metadata_store
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        self.layout, self.mlmd = Layout(root), mlmd
        root.mkdir(parents=True, exist_ok=True)
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(metadata or self.layout.metadata)
        self.store = metadata_store.MetadataStore(config)

    def run(
        self,
        model_id: str,
        preset: str = "tiny",
        bits_per_byte: float = 3.0,
        refused_by: str | None = None,
        **notes: Any,
    ) -> str:
        """A run that made a model, judged it and, unless a gate refused it, pushed it; its id."""
        run = self.begin_run(preset, **self._noted(bits_per_byte, refused_by), **notes)
        examples = self.node(run, "ingest", {}, {"examples": "Examples"})
        model = self.node(run, "trainer", examples, {"model": "Model", "model_run": "ModelRun"})
        self.fill_model(model["model"], model_id)
        judged = {"examples": examples["examples"], "model": model["model"]}
        verdicts = {
            node: self.node(run, node, judged, made, blessed=int(refused_by != node))
            for node, made in (
                ("evaluator", {"evaluation": "ModelEvaluation", "blessing": "ModelBlessing"}),
                ("infra-validator", {"blessing": "InfraBlessing"}),
            )
        }
        given = {
            "model": model["model"],
            "blessing": verdicts["evaluator"]["blessing"],
            "infra_blessing": verdicts["infra-validator"]["blessing"],
        }
        pushed = {"pushed": 0} if refused_by else self._push(preset, model["model"])
        self.node(run, "pusher", given, {"pushed_model": "PushedModel"}, **pushed)
        return run

    def _noted(self, bits_per_byte: float, refused_by: str | None) -> dict[str, Any]:
        return {
            "metrics": json.dumps({"bits_per_byte": bits_per_byte}),
            "refused": json.dumps([f"{refused_by} said no"] if refused_by else []),
            "blessed": int(refused_by is None),
        }

    def _push(self, preset: str, model: int) -> dict[str, Any]:
        serving = self.layout.serving(preset)
        serving.mkdir(parents=True, exist_ok=True)
        target = serving / str(next_number(versions(serving)))
        lay_down(Path(self.uri(model), "Format-Serving"), target)
        return {"pushed": 1, "pushed_version": target.name, "pushed_destination": str(target)}

    def begin_run(self, preset: str = "tiny", **notes: Any) -> str:
        """A run without nodes, noted as `gptfx run` notes it; its id."""
        day = datetime(2026, 11, 1) + timedelta(days=next(self.days))
        context = self._context("pipeline_run", day.isoformat())
        told = {"state": "complete", "pipeline": f"gptfx-{preset}", "preset": preset}
        told |= {"root": str(self.layout.root), "host": socket.gethostname(), "pid": os.getpid()}
        self._fill(context, {**told, **notes})
        self.store.put_contexts([context])
        return context.name

    def node(
        self,
        run: str,
        name: str,
        inputs: Mapping[str, int],
        outputs: Mapping[str, str],
        state: str = "COMPLETE",
        **properties: Any,
    ) -> dict[str, int]:
        """A node of a run, with outputs of those types that have these properties, and a file
        each; the numbers of the artifacts."""
        noted = self.store.get_context_by_type_and_name("pipeline_run", run).custom_properties
        pipeline = noted["pipeline"].string_value
        number = self._execution(run, f"{pipeline}.{name}", state)
        events = [self._event("INPUT", key, number, each) for key, each in inputs.items()]
        made = {}
        for key, kind in outputs.items():
            folder = self.layout.artifacts(pipeline) / name / key / str(number)
            folder.mkdir(parents=True)
            (folder / "file").write_bytes(b"0123456789")
            is_whole = state == "COMPLETE"
            made[key] = self.artifact(kind, str(folder), is_whole, **properties)
            events.append(self._event("OUTPUT", key, number, made[key]))
        self.store.put_events(events)
        return made

    def cached(self, run: str, before: str) -> None:
        """All nodes of a run as those of another, taken from the cache."""
        context = self.store.get_context_by_type_and_name("pipeline_run", before)
        for execution in self.store.get_executions_by_context(context.id):
            contexts = self.store.get_contexts_by_execution(execution.id)
            (name,) = (each.name for each in contexts if each.type == "node")
            number = self._execution(run, name, "CACHED")
            for event in self.store.get_events_by_execution_ids([execution.id]):
                event.execution_id = number
                self.store.put_events([event])

    def artifact(self, kind: str, uri: str, is_whole: bool = True, **properties: Any) -> int:
        """An artifact that no node made; its number."""
        known = self.mlmd.ArtifactType(name=kind)
        state = self.mlmd.Artifact.LIVE if is_whole else self.mlmd.Artifact.PENDING
        artifact = self.mlmd.Artifact(uri=uri, state=state)
        artifact.type_id = self.store.put_artifact_type(known)
        self._fill(artifact, properties)
        return int(self.store.put_artifacts([artifact])[0])

    def fill_model(self, model: int, model_id: str) -> None:
        """Makes a SavedModel of it, as far as anybody looks who does not load it."""
        folder = Path(self.uri(model), "Format-Serving")
        write_card(folder, {"format": CARD_FORMAT, "model_id": model_id})
        (folder / "variables").mkdir()
        for name in ("saved_model.pb", "variables/variables.index"):
            (folder / name).write_text(f"{name} of {model_id}")

    def uri(self, artifact: int) -> str:
        """Where an artifact lies."""
        return str(self.store.get_artifacts_by_id([artifact])[0].uri)

    def state(self, artifact: int) -> str:
        """What the metadata say of an artifact: LIVE, DELETED ..."""
        (found,) = self.store.get_artifacts_by_id([artifact])
        return str(self.mlmd.Artifact.State.Name(found.state))

    def _execution(self, run: str, node: str, state: str) -> int:
        kind = self.store.put_execution_type(self.mlmd.ExecutionType(name=node.partition(".")[2]))
        execution = self.mlmd.Execution(type_id=kind)
        execution.last_known_state = getattr(self.mlmd.Execution, state)
        contexts = [self._context("pipeline_run", run), self._context("node", node)]
        made = self.store.put_execution(execution, [], contexts, force_reuse_context=True)
        return int(made[0])

    def _context(self, kind: str, name: str) -> Any:
        number = self.store.put_context_type(self.mlmd.ContextType(name=kind))
        known = self.store.get_context_by_type_and_name(kind, name)
        return known or self.mlmd.Context(type_id=number, name=name)

    def _event(self, kind: str, key: str, execution: int, artifact: int) -> Any:
        event = self.mlmd.Event(type=getattr(self.mlmd.Event, kind))
        event.execution_id, event.artifact_id = execution, artifact
        event.path.steps.add().key = key
        return event

    def _fill(self, owner: Any, properties: Mapping[str, Any]) -> None:
        for name, value in properties.items():
            kind = "int_value" if isinstance(value, int) else "string_value"
            setattr(owner.custom_properties[name], kind, value)


@pytest.fixture
def hand_made(tmp_path: Path) -> HandMade:
    """An empty root, to be filled with runs by hand."""
    return HandMade(tmp_path / "root")


@pytest.fixture(scope="session")
def make_root() -> Callable[..., HandMade]:
    """Makes others: (root, file of the metadata, if it is not in there)."""
    return HandMade
