"""``gptfx kubeflow``: the same pipeline on Kubeflow Pipelines."""

from pathlib import Path

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.layout import DEFAULT_ROOT, Layout

app = typer.Typer(
    help="The same pipeline on Kubeflow Pipelines.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _group() -> None:
    """Keeps `compile` a command of its own while it is the only one."""


@app.command("compile")
def compile_pipeline(
    preset: str = typer.Option("default", help="A preset's name, or a YAML file."),
    settings: list[str] = typer.Option(
        [], "--set", metavar="a.b=value", help="Changes one value; may be repeated."
    ),
    corpus: list[str] = typer.Option(
        [], help="A name, a path or a pattern, below kubeflow.corpus_uri; or a gs:// or s3:// URI."
    ),
    out: Path | None = typer.Option(None, help="The file to write; gptfx-PRESET.yaml, if none."),
    verbose: bool = typer.Option(False, "--verbose", help="Shows a traceback on failure."),
) -> None:
    """Writes the package that Kubeflow Pipelines takes, or says what it would refuse."""
    from gptfx.pipeline.config import load_config
    from gptfx.pipeline.quiet import quiet

    del verbose  # main() looks for it
    config = load_config(preset, settings, corpus)
    target = out or Path(f"gptfx-{config.preset}.yaml")
    if target.suffix != ".yaml":
        raise InputError("a package's name ends with .yaml", str(target), "name another --out")
    with quiet(Layout(DEFAULT_ROOT.absolute()).logs / "kubeflow.log") as (screen, _):
        from gptfx.pipeline.cluster import compile_package

        package = compile_package(config)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            package.write(target)
        except OSError as error:
            problem = f"the package cannot be written: {error.strerror}"
            raise InputError(problem, str(target), "name another --out") from None
        tasks = len(package.specification["root"]["dag"]["tasks"])
        print(f"{target}: {tasks} nodes, image {config.kubeflow.image}", file=screen)
