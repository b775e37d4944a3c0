"""Options that several commands take, each said once."""

import typer

PRESET = typer.Option("default", help="A preset's name, or a YAML file.")
SETTINGS = typer.Option(
    [], "--set", metavar="a.b=value", help="Changes one value; may be repeated."
)
VERBOSE = typer.Option(False, "--verbose", help="Shows a traceback on failure.")
