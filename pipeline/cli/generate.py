"""``gptfx generate``: text from the latest pushed model, or from another."""

import random
from pathlib import Path

import typer

from gptfx.data.errors import InputError
from gptfx.modules.export.versions import Version, versions
from gptfx.pipeline.layout import DEFAULT_ROOT, Layout


def generate(
    prompt: str = typer.Argument(help="What the text starts with."),
    max_new_tokens: int = typer.Option(160, min=1, max=100_000, help="How many tokens to make."),
    temperature: float = typer.Option(0.8, min=0.0, help="0 always takes the likeliest token."),
    top_k: int = typer.Option(50, min=0, help="Draw from so many likeliest tokens; 0: all."),
    top_p: float = typer.Option(0.95, help="Draw from the likeliest tokens up to this share."),
    seed: int | None = typer.Option(None, min=0, help="Fixes the draws; random if not given."),
    root: Path = typer.Option(DEFAULT_ROOT, help="The root that `gptfx run` was given."),
    model: Path | None = typer.Option(
        None, help="A pushed model, or one of `gptfx train`; else the last push."
    ),
    verbose: bool = typer.Option(False, "--verbose", help="Shows a traceback on failure."),
) -> None:
    """Continues PROMPT with the model that was pushed last, whatever its preset; or --model."""
    del verbose  # main() looks for it
    if not 0.0 < top_p <= 1.0:
        raise InputError("--top-p is a share", top_p, "give more than 0 and at most 1")
    layout = Layout(root.expanduser().absolute())
    folder = model or latest(layout).folder
    from gptfx.pipeline.quiet import quiet

    with quiet(layout.logs / "generate.log") as (out, _):
        from gptfx.modules.generation.speak import Request, load, speak

        seed = random.randrange(2**31) if seed is None else seed
        request = Request(max_new_tokens, temperature, top_k, top_p, seed)
        print(prompt + speak(load(folder), prompt, request), file=out, flush=True)


def latest(layout: Layout) -> Version:
    """The version that was pushed last, of all presets."""
    folders = layout.all_serving.glob("*") if layout.all_serving.is_dir() else ()
    found = [version for folder in folders for version in versions(folder)]
    if not found:
        remedy = "run `gptfx run` first, or name the --root it was given"
        raise InputError("no model has been pushed yet", str(layout.root), remedy)
    return max(found, key=lambda version: version.number)
