"""An API server of Kubeflow Pipelines in memory: the REST paths, what it refuses, and the words.

Bodies are read and answers are written by the SDK's own models, so that a field that the real
server's interface does not have is an error here, too.
"""

import itertools
import json
import re
import threading
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import kfp_server_api as api
import yaml

PREFIX = "/apis/v2beta1"
TOKEN, COOKIE = "the-token", "authservice_session=the-session"
CREATED = "2026-01-01T00:00:00Z"
Json = dict[str, Any]


class RefusedError(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class State:
    """What the server knows."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.pipelines: dict[str, Json] = {}
        self.versions: dict[str, Json] = {}
        self.packages: dict[str, str] = {}
        self.experiments: dict[str, Json] = {}
        self.runs: dict[str, Json] = {}
        self.recurring: dict[str, Json] = {}
        self.asked: list[str] = []  # methods and paths
        self.fails = False  # whether runs fail

    def new_id(self, kind: str) -> str:
        return f"{kind}-{next(self.numbers)}"


def checked(model: type, content: Json) -> Json:
    """What the SDK's model of a message says of it. A key that it does not know is refused."""
    known = set(model.attribute_map.values())
    if unknown := set(content) - known:
        raise RefusedError(400, f"unknown field {sorted(unknown)[0]} in {model.__name__}")
    return content


class Handler(BaseHTTPRequestHandler):
    """One request."""

    state: State

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        address = urlparse(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        path = address.path.removeprefix(PREFIX)
        self.state.asked.append(f"{method} {path}")
        try:
            self._require_login()
            status, content = 200, self._route(method, path, query, body)
        except RefusedError as error:
            words = {"error": str(error), "code": error.status, "message": str(error)}
            status, content = error.status, words
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _require_login(self) -> None:
        bearer, cookie = self.headers.get("Authorization"), self.headers.get("Cookie")
        if bearer == "Bearer powerless":
            raise RefusedError(403, "User is not authorized")
        if bearer != f"Bearer {TOKEN}" and cookie != COOKIE:
            raise RefusedError(401, "Unauthenticated")

    def _route(self, method: str, path: str, query: Json, body: bytes) -> Json:
        for pattern, verb, handler in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                return handler(self, query, body, *found.groups())
        raise RefusedError(404, f"no such path: {method} {path}")

    def health(self, _: Json, __: bytes) -> Json:
        return {"multi_user": False}

    # Experiments

    def experiments(self, query: Json, _: bytes) -> Json:
        return {"experiments": [*wanted(self.state.experiments.values(), query)]}

    def create_experiment(self, _: Json, body: bytes) -> Json:
        content = checked(api.V2beta1Experiment, json.loads(body))
        made = {**content, "experiment_id": self.state.new_id("experiment"), "created_at": CREATED}
        self.state.experiments[made["experiment_id"]] = made
        return made

    def experiment(self, _: Json, __: bytes, name: str) -> Json:
        return one(self.state.experiments, name)

    # Pipelines

    def pipelines(self, query: Json, _: bytes) -> Json:
        return {"pipelines": [*wanted(self.state.pipelines.values(), query)]}

    def versions(self, query: Json, _: bytes, pipeline: str) -> Json:
        of_it = [each for each in self.state.versions.values() if each["pipeline_id"] == pipeline]
        return page(of_it, "pipeline_versions", query)

    def upload(self, query: Json, body: bytes) -> Json:
        name = query["name"]
        if any(each["display_name"] == name for each in self.state.pipelines.values()):
            raise RefusedError(409, f"The name {name} already exists. Please specify a new name")
        made = {"pipeline_id": self.state.new_id("pipeline"), "display_name": name}
        package = self._package(body)
        self.state.pipelines[made["pipeline_id"]] = {**made, "created_at": CREATED}
        self._add_version(made["pipeline_id"], name, package)
        return made

    def upload_version(self, query: Json, body: bytes) -> Json:
        one(self.state.pipelines, query["pipelineid"])
        of_it = self.versions({"page_size": "1000"}, b"", query["pipelineid"])
        if any(each["display_name"] == query["name"] for each in of_it["pipeline_versions"]):
            raise RefusedError(409, f"The name {query['name']} already exists")
        return self._add_version(query["pipelineid"], query["name"], self._package(body))

    def _add_version(self, pipeline: str, name: str, package: str) -> Json:
        made = {
            "pipeline_id": pipeline,
            "pipeline_version_id": self.state.new_id("version"),
            "display_name": name,
            "created_at": CREATED,
        }
        self.state.versions[made["pipeline_version_id"]] = made
        self.state.packages[made["pipeline_version_id"]] = package
        return made

    def _package(self, body: bytes) -> str:
        """The uploaded file, which is to be a package that the server takes."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        (part,) = message_from_bytes(head + body).get_payload()
        text = part.get_payload(decode=True).decode()
        specification = next(yaml.safe_load_all(text))
        if specification.get("schemaVersion") != "2.1.0":
            raise RefusedError(400, "invalid schema version")
        for name, executor in specification["deploymentSpec"]["executors"].items():
            if not {"container", "importer"} & set(executor):
                raise RefusedError(400, f"{name}: non-container and non-importer executor")
        return text

    # Runs

    def runs(self, query: Json, _: bytes) -> Json:
        of_it = [
            each
            for each in self.state.runs.values()
            if query.get("experiment_id") in (None, each["experiment_id"])
        ]
        return page(of_it[::-1], "runs", query)

    def create_run(self, _: Json, body: bytes) -> Json:
        content = checked(api.V2beta1Run, json.loads(body))
        self._require_parameters(content)
        made = {
            **content,
            "run_id": self.state.new_id("run"),
            "state": "RUNNING",
            "created_at": CREATED,
        }
        self.state.runs[made["run_id"]] = made
        return made

    def run(self, _: Json, __: bytes, name: str) -> Json:
        """Each look finds the next task done, and the last one the run."""
        found = one(self.state.runs, name)
        version = found["pipeline_version_reference"]["pipeline_version_id"]
        tasks = sorted(
            next(yaml.safe_load_all(self.state.packages[version]))["root"]["dag"]["tasks"]
        )
        found["looks"] = found.get("looks", 0) + 5
        done = tasks[: found["looks"]]
        details = [{"display_name": task, "state": "SUCCEEDED"} for task in done]
        failed = self.state.fails and "trainer" in done
        if failed:
            details[done.index("trainer")] |= {
                "state": "FAILED",
                "error": {"code": 2, "message": "gptfx: there are too few GPUs"},
            }
        if failed or len(done) == len(tasks):
            found["state"] = "FAILED" if failed else "SUCCEEDED"
        answer = {key: value for key, value in found.items() if key != "looks"}
        return {**answer, "run_details": {"task_details": details}}

    def _require_parameters(self, content: Json) -> None:
        version = content["pipeline_version_reference"]["pipeline_version_id"]
        one(self.state.versions, version)
        specification = next(yaml.safe_load_all(self.state.packages[version]))
        known = specification["root"]["inputDefinitions"]["parameters"]
        for name in content.get("runtime_config", {}).get("parameters") or {}:
            if name not in known:
                raise RefusedError(400, f"parameter {name} is not in the pipeline")

    # Recurring runs

    def recurring_runs(self, query: Json, _: bytes) -> Json:
        return page([*self.state.recurring.values()], "recurringRuns", query)

    def create_recurring_run(self, _: Json, body: bytes) -> Json:
        content = checked(api.V2beta1RecurringRun, json.loads(body))
        self._require_parameters(content)
        if int(content["max_concurrency"]) < 1:
            raise RefusedError(400, "max_concurrency must be at least 1")
        cron = content["trigger"].get("cron_schedule")
        if cron and len(cron["cron"].split()) != 6:
            raise RefusedError(400, f"Expected exactly 6 fields, found: {cron['cron']}")
        mode = content.pop("mode")
        made = {
            **content,
            "recurring_run_id": self.state.new_id("recurring"),
            "status": {"ENABLE": "ENABLED", "DISABLE": "DISABLED"}[mode],
            "created_at": CREATED,
        }
        self.state.recurring[made["recurring_run_id"]] = made
        return made

    def switch(self, _: Json, __: bytes, name: str, to: str) -> Json:
        one(self.state.recurring, name)["status"] = {"enable": "ENABLED"}.get(to, "DISABLED")
        return {}

    def delete_recurring_run(self, _: Json, __: bytes, name: str) -> Json:
        one(self.state.recurring, name)
        del self.state.recurring[name]
        return {}


ROUTES = [
    ("/healthz", "GET", Handler.health),
    ("/experiments", "GET", Handler.experiments),
    ("/experiments", "POST", Handler.create_experiment),
    ("/experiments/([^/:]+)", "GET", Handler.experiment),
    ("/pipelines", "GET", Handler.pipelines),
    ("/pipelines/upload", "POST", Handler.upload),
    ("/pipelines/upload_version", "POST", Handler.upload_version),
    ("/pipelines/([^/:]+)/versions", "GET", Handler.versions),
    ("/runs", "GET", Handler.runs),
    ("/runs", "POST", Handler.create_run),
    ("/runs/([^/:]+)", "GET", Handler.run),
    ("/recurringruns", "GET", Handler.recurring_runs),
    ("/recurringruns", "POST", Handler.create_recurring_run),
    ("/recurringruns/([^/:]+):(enable|disable)", "POST", Handler.switch),
    ("/recurringruns/([^/:]+)", "DELETE", Handler.delete_recurring_run),
]


def one(known: dict[str, Json], name: str) -> Json:
    if name not in known:
        raise RefusedError(404, f"{name} not found")
    return known[name]


def wanted(rows: Any, query: Json) -> Any:
    """Those that a filter's predicates leave."""
    predicates = json.loads(query.get("filter") or "{}").get("predicates", [])
    for row in rows:
        if all(row.get(each["key"]) == each["stringValue"] for each in predicates):
            yield row


def page(rows: list[Json], key: str, query: Json) -> Json:
    """Two rows at most, so that whoever forgets to turn pages is found out."""
    size = min(int(query.get("page_size") or 2), 2)
    begin = int(query.get("page_token") or 0)
    more = {"next_page_token": str(begin + size)} if begin + size < len(rows) else {}
    return {key: rows[begin : begin + size], **more}


class Server:
    """Runs on a free port of this machine while it is open."""

    def __init__(self) -> None:
        self.state = State()
        handler = type("Handler", (Handler,), {"state": self.state})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
