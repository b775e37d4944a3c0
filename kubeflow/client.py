"""Pipelines, runs and schedules of an API server, through Kubeflow's own SDK."""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from gptfx.data.errors import InputError
from gptfx.kubeflow.login import Login, require_login
from gptfx.kubeflow.settings import KubeflowConfig

PAGE = 100  # of lists
FINAL = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
ENABLED = "ENABLED"
Parameters = Mapping[str, Any]


class Deployed(NamedTuple):
    """A version of a pipeline on the server; `is_new` if it was not there before."""

    pipeline_id: str
    version_id: str
    version: str
    is_new: bool


class Cluster:
    """An API server that knows who asks."""

    def __init__(self, config: KubeflowConfig, login: Login) -> None:
        """Raises InputError where the server does not answer, or does not know the login."""
        if not config.host:
            remedy = "set kubeflow.host, or the variable KF_PIPELINES_ENDPOINT"
            raise InputError("no API server is named", config.host, remedy)
        require_login(config.host, login, config.namespace, config.ca_file)
        self.config = config
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about servers of long ago
            from kfp import Client
            from kfp.client import ServiceAccountTokenVolumeCredentials

            file = login.token_file
            self._client = Client(
                host=config.host,
                namespace=config.namespace or "kubeflow",
                existing_token=login.token,
                credentials=ServiceAccountTokenVolumeCredentials(str(file)) if file else None,
                cookies=login.cookies,
                ssl_ca_cert=config.ca_file,
            )

    def deploy(self, package: Path, name: str) -> Deployed:
        """Uploads a package as a version of the pipeline `name`, unless just this one is there."""
        version = hashlib.sha256(package.read_bytes()).hexdigest()[:12]
        pipeline = _ask(self._client.get_pipeline_id, name)
        if pipeline is None:
            made = _ask(
                self._client.upload_pipeline, str(package), name, namespace=self.config.namespace
            )
            pipeline = made.pipeline_id
        for known in self._versions(pipeline):
            if known.display_name == version:
                return Deployed(pipeline, known.pipeline_version_id, version, is_new=False)
        made = _ask(
            self._client.upload_pipeline_version, str(package), version, pipeline_id=pipeline
        )
        return Deployed(pipeline, made.pipeline_version_id, version, is_new=True)

    def start(self, deployed: Deployed, name: str, parameters: Parameters) -> str:
        """Starts a run; its id."""
        run = _ask(
            self._client.run_pipeline,
            self._experiment,
            name,
            **self._what(deployed, parameters),
        )
        return str(run.run_id)

    def run(self, run_id: str) -> Any:
        """A run, with its tasks. Raises InputError for none."""
        return _ask(self._client.get_run, run_id)

    def runs(self, count: int) -> list[Any]:
        """The runs of the experiment, the newest first."""
        listed = _ask(
            self._client.list_runs,
            page_size=count,
            sort_by="created_at desc",
            experiment_id=self._experiment,
            namespace=self.config.namespace,
        )
        return list(listed.runs or [])

    def schedules(self) -> list[Any]:
        """The recurring runs of the experiment."""
        return list(
            _pages(
                self._client.list_recurring_runs,
                "recurring_runs",
                experiment_id=self._experiment,
                namespace=self.config.namespace,
            )
        )

    def schedule(
        self, name: str, deployed: Deployed, when: Mapping[str, Any], parameters: Parameters
    ) -> str:
        """Makes the recurring run `name` what is asked for: `created`, `updated` or `unchanged`.

        `when` is `cron_expression` or `interval_second`. No two of its runs at once, and what was
        missed is not made up for. The server cannot change one: the new one is there before the
        old one goes.
        """
        earlier = [each for each in self.schedules() if each.display_name == name]
        if len(earlier) == 1 and _is(earlier[0], deployed, when, parameters):
            return "unchanged"
        enabled = not earlier or any(each.status == ENABLED for each in earlier)
        _ask(
            self._client.create_recurring_run,
            self._experiment,
            name,
            max_concurrency=1,
            no_catchup=True,
            enabled=enabled,  # one that was paused stays so
            **self._what(deployed, parameters),
            **when,
        )
        for each in earlier:
            _ask(self._client.delete_recurring_run, each.recurring_run_id)
        return "updated" if earlier else "created"

    def pause(self, name: str) -> None:
        """No more runs until `resume`."""
        _ask(self._client.disable_recurring_run, self._scheduled(name).recurring_run_id)

    def resume(self, name: str) -> None:
        """Runs again."""
        _ask(self._client.enable_recurring_run, self._scheduled(name).recurring_run_id)

    def delete(self, name: str) -> None:
        """The schedule goes; its runs stay."""
        _ask(self._client.delete_recurring_run, self._scheduled(name).recurring_run_id)

    def trigger(self, name: str) -> str:
        """Starts a run as the schedule would, now; its id."""
        found = self._scheduled(name)
        reference = found.pipeline_version_reference
        deployed = Deployed(reference.pipeline_id, reference.pipeline_version_id, "", is_new=False)
        return self.start(deployed, f"{name}-now", found.runtime_config.parameters or {})

    def _scheduled(self, name: str) -> Any:
        found = {each.display_name: each for each in self.schedules()}
        if name not in found:
            known = ", ".join(sorted(found)) or "none so far"
            raise InputError("no such schedule", name, f"name one of: {known}")
        return found[name]

    def _what(self, deployed: Deployed, parameters: Parameters) -> dict[str, Any]:
        """What is run, and how, now or again and again."""
        return {
            "params": dict(parameters),
            "pipeline_id": deployed.pipeline_id,
            "version_id": deployed.version_id,
            "pipeline_root": self.config.pipeline_root or None,
            "service_account": self.config.service_account,
        }

    @cached_property
    def _experiment(self) -> str:
        """Its id; it is made where it is not there."""
        made = _ask(
            self._client.create_experiment, self.config.experiment, namespace=self.config.namespace
        )
        return str(made.experiment_id)

    def _versions(self, pipeline: str) -> Iterator[Any]:
        listing = self._client.list_pipeline_versions
        return _pages(listing, "pipeline_versions", pipeline_id=pipeline)


def _is(found: Any, deployed: Deployed, when: Mapping[str, Any], parameters: Parameters) -> bool:
    """Whether a recurring run is what is asked for already."""
    reference, trigger = found.pipeline_version_reference, found.trigger
    cron = trigger.cron_schedule.cron if trigger.cron_schedule else None
    every = trigger.periodic_schedule.interval_second if trigger.periodic_schedule else None
    return (
        reference.pipeline_version_id == deployed.version_id
        and cron == when.get("cron_expression")
        and (None if every is None else int(every)) == when.get("interval_second")
        and dict(found.runtime_config.parameters or {}) == dict(parameters)
    )


def _pages(listing: Callable[..., Any], key: str, **asked: Any) -> Iterator[Any]:
    """All of a list that comes in pages."""
    token = ""
    while True:
        page = _ask(listing, page_token=token, page_size=PAGE, **asked)
        yield from getattr(page, key) or []
        token = page.next_page_token or ""
        if not token:
            return


def _ask(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What the server says. Raises InputError with its own words where it refuses."""
    from kfp_server_api import ApiException

    try:
        return call(*arguments, **named)
    except ApiException as error:
        try:
            body = json.loads(error.body)
            said = str(body.get("message") or body["error"])
        except (TypeError, ValueError, KeyError, AttributeError):
            said = str(error.reason)
        problem = f"the API server refuses: {said.splitlines()[0]}"
        remedy = "mend it, or ask whoever runs the cluster"
        raise InputError(problem, f"status {error.status}", remedy) from None
