"""The entry point: puts the commands together and turns errors into one line and an exit code."""

import errno
import os
import shlex
import sys
import traceback
import warnings
from typing import Any

import typer

from gptfx import __version__
from gptfx.data.errors import InputError
from gptfx.pipeline.cli import (
    artifacts,
    data,
    doctor,
    gc,
    generate,
    kubeflow,
    lineage,
    models,
    run,
    runs,
    schedule,
    score,
    tokenizer,
    train,
)
from gptfx.pipeline.cli.reader import Reader, run_for

BAD_INPUT, FAILURE = 2, 1
UsageError: Any = typer.BadParameter.__base__  # of the click that typer brings

app = typer.Typer(
    name="gptfx",
    help="GPT from scratch, as a production ML pipeline.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("train")(train.train)
app.command("doctor")(doctor.doctor)
app.command("gc")(gc.gc)
app.command("generate")(generate.generate)
app.command("score")(score.score)
app.command("lineage")(lineage.show_lineage)
app.add_typer(runs.app, name="runs")
app.add_typer(artifacts.app, name="artifacts")
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")
app.add_typer(tokenizer.app, name="tokenizer")
app.add_typer(kubeflow.app, name="kubeflow")
app.add_typer(schedule.app, name="schedule")


def _version(value: bool) -> None:
    if value:
        print(f"gptfx {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, help="The version."),
) -> None:
    pass


def _is_full_disk(error: BaseException | None) -> bool:
    """Whether a full disk is behind an error; sqlite and TensorFlow only say so in words."""
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC:
            return True
        if any(words in str(error) for words in ("disk is full", "No space left")):
            return True
        error = error.__cause__ or error.__context__
    return False


def _run() -> int:
    """Runs the command; the exit code."""
    try:
        return app(standalone_mode=False) or 0
    except UsageError as error:
        message = error.format_message()
        if "\n" in message:  # the help of a group of commands, of which none was named
            print(message, file=sys.stderr)
            return BAD_INPUT
        command = error.ctx.command_path if error.ctx else app.info.name
        received = shlex.join(sys.argv[1:])[:200]
        raise InputError(message.rstrip(".?"), received, f"see `{command} --help`") from None
    except SystemExit as error:  # typer's and rich's answer to a pipe that broke, whichever it was
        if isinstance(error.__context__, BrokenPipeError):
            raise error.__context__ from None
        raise
    except ImportError:
        if sys.argv[1:2] != ["doctor"]:
            raise
        return doctor.doctor_without_typer(sys.argv[2:])


def main() -> int:
    """Runs the command line. Exit codes: 0 as asked, 1 a failure, 2 bad input, 3 not blessed.

    Ctrl-C ends with 130, which is typer's doing; output that is cut off, as by `| head`, with 141.
    """
    reader = Reader()
    return run_for(reader, lambda: _main(reader))


def _main(reader: Reader) -> int:
    # ML Metadata's C++ code tells of each connection to a database; its errors stay.
    os.environ.setdefault("GLOG_minloglevel", "2")
    if not sys.warnoptions:  # the libraries' warnings are for us: `quiet` sends them to the log
        warnings.simplefilter("ignore")
    try:
        return _run()
    except InputError as error:
        print(f"gptfx: {error}", file=sys.stderr)
        return BAD_INPUT
    except Exception as error:
        if isinstance(error, BrokenPipeError) and reader.has_gone():
            raise
        if _is_full_disk(error):
            remedy = "free space, or name another --root; what was finished is kept"
            print(
                f"gptfx: {InputError('the disk is full', str(error)[:200], remedy)}",
                file=sys.stderr,
            )
            return BAD_INPUT
        if "--verbose" in sys.argv:
            traceback.print_exc()
        text = " ".join(str(error).split()) or type(error).__name__
        is_import = isinstance(error, ImportError)
        hint = "gptfx doctor says what is missing" if is_import else "--verbose shows where"
        print(f"gptfx: {text} ({hint})", file=sys.stderr)
        return FAILURE
