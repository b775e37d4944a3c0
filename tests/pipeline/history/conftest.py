"""Stores of ML Metadata, written by hand in TFX's shape and in Kubeflow's, and servers of them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2 as service

from gptfx.pipeline.stores import StoreAddress, connection

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
STATES = mlmd.Execution


class Book:
    """Writes a store as TFX does on one machine, or as Kubeflow Pipelines does."""

    def __init__(self, address: StoreAddress, is_cluster: bool = False) -> None:
        self.store = metadata_store.MetadataStore(connection(address, is_written=True))
        self.is_cluster = is_cluster

    def run(self, run_id: str, pipeline: str = "gptfx-smoke", **notes: Any) -> list[mlmd.Context]:
        """A new run; the contexts that its nodes are filed under."""
        kinds = ("system.Pipeline", "system.PipelineRun")
        above, kind = kinds if self.is_cluster else ("pipeline", "pipeline_run")
        parent = self._context(above, pipeline)
        run = self._context(kind, run_id, notes)
        link = mlmd.ParentContext(child_id=run.id, parent_id=parent.id)
        self.store.put_parent_contexts([link])
        return [parent, run]

    def node(
        self,
        run: list[mlmd.Context],
        name: str,
        inputs: Mapping[str, int] | None = None,
        outputs: Mapping[str, tuple[str, str, dict[str, Any]]] | None = None,
        cached: Mapping[str, int] | None = None,
        state: Any = STATES.COMPLETE,
        **parameters: Any,
    ) -> dict[str, int]:
        """A node of a run: outputs are (type, uri, properties), or ids where they are `cached`."""
        typed = "system.ContainerExecution" if self.is_cluster else f"gptfx.{name}"
        kind = self.store.put_execution_type(mlmd.ExecutionType(name=typed))
        execution = mlmd.Execution(type_id=kind, last_known_state=state)
        if self.is_cluster:
            execution.custom_properties["task_name"].string_value = name
            if parameters:
                execution.custom_properties["inputs"].struct_value.update(parameters)
        else:
            _fill(execution, parameters)
            run = [*run, self._context("node", f"{run[0].name}.{name}")]
        fresh = [
            (self._artifact(of_type, uri, properties), _event(key, mlmd.Event.OUTPUT))
            for key, (of_type, uri, properties) in (outputs or {}).items()
        ]
        number, made, _ = self.store.put_execution(execution, fresh, run)
        self._events(number, inputs or {}, mlmd.Event.INPUT)
        self._events(number, cached or {}, mlmd.Event.OUTPUT)
        return {**(cached or {}), **dict(zip(outputs or {}, made, strict=True))}

    def _events(self, execution: int, artifacts: Mapping[str, int], kind: Any) -> None:
        events = [_event(key, kind) for key in artifacts]
        for event, artifact in zip(events, artifacts.values(), strict=True):
            event.execution_id, event.artifact_id = execution, artifact
        if events:
            self.store.put_events(events)

    def _artifact(self, kind: str, uri: str, properties: dict[str, Any]) -> mlmd.Artifact:
        name = f"tfx.{kind}" if self.is_cluster and "." not in kind else kind
        number = self.store.put_artifact_type(mlmd.ArtifactType(name=name))
        artifact = mlmd.Artifact(type_id=number, uri=uri, state=mlmd.Artifact.LIVE)
        _fill(artifact, properties)
        return artifact

    def _context(self, kind: str, name: str, notes: Mapping[str, Any] | None = None) -> Any:
        number = self.store.put_context_type(mlmd.ContextType(name=kind))
        context = mlmd.Context(type_id=number, name=name)
        _fill(context, notes or {})
        with suppress(errors.AlreadyExistsError):
            self.store.put_contexts([context])
        return self.store.get_context_by_type_and_name(kind, name)


def _event(key: str, kind: Any) -> mlmd.Event:
    event = mlmd.Event(type=kind)
    event.path.steps.add().key = key
    return event


def _fill(target: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        place = target.custom_properties[name]
        if isinstance(value, bool | int):
            place.int_value = int(value)
        elif isinstance(value, float):
            place.double_value = value
        else:
            place.string_value = value if isinstance(value, str) else json.dumps(value)


@pytest.fixture(scope="session")
def book() -> type[Book]:
    """The class that writes stores by hand."""
    return Book


@pytest.fixture
def serve() -> Iterator[Any]:
    """`serve(address)` is the port of a gRPC service that answers from a store, as a cluster's."""
    servers = []

    def start(address: StoreAddress) -> int:
        store = metadata_store.MetadataStore(connection(address))
        server = grpc.server(ThreadPoolExecutor(2))
        server.add_generic_rpc_handlers([_Handler(store)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return int(port)

    yield start
    for server in servers:
        server.stop(None)


class _Handler(grpc.GenericRpcHandler):
    """Hands each call of ML Metadata's service to the library, which has the same methods."""

    def __init__(self, store: metadata_store.MetadataStore) -> None:
        self._store = store

    def service(self, details: Any) -> Any:
        """See gRPC."""
        name = details.method.rpartition("/")[2]
        request, response = (getattr(service, f"{name}{end}") for end in ("Request", "Response"))

        def answer(asked: Any, context: grpc.ServicerContext) -> Any:
            said = response()
            try:
                self._store._call(name, asked, said)
            except errors.StatusError as error:
                codes = {code.value[0]: code for code in grpc.StatusCode}
                context.abort(codes[error.error_code], str(error))
            return said

        return grpc.unary_unary_rpc_method_handler(
            answer, request.FromString, response.SerializeToString
        )


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`postgresql(name)` makes an empty database of a real server and returns its address. The
    password is in the environment."""
    if not POSTGRES:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    home = tmp_path_factory.mktemp("postgresql")
    who: dict[str, Any] = {}
    if os.getuid() == 0:  # as which PostgreSQL refuses to run
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}
        for folder in (home, *home.parents[:3]):
            folder.chmod(0o755)
        shutil.chown(home, "postgres")
    secret = home / "password"
    secret.write_text("a secret\n")
    secret.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    there = ("-h", "127.0.0.1", "-p", port)

    def run(name: str, *words: str, check: bool = True) -> int:
        command = [str(POSTGRES[-1] / name), *words]
        quiet = subprocess.DEVNULL
        done = subprocess.run(command, check=check, stdout=quiet, timeout=60, cwd=home, **who)
        return done.returncode

    data = str(home / "data")
    run("initdb", "-D", data, "-U", "gptfx", "-A", "scram-sha-256", f"--pwfile={secret}")
    command = [str(POSTGRES[-1] / "postgres"), "-D", data, *there, "-k", str(home), "-F"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=home, **who)
    deadline = time.monotonic() + 60
    while run("pg_isready", *there, check=False):
        assert server.poll() is None, (home / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    before = os.environ.get("PGPASSWORD")
    os.environ["PGPASSWORD"] = "a secret"

    def make(name: str) -> str:
        run("createdb", *there, "-U", "gptfx", name)
        return f"postgresql://gptfx@127.0.0.1:{port}/{name}"

    try:
        yield make
    finally:
        server.send_signal(signal.SIGQUIT)  # at once, whatever became of its files
        server.wait(60)
        os.environ.pop("PGPASSWORD")
        if before is not None:
            os.environ["PGPASSWORD"] = before


FIRST, CACHED, REFUSED, FAILED, KILLED = (f"2026-03-0{day}T03:00:00.000001" for day in range(1, 6))
FOX = "sha256:" + "f0" * 32
CONFIG = {"data": {"corpora": ["texts"]}, "trainer": {"steps": 20}}


def _counts(executed: int, cached: int, failed: int) -> dict[str, int]:
    return {"executed": executed, "cached": cached, "failed": failed}


def _write_card(folder: Path, model_id: str) -> None:
    """What is read of a SavedModel here."""
    (folder / "assets.extra").mkdir(parents=True)
    card = {"format": "gptfx.model/1", "model_id": model_id, "lineage": {}}
    (folder / "assets.extra" / "gptfx.json").write_text(json.dumps(card))


def _judged(bound: float, prompt: str) -> dict[str, Any]:
    """An evaluator's parameters, of which one is a long list and one is long."""
    bounds = {"bounds": [{"value": 9.5, "name": "perplexity" * 20}, {"value": bound}]}
    return {"eval_config": json.dumps({"metrics_specs": [bounds]}), "prompt": "o" * 80 + prompt}


class Past:
    """A root with five runs: a push, one all from the cache, a refusal, a failure, a kill."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.version = str(root / "serving" / "smoke" / "1700000007")
        self.book = Book(StoreAddress.of_file(root / "metadata.sqlite"))
        self._push()
        self._take_from_the_cache()
        self._refuse()
        self._fail()
        self._be_killed()

    def _run(self, run_id: str, **notes: Any) -> list[mlmd.Context]:
        log = self.root / "logs" / f"{run_id}.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text("".join(f"line {number}\n" for number in range(40)) + "OutOfPaperError\n")
        started = {
            "pipeline": "gptfx-smoke", "preset": "smoke", "revision": "abcdef1234567890+",
            "gptfx_version": "0.1.0", "user": "ann", "host": "here", "root": str(self.root),
            "use_cache": 1, "log": str(log), "config": CONFIG,
        }  # fmt: skip
        return self.book.run(run_id, **{**started, **notes})

    def _ended(self, **notes: Any) -> dict[str, Any]:
        return {"state": "complete", "ended": 2e9, "fingerprint": "files:1,sha256:aaaa", **notes}

    def _examples(self, number: int, content: str) -> tuple[str, str, dict[str, Any]]:
        folder = self.root / "pipelines" / "gptfx-smoke" / "ingest" / "examples" / str(number)
        folder.mkdir(parents=True)
        file = {"source": "texts/fox.txt", "bytes": 19 + number, "identity": content}
        (folder / "inputs.json").write_text(json.dumps([file]))
        return "Examples", str(folder), {"input_fingerprint": f"files:1,sha256:{content}"}

    def _model(self, number: int, model_id: str) -> tuple[str, str, dict[str, Any]]:
        folder = self.root / "pipelines" / "gptfx-smoke" / "trainer" / "model" / str(number)
        _write_card(folder / "Format-Serving", model_id)
        return "Model", str(folder), {}

    def _push(self) -> None:
        metrics = {"bits_per_byte": 2.5, "perplexity": 20.0}
        made = {"nodes": _counts(4, 0, 0), "metrics": metrics}
        pushed = {"blessed": True, "pushed": True, "model_dir": self.version}
        run = self._run(FIRST, **self._ended(**made, **pushed, refused=[], changed=[]))
        fingerprint = {"input_fingerprint": f"files:1,sha256:{FOX}"}
        self.examples = self.book.node(
            run, "ingest", outputs={"examples": self._examples(1, FOX)}, **fingerprint
        )
        trained = {"model": self._model(2, "0123456789abcdef")}
        self.told = {"custom_config": '{"trainer": {"steps": 20}}', "code": "aaaa"}
        self.model = self.book.node(run, "trainer", self.examples, trained, **self.told)
        blessing = {"blessing": ("ModelBlessing", str(self.root / "b"), {"blessed": 1})}
        self.judged = _judged(2.5, "rr")
        self.blessing = self.book.node(run, "evaluator", self.model, blessing, **self.judged)
        _write_card(Path(self.version), "0123456789abcdef")
        properties = {
            "pushed": 1,
            "pushed_version": "1700000007",
            "pushed_destination": self.version,
        }
        pushed_model = {"pushed_model": ("PushedModel", str(self.root / "p"), properties)}
        taken = {**self.model, **self.blessing}
        self.pushed = self.book.node(run, "pusher", taken, pushed_model)

    def _take_from_the_cache(self) -> None:
        made = {
            "nodes": {"executed": 0, "cached": 4, "failed": 0},
            "metrics": {"bits_per_byte": 2.5},
        }
        pushed = {
            "blessed": True,
            "pushed": False,
            "model_dir": str(self.root / "serving/smoke/1700000007"),
        }
        run = self._run(CACHED, **self._ended(**made, **pushed, refused=[], changed=[]))
        for name, inputs, outputs in (
            ("ingest", {}, self.examples), ("trainer", self.examples, self.model),
            ("evaluator", self.model, self.blessing),
            ("pusher", {**self.model, **self.blessing}, self.pushed),
        ):  # fmt: skip
            told = {"trainer": self.told, "evaluator": self.judged}.get(name, {})
            self.book.node(run, name, inputs, cached=outputs, state=STATES.CACHED, **told)

    def _refuse(self) -> None:
        made = {
            "nodes": {"executed": 4, "cached": 0, "failed": 0},
            "metrics": {"bits_per_byte": 2.75},
        }
        why = ["absolute bound: bits_per_byte 2.7500 is above the bound 1.0000"]
        changed = ["changed texts/fox.txt (20 bytes, now 23)"]
        judged = {"blessed": False, "pushed": False, "refused": why, "changed": changed}
        more = {**CONFIG, "trainer": {"steps": 30}, "evaluator": {"max_bits_per_byte": 1.0}}
        ended = self._ended(**made, **judged, fingerprint="files:1,sha256:bbbb", config=more)
        run = self._run(REFUSED, **ended)
        text = "sha256:" + "0a" * 32
        fingerprint = {"input_fingerprint": f"files:1,sha256:{text}"}
        self.newer = self.book.node(
            run, "ingest", outputs={"examples": self._examples(4, text)}, **fingerprint
        )
        trained = {"model": self._model(5, "fedcba9876543210")}
        told = {"custom_config": '{"trainer": {"steps": 30}}', "code": "bbbb"}
        model = self.book.node(run, "trainer", self.newer, trained, **told)
        blessing = {"blessing": ("ModelBlessing", str(self.root / "b2"), {"blessed": 0})}
        refused = self.book.node(run, "evaluator", model, blessing, **_judged(3.5, "d"))
        properties = {"pushed": 0}
        pushed_model = {"pushed_model": ("PushedModel", str(self.root / "p2"), properties)}
        self.book.node(run, "pusher", {**model, **refused}, pushed_model)

    def _fail(self) -> None:
        made = {"nodes": _counts(0, 1, 1)}
        error = "node trainer failed: OutOfPaperError: no paper\nsecond line"
        notes = {"state": "failed", "ended": 2e9, "node": "trainer", "error": error, **made}
        run = self._run(FAILED, **notes)
        self.book.node(run, "ingest", cached=self.newer, state=STATES.CACHED)
        self.book.node(run, "trainer", self.newer, state=STATES.FAILED, **self.told)

    def _be_killed(self) -> None:
        dead = subprocess.Popen(["true"])
        dead.wait()
        run = self._run(KILLED, state="running", host=socket.gethostname(), pid=dead.pid)
        self.book.node(run, "ingest", cached=self.newer, state=STATES.CACHED)
        self.book.node(run, "trainer", self.newer, state=STATES.RUNNING, **self.told)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """See Past; read by tests, never changed."""
    return Past(tmp_path_factory.mktemp("past"))
