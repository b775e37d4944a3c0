"""``gptfx kubeflow``: the same pipeline on Kubeflow Pipelines."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.cli.options import PRESET, SETTINGS, VERBOSE
from gptfx.pipeline.layout import DEFAULT_ROOT, Layout

if TYPE_CHECKING:
    from gptfx.kubeflow.client import Cluster, Deployed
    from gptfx.pipeline.config import Config

POLL_SECONDS = 5.0
CORPUS = typer.Option(
    [], help="A name, a path or a pattern, below kubeflow.corpus_uri; or a gs:// or s3:// URI."
)
PARAMETERS = typer.Option(
    [], "--param", metavar="NAME=VALUE", help="What the run is started with; may be repeated."
)
JSON = typer.Option(False, "--json", help="One JSON object.")
NAME = typer.Argument(help="The schedule's name.")

app = typer.Typer(
    help="The same pipeline on Kubeflow Pipelines.", no_args_is_help=True, rich_markup_mode=None
)
schedules = typer.Typer(
    help="Runs that come again and again.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(schedules, name="schedule")


class Session(NamedTuple):
    """What a command works with."""

    config: "Config"
    cluster: "Cluster"
    screen: TextIO


@app.command("compile")
def compile_pipeline(
    preset: str = PRESET,
    settings: list[str] = SETTINGS,
    corpus: list[str] = CORPUS,
    out: Path | None = typer.Option(None, help="The file to write; gptfx-PRESET.yaml, if none."),
    verbose: bool = VERBOSE,
) -> None:
    """Writes the package that Kubeflow Pipelines takes, or says what it would refuse."""
    from gptfx.pipeline.config import load_config

    del verbose  # main() looks for it
    config = load_config(preset, settings, corpus)
    target = out or Path(f"{config.pipeline_name}.yaml")
    if target.suffix != ".yaml":
        raise InputError("a package's name ends with .yaml", str(target), "name another --out")
    with _quiet() as screen:
        nodes = _compile(config, target)
        print(f"{target}: {nodes} nodes, image {config.kubeflow.image}", file=screen)


@app.command()
def deploy(
    preset: str = PRESET,
    settings: list[str] = SETTINGS,
    corpus: list[str] = CORPUS,
    as_json: bool = JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Uploads the pipeline, or a new version of it; the same again uploads nothing."""
    del verbose  # main() looks for it
    with _session(preset, settings, corpus) as session:
        deployed = _deploy(session)
        if as_json:
            print(json.dumps(deployed._asdict()), file=session.screen)
            return
        what = "uploaded" if deployed.is_new else "there already"
        name = session.config.pipeline_name
        print(f"{name} {deployed.version}: {what}", file=session.screen)


@app.command()
def run(
    preset: str = PRESET,
    settings: list[str] = SETTINGS,
    corpus: list[str] = CORPUS,
    parameter: list[str] = PARAMETERS,
    watch: bool = typer.Option(False, "--watch", help="Shows the nodes until the run has ended."),
    as_json: bool = JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Starts a run, of a version that is uploaded first where it is not there.

    With --watch the exit code is 0 if the run succeeded, else 1.
    """
    del verbose  # main() looks for it
    with _session(preset, settings, corpus) as session:
        told = _parameters(session.config, parameter)
        name = f"{session.config.preset}-{datetime.now():%Y%m%d-%H%M%S}"
        run_id = session.cluster.start(_deploy(session), name, told)
        print(
            json.dumps({"run_id": run_id}) if as_json else f"{name}: {run_id}", file=session.screen
        )
        state = _watch(session, run_id) if watch else "SUCCEEDED"
    if state != "SUCCEEDED":
        raise typer.Exit(1)


@app.command()
def runs(
    preset: str = PRESET,
    settings: list[str] = SETTINGS,
    count: int = typer.Option(20, min=1, max=200, help="How many, the newest."),
    as_json: bool = JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Lists the runs of the experiment."""
    del verbose  # main() looks for it
    with _session(preset, settings, []) as session:
        listed = [_as_json(each) for each in session.cluster.runs(count)]
        if as_json:
            print(json.dumps(listed), file=session.screen)
            return
        for each in listed:
            print("  ".join(str(value) for value in each.values()), file=session.screen)


@schedules.command("create")
def create_schedule(
    name: str = NAME,
    cron: str | None = typer.Option(
        None, help="Five fields, or six that begin with seconds; in the server's time zone."
    ),
    every: str | None = typer.Option(None, help="As 30m, 6h or 1d."),
    preset: str = PRESET,
    settings: list[str] = SETTINGS,
    corpus: list[str] = CORPUS,
    parameter: list[str] = PARAMETERS,
    verbose: bool = VERBOSE,
) -> None:
    """Makes a schedule, or changes the one of that name; one that was paused stays so.

    Never two of its runs at once; runs that were missed are not made up for.
    """
    from gptfx.kubeflow.times import when

    del verbose  # main() looks for it
    asked = when(cron, every)
    with _session(preset, settings, corpus) as session:
        told = _parameters(session.config, parameter)
        done = session.cluster.schedule(name, _deploy(session), asked, told)
        print(f"{name}: {done}", file=session.screen)


@schedules.command("list")
def list_schedules(
    preset: str = PRESET,
    settings: list[str] = SETTINGS,
    as_json: bool = JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Lists the schedules of the experiment."""
    from gptfx.kubeflow.times import shown

    del verbose  # main() looks for it
    with _session(preset, settings, []) as session:
        listed = [
            {"name": each.display_name, "when": shown(each.trigger), "status": each.status}
            for each in session.cluster.schedules()
        ]
        if as_json:
            print(json.dumps(listed), file=session.screen)
            return
        for each in listed:
            print("  ".join(each.values()), file=session.screen)


def _changes(method: str, done: str, what: str) -> None:
    """Makes the command that does one thing to a schedule, by the method of `Cluster`."""

    @schedules.command(method, help=what)
    def change(
        name: str = NAME,
        preset: str = PRESET,
        settings: list[str] = SETTINGS,
        verbose: bool = VERBOSE,
    ) -> None:
        del verbose  # main() looks for it
        with _session(preset, settings, []) as session:
            said = getattr(session.cluster, method)(name)
            print(f"{name}: {done}" + (f" {said}" if said else ""), file=session.screen)


_changes("pause", "paused", "No more runs until `resume`.")
_changes("resume", "resumed", "Runs again, from the next time on.")
_changes("delete", "deleted", "Removes a schedule; its runs stay.")
_changes("trigger", "started", "Starts a run as the schedule would, now.")


@contextmanager
def _quiet() -> Iterator[TextIO]:
    from gptfx.pipeline.quiet import quiet

    with quiet(Layout(DEFAULT_ROOT.absolute()).logs / "kubeflow.log") as (screen, _):
        yield screen


@contextmanager
def _session(preset: str, settings: list[str], corpus: list[str]) -> Iterator[Session]:
    """Logs in; what the libraries say goes to a log."""
    from gptfx.pipeline.config import load_config
    from gptfx.pipeline.login import read_login, with_endpoint

    config, login = load_config(preset, settings, corpus), read_login()
    config = config.model_copy(update={"kubeflow": with_endpoint(config.kubeflow)})
    with _quiet() as screen:
        from gptfx.kubeflow.client import Cluster

        yield Session(config, Cluster(config.kubeflow, login), screen)


def _compile(config: "Config", target: Path) -> int:
    """Writes the package; the number of its nodes."""
    from gptfx.pipeline.cluster import compile_package

    package = compile_package(config)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        package.write(target)
    except OSError as error:
        problem = f"the package cannot be written: {error.strerror}"
        raise InputError(problem, str(target), "name another --out") from None
    return len(package.specification["root"]["dag"]["tasks"])


def _deploy(session: Session) -> "Deployed":
    name = session.config.pipeline_name
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, f"{name}.yaml")
        _compile(session.config, target)
        return session.cluster.deploy(target, name)


def _parameters(config: "Config", given: list[str]) -> dict[str, Any]:
    """What a run is started with, each of the type that its default has."""
    from gptfx.pipeline.cluster import parameters, require_possible

    known, told = parameters(config), {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            remedy = f"write NAME=VALUE; names are {', '.join(sorted(known))}"
            raise InputError("no parameter of this pipeline", word, remedy)
        try:
            told[name] = known[name].ptype(value)
        except ValueError:
            remedy = f"give one of type {known[name].ptype.__name__}"
            raise InputError(f"{name} cannot have this value", value, remedy) from None
    require_possible(config, told)
    return told


def _watch(session: Session, run_id: str) -> str:
    """Prints a line whenever a node's state changes; the run's last state."""
    from gptfx.kubeflow.client import FINAL

    seen: dict[str, str] = {}
    while True:
        run = session.cluster.run(run_id)
        for task in (run.run_details.task_details or []) if run.run_details else []:
            if task.state and seen.get(task.display_name) != task.state:
                seen[task.display_name] = task.state
                why = f"  {task.error.message}" if task.error else ""
                line = f"  {task.display_name:<16} {task.state.lower()}{why}"
                print(line, file=session.screen, flush=True)
        if run.state in FINAL:
            why = f": {run.error.message}" if run.error else ""
            print(f"{run.display_name} {run.state.lower()}{why}", file=session.screen)
            return str(run.state)
        time.sleep(POLL_SECONDS)


def _as_json(run: Any) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "name": run.display_name,
        "state": run.state,
        "created": run.created_at.isoformat() if run.created_at else None,
        "finished": run.finished_at.isoformat() if run.finished_at else None,
    }
