"""``gptfx doctor``: what would make a run fail, and what to do about it."""

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.cli.run import with_file
from gptfx.pipeline.doctor.examine import examine
from gptfx.pipeline.doctor.finding import Finding
from gptfx.pipeline.layout import DEFAULT_ROOT, Layout, data_home
from gptfx.pipeline.lines import line_of_python

if TYPE_CHECKING:
    from gptfx.pipeline.config import Config

MARKS = {
    "ok": typer.style("ok     ", fg="green"),
    "warning": typer.style("warning", fg="yellow"),
    "failure": typer.style("FAILURE", fg="red", bold=True),
}
NAME_WIDTH = 20
INDENT = " " * (9 + NAME_WIDTH + 2) + "-> "
MOST_PACKAGES = 10  # on the screen; --json lists every one


def doctor(
    preset: str = typer.Option("default", help="As for `gptfx run`."),
    settings: list[str] = typer.Option([], "--set", metavar="a.b=value", help="As for run."),
    corpus: list[str] = typer.Option([], help="As for run."),
    tokenizer_file: Path | None = typer.Option(None, help="As for run."),
    root: Path = typer.Option(DEFAULT_ROOT, help="As for run."),
    as_json: bool = typer.Option(False, "--json", help="Prints one JSON object, nothing else."),
    verbose: bool = typer.Option(False, "--verbose", help="Shows tracebacks."),
) -> None:
    """Looks at all that `gptfx run` with the same options needs; changes nothing.

    Exit codes: 0 the run would work; 1 it would fail; 2 bad input.
    """

    raise typer.Exit(
        _report(preset, with_file(settings, tokenizer_file), corpus, root, as_json, verbose)
    )


def doctor_without_typer(words: list[str]) -> int:
    """The same by the standard library, where packages are missing that typer needs."""
    parser = argparse.ArgumentParser(prog="gptfx doctor", allow_abbrev=False)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--set", default=[], action="append", dest="settings")
    parser.add_argument("--corpus", default=[], action="append")
    parser.add_argument("--tokenizer-file", default=None, type=Path)
    parser.add_argument("--root", default=DEFAULT_ROOT, type=Path)
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--verbose", action="store_true")
    options = vars(parser.parse_args(words))
    options["settings"] = with_file(options["settings"], options.pop("tokenizer_file"))
    return _report(**options)


def _report(
    preset: str, settings: list[str], corpus: list[str], root: Path, as_json: bool, verbose: bool
) -> int:
    def configure() -> "Config":
        from gptfx.pipeline.config import load_config

        return load_config(preset, settings, corpus)

    try:
        configure()
    except InputError as error:
        if as_json:
            print(json.dumps({"error": str(error)}))
        raise
    except Exception:  # a package is missing or broken, which the checks will say
        pass
    layout = Layout(root.expanduser().absolute())
    findings = examine(configure, layout, data_home(), verbose)
    return _as_json(list(findings)) if as_json else _show(findings)


def _as_json(findings: list[Finding]) -> int:
    failures = sum(finding.state == "failure" for finding in findings)
    line = line_of_python()
    report = {
        "ok": not failures,
        "line": line.name if line else None,
        "findings": [asdict(finding) for finding in findings],
    }
    print(json.dumps(report))
    return int(failures > 0)


def _show(findings: Iterable[Finding]) -> int:
    """A line each, as they come; a remedy that several in a row share stands below the last."""
    failures = packages = 0
    remedy = None
    for finding in findings:
        if remedy and finding.remedy != remedy:
            typer.echo(f"{INDENT}{remedy}")
        remedy = finding.remedy
        failures += finding.state == "failure"
        packages += finding.name.startswith("package ")
        if packages > MOST_PACKAGES and finding.name.startswith("package "):
            continue
        typer.echo(f"{MARKS[finding.state]}  {finding.name:<{NAME_WIDTH}}  {finding.found}")
    if remedy:
        typer.echo(f"{INDENT}{remedy}")
    if packages > MOST_PACKAGES:
        typer.echo(f"{INDENT}{packages - MOST_PACKAGES} more packages: --json lists them")
    plural = "failure" if failures == 1 else "failures"
    typer.echo(f"A run would fail: {failures} {plural}." if failures else "A run would work.")
    return int(failures > 0)
