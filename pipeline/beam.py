"""Where the data nodes run: the section `beam` of a configuration, and Beam's arguments of it."""

import json
import re
from typing import Annotated, Literal, NoReturn

from pydantic import Field, model_validator

from gptfx.data.errors import InputError
from gptfx.kubeflow.job_service import require_job_service
from gptfx.modules.config import Section

Runner = Literal["DirectRunner", "DataflowRunner", "FlinkRunner", "SparkRunner", "PortableRunner"]
OptionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Option = bool | int | float | str | tuple[str, ...] | dict[str, str | dict[str, str]]

# In full: Beam's shorthand first looks for a runner to download.
IN_THIS_PROCESS = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
# On one machine a second process costs more in imports than it brings.
ONE_WORKER: dict[str, Option] = {"direct_running_mode": "in_memory", "direct_num_workers": 1}
CREDENTIAL = r"secret|password|token|credential"  # in an option's name
CODE_OF_WORKERS = ("sdk_container_image", "setup_file", "extra_packages")
NEEDED = {  # what a runner cannot do without
    "DirectRunner": (),
    "DataflowRunner": ("project", "region", "temp_location"),
    "FlinkRunner": ("job_endpoint", "environment_type"),
    "SparkRunner": ("job_endpoint", "environment_type"),
    "PortableRunner": ("job_endpoint", "environment_type"),
}
NEEDED_BY_ENVIRONMENT = {
    "EXTERNAL": ("environment_config",),
    "PROCESS": ("environment_config",),
    "DOCKER": ("sdk_container_image",),
    "LOOPBACK": (),
}


class BeamConfig(Section):
    """Where the data nodes run.

    Attributes:
      runner: Beam's name of it. The DirectRunner is one worker in this process; FlinkRunner,
        SparkRunner and PortableRunner hand their jobs to a portable job service.
      options: Beam's, by their names without dashes, for this runner: ``job_endpoint:
        flink-jobs:8099``. `true` is a flag, `false` leaves it out, a list repeats an option, a
        mapping becomes JSON.
    """

    runner: Runner = "DirectRunner"
    options: dict[OptionName, Option] = {}

    @model_validator(mode="after")
    def _complete(self) -> "BeamConfig":
        if "runner" in self.options:
            received = f"beam.options.runner = {self.options['runner']}"
            raise InputError("the runner is not among its options", received, "set beam.runner")
        if exposed := [name for name in self.options if re.search(CREDENTIAL, name)]:
            remedy = "leave it out: hand it over in the environment (kubeflow.secrets in pods)"
            problem = f"beam.options.{exposed[0]} would be seen in lists of processes"
            raise InputError(problem, "(not shown)", remedy)
        for name in NEEDED[self.runner]:
            self._require(name, f"beam.runner = {self.runner}")
        if self.runner == "DataflowRunner":
            place = str(self.options["temp_location"])
            if not place.startswith("gs://"):
                problem = "beam.options.temp_location is not where Dataflow's workers write"
                raise InputError(problem, place, "set it to gs://BUCKET/...")
            if not any(self.options.get(name) for name in CODE_OF_WORKERS):
                remedy = "set beam.options.sdk_container_image to an image that holds gptfx"
                raise InputError("Dataflow's workers lack gptfx", _shown(self.options), remedy)
        elif self.is_portable:
            self._require_environment()
        return self

    def _require(self, name: str, because: str) -> None:
        if not self.options.get(name):
            received = f"{because}, beam.options = {_shown(self.options)}"
            raise InputError(
                f"beam.options.{name} is missing", received, f"set beam.options.{name}"
            )

    def _require_environment(self) -> None:
        kind = str(self.options["environment_type"])
        if kind not in NEEDED_BY_ENVIRONMENT:
            remedy = f"use one of {', '.join(NEEDED_BY_ENVIRONMENT)}"
            raise InputError("beam.options.environment_type has an impossible value", kind, remedy)
        for name in NEEDED_BY_ENVIRONMENT[kind]:
            self._require(name, f"beam.options.environment_type = {kind}")

    @property
    def is_remote(self) -> bool:
        """Whether jobs are handed to a service."""
        return self.runner != "DirectRunner"

    @property
    def is_portable(self) -> bool:
        """Whether the service is a portable job service."""
        return "job_endpoint" in NEEDED[self.runner]

    @property
    def has_workers_elsewhere(self) -> bool:
        """Whether workers see no files but those that are shared with them."""
        return self.is_remote and self.options.get("environment_type") != "LOOPBACK"

    @property
    def pipeline_args(self) -> tuple[str, ...]:
        """Arguments of every Beam pipeline."""
        options = self.options if self.is_remote else {**ONE_WORKER, **self.options}
        if not any(options.get(name) for name in CODE_OF_WORKERS):
            # Never pulled; but without a name TFX packs itself up for workers in every node (4 s).
            options = {**options, "sdk_container_image": "unused"}
        runner = self.runner if self.is_remote else IN_THIS_PROCESS
        words = [word for name, value in options.items() for word in _words(name, value)]
        return (f"--runner={runner}", *words)


def require_reachable(config: BeamConfig) -> None:
    """Raises InputError where a run on this machine would wait for workers in vain."""
    if config.runner == "DataflowRunner":
        remedy = "run the pipeline on a cluster (gptfx kubeflow), or choose another beam.runner"
        raise InputError(
            "Dataflow's workers do not see the files of this machine", config.runner, remedy
        )
    if config.is_portable:
        require_job_service(str(config.options["job_endpoint"]))


def require_known(config: BeamConfig) -> None:
    """Raises InputError for options that Beam does not know or take; reads Beam, which takes its
    time."""
    from apache_beam.options import pipeline_options as beam

    class Parser(beam._BeamArgumentParser):  # the one that Beam's own options are added to
        def error(self, message: str) -> NoReturn:
            option = re.sub(r"^argument --(\w+): ", r"beam.options.\1: ", message)
            raise InputError("Beam does not take an option", option, "see Beam's documentation")

    parser = Parser(allow_abbrev=False, add_help=False)
    for section in beam.PipelineOptions.__subclasses__():
        section._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(config.pipeline_args)
    # What a job service knows beside these, it alone can say.
    if unknown and not config.is_portable:
        name = unknown[0].partition("=")[0].lstrip("-")
        remedy = "mend its name, or leave it out"
        raise InputError("Beam knows no such option", f"beam.options.{name}", remedy)


def _words(name: str, value: Option) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}"] if value else []
    if isinstance(value, dict):
        return [f"--{name}={json.dumps(value)}"]
    return [f"--{name}={each}" for each in (value if isinstance(value, tuple) else (value,))]


def _shown(options: dict[str, Option]) -> str:
    """The names alone: a value may be a credential."""
    return f"options {', '.join(options)}" if options else "no options"
