"""``gptfx data``: which texts there are, and getting them."""

import json
from pathlib import Path

import typer

from gptfx.data.catalogue import CATALOGUE, RegisteredCorpus
from gptfx.data.errors import InputError
from gptfx.pipeline.layout import data_home
from gptfx.pipeline.texts_in_words import statistics_rows

app = typer.Typer(help="The texts to learn from.", no_args_is_help=True, rich_markup_mode=None)
PRESET = typer.Option(None, help="A preset or YAML file whose registered corpora count too.")


@app.command("list")
def list_corpora(preset: str | None = PRESET) -> None:
    """Lists the corpora known by name: what each is, source, sha256, licence."""
    for corpus in CATALOGUE.values():
        _show(corpus.name, {
            "what": corpus.title,
            "source": str(corpus.source),
            "files": f"{len(corpus.files)}, {corpus.bytes:,} bytes",
            "sha256": corpus.sha256,
            "licence": corpus.licence,
        })  # fmt: skip
    for own in _registered(preset).values():
        _show(own.name, {
            "what": own.title or "registered in the configuration",
            "source": own.uri,
            "sha256": own.sha256,
            "licence": own.licence,
        })  # fmt: skip


@app.command("fetch")
def fetch_corpus(
    name: str = typer.Argument(help="A name of the catalogue, or of a registered corpus."),
    archive: Path | None = typer.Option(
        None, "--from", help="The source archive or text, where the source cannot be reached."
    ),
    to: str | None = typer.Option(
        None, help="A folder or URI (gs://, s3://) to stage the texts in, as TO/NAME/FILES."
    ),
    preset: str | None = PRESET,
) -> None:
    """Fetches a corpus, checks it, and prints the folder that holds its files."""
    registered = _registered(preset)
    if name not in CATALOGUE and name not in registered:
        known = ", ".join([*CATALOGUE, *registered])
        raise InputError("no such corpus in the catalogue", name, f"name one of {known}")
    folder = _fetch(name, registered.get(name), archive)
    if to is None:
        typer.echo(folder)
        return
    from gptfx.data.stage import stage

    typer.echo(stage(name, data_home(), to, registered))


@app.command("stats")
def show_statistics(
    name: str = typer.Argument(
        metavar="NAME|PATH", help="As of `gptfx run --corpus`: a name, a path, a pattern, a URI."
    ),
    preset: str | None = PRESET,
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Says what a text holds: bytes, code points, scripts, lines, repetition, compression."""
    from gptfx.data.corpora import resolve
    from gptfx.data.inspection import inspect, require_text
    from gptfx.data.statistics import corpus_statistics

    corpus = resolve(name, data_home(), registered=_registered(preset))
    require_text(inspect(corpus.files), max_invalid_fraction=1.0)
    figures = corpus_statistics(corpus.files)
    if as_json:
        typer.echo(json.dumps(figures.as_json(), ensure_ascii=False))
        return
    for key, value in statistics_rows(figures).items():
        typer.echo(f"{key:<18} {value}")


def _fetch(name: str, own: RegisteredCorpus | None, archive: Path | None) -> str:
    """Where the corpus lies now: a folder, or what a registered corpus names."""
    from gptfx.data import fetch

    if own is None:
        return str(fetch.fetch(name, data_home(), archive=archive))
    if own.is_on_the_web:
        return str(fetch.fetch_corpus(own.on_the_web, data_home(), archive=archive))
    if archive:
        raise InputError("the corpus is not fetched", own.uri, "leave --from out")
    from gptfx.data.corpora import resolve

    return resolve(name, data_home(), registered={name: own}).pattern


def _registered(preset: str | None) -> dict[str, RegisteredCorpus]:
    if preset is None:
        return {}
    from gptfx.pipeline.config import load_config

    return load_config(preset).data.own_corpora


def _show(name: str, rows: dict[str, str]) -> None:
    typer.echo(name)
    for key, value in rows.items():
        typer.echo(f"  {key:<8} {value}")
