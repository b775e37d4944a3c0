"""``gptfx run``: the pipeline, on this machine."""

import json
import os
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.cli.options import PRESET, SETTINGS, VERBOSE
from gptfx.pipeline.layout import DEFAULT_ROOT, Layout, data_home

if TYPE_CHECKING:
    from gptfx.pipeline.config import Config
    from gptfx.pipeline.console import RunView
    from gptfx.pipeline.result import Result

NOT_BLESSED = 3
SAMPLE_PROMPT = "KING"
STOPPED = (
    "Stopped; the same command goes on with the nodes that had finished, and with a training from"
    " its last checkpoint."
)


def run(
    preset: str = PRESET,
    settings: list[str] = SETTINGS,
    corpus: list[str] = typer.Option(
        [],
        help="A name of the catalogue, a file or folder, a pattern with spans (PATH/{SPAN}), or a"
        " gs:// or s3:// URI; may be repeated.",
    ),
    tokenizer_file: Path | None = typer.Option(
        None, help="A rank file, tokenizer.json or vocab.bpe: short for --set tokenizer.file=FILE."
    ),
    root: Path = typer.Option(DEFAULT_ROOT, help="Where artifacts, metadata and models go."),
    force_bless: str | None = typer.Option(
        None, help="Why the model is pushed also if it is refused; noted with your name."
    ),
    no_cache: bool = typer.Option(False, "--no-cache", help="Runs every node."),
    as_json: bool = typer.Option(
        False, "--json", help="The last line of standard output is one JSON object."
    ),
    verbose: bool = VERBOSE,
) -> None:
    """Text in; a gated and pushed GPT out, and a sample of its text on the screen.

    Exit codes: 0 pushed, or nothing changed since the last push; 1 failure; 2 bad input; 3 ran, but
    the gates did not bless the model, or it was withdrawn; 130, 143 stopped by Ctrl-C, SIGTERM.
    """
    from gptfx.modules.tokenizers.configured import require_ready
    from gptfx.pipeline.beam import require_known, require_reachable
    from gptfx.pipeline.config import load_config
    from gptfx.pipeline.corpora import resolve_all
    from gptfx.pipeline.lock import locked
    from gptfx.pipeline.serving.choosing import require_reason
    from gptfx.pipeline.stores import remember, require_writable

    del verbose  # main() looks for it
    with ExitStack() as held:
        try:
            config = load_config(preset, with_file(settings, tokenizer_file), corpus)
            if force_bless is not None:
                force_bless = require_reason(force_bless, "--force-bless")
            require_alone()
            require_reachable(config.beam)
            if config.beam.options:
                require_known(config.beam)
            require_ready(config.tokenizer)
            notes: list[str] = []
            corpora = resolve_all(config.data, data_home(), notes)
            others = config.texts_to_score
            to_score = resolve_all(others, data_home(), notes) if others else []
            layout = Layout(usable(root, "--root"))
            held.enter_context(locked(layout))
            require_writable(address := config.metadata.address(layout))
            if address.path != layout.metadata:
                remember(layout.root, address)
        except InputError as error:
            if as_json:
                print(json.dumps({"error": str(error)}))
            raise
        for line in notes:
            print(f"gptfx: {line}", file=sys.stderr)
        code = _run(config, corpora, to_score, layout, not no_cache, as_json, force_bless)
    raise typer.Exit(code)


def require_alone() -> None:
    """Raises InputError where TF_CONFIG tells of other workers."""
    from gptfx.modules.training.cluster import VARIABLE, workers

    if (count := workers()) > 1:
        remedy = f"unset {VARIABLE}, or let gptfx train share the work"
        raise InputError("gptfx run is one process", f"{VARIABLE}: {count} workers", remedy)


def with_file(settings: list[str], tokenizer_file: Path | None) -> list[str]:
    """The settings with one more for --tokenizer-file."""
    if tokenizer_file is None:
        return settings
    return [*settings, f"tokenizer.file={json.dumps(str(tokenizer_file.absolute()))}"]


def usable(folder: Path, option: str) -> Path:
    """The folder that an option names, as an absolute path; it can be made and written."""
    folder, remedy = folder.expanduser().absolute(), f"name another {option}"
    if folder.exists() and not folder.is_dir():
        raise InputError("this is a file, not a folder", str(folder), remedy)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"the folder cannot be made: {error.strerror}"
        raise InputError(problem, str(folder), remedy) from None
    if not os.access(folder, os.W_OK):
        raise InputError("the folder is not writable", str(folder), remedy)
    return folder


def near(path: Path) -> Path:
    """A path as a reader would write it: from the working folder where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _run(
    config: "Config",
    corpora: list,
    to_score: list,
    layout: Layout,
    use_cache: bool,
    as_json: bool,
    force_bless: str | None = None,
) -> int:
    from gptfx.modules.training.interruption import ended_by_sigterm
    from gptfx.pipeline.quiet import quiet

    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    log = layout.logs / f"{config.preset}-{now}-{os.getpid()}.log"
    with quiet(log) as (out, err), ended_by_sigterm():
        screen = err if as_json else out
        print(f"gptfx: preset {config.preset}, log in {near(log)}", file=screen, flush=True)
        print("  loading TensorFlow and TFX ...", file=screen, flush=True)
        from gptfx.modules.training.devices import prepare
        from gptfx.pipeline.console import RunView
        from gptfx.pipeline.runner import NodeFailedError, run_pipeline

        view = RunView(screen)
        try:
            prepare(config.trainer)
            result = run_pipeline(
                config, corpora, layout, use_cache, view, log, to_score, force_bless
            )
        except InputError as error:
            if as_json:
                print(json.dumps({"error": str(error)}), file=out, flush=True)
            raise
        except NodeFailedError as error:
            view.finish("[red]failed[/]")
            if as_json:
                print(json.dumps(_failure(error)), file=out, flush=True)
            if isinstance(error.cause, InputError):
                raise error.cause from None
            raise RuntimeError(f"{error}; the log is {near(log)}") from error
        except (KeyboardInterrupt, SystemExit):
            view.finish("[red]stopped[/]")
            view.say(STOPPED)
            raise
        _show(view, result)
        if as_json:
            print(json.dumps(result.as_json()), file=out, flush=True)
    sys.stdout.flush()
    return 0 if result.is_accepted else NOT_BLESSED


def _failure(error: Any) -> dict[str, Any]:
    from gptfx.pipeline.result import node_as_json

    return {
        "run_id": error.run_id,
        "nodes": [node_as_json(node) for node in error.nodes],
        "blessed": False,
        "pushed": False,
        "forced": None,
        "model_dir": None,
        "model_card": None,
        "changed": [],
        "metrics": {},
        "bulk_scores": None,
        "infra_validation": None,
        "refused": [],
        "error": str(error),
    }


def _show(view: "RunView", result: "Result") -> None:
    from gptfx.components.model_card.pages import PAGE
    from gptfx.pipeline.console import count_cached, show_result

    show_result(view.console, result)
    cached, nodes = count_cached(result.nodes)
    if result.forced:
        view.say(f"\nRefused, and pushed by force ({result.forced}):")
        for reason in result.refused:
            view.say(f"  {reason}")
        view.say(f"Pushed: {near(Path(result.model_dir))}")
    elif result.pushed:
        view.say(f"\nPushed: {near(Path(result.model_dir))}")
    elif not result.refused:
        view.say(
            f"\nNothing changed since the last push ({cached} of {nodes} nodes from the cache); "
            f"no new version. The model is {near(Path(result.model_dir))}"
        )
    else:
        view.say("\nNot pushed:")
        for reason in result.refused:
            view.say(f"  {reason}")
    view.say(f"Its card: {near(Path(result.model_card) / PAGE)}")
    if result.model_dir:
        from gptfx.modules.generation.speak import answer, load

        (said,) = answer(load(Path(result.model_dir)), [SAMPLE_PROMPT])
        view.say(f"\nA sample, from the prompt {SAMPLE_PROMPT!r}:\n\n{SAMPLE_PROMPT}{said.text}")
