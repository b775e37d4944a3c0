"""Every check, in order. One that breaks off is a finding too, not the end of the report."""

import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gptfx.data.errors import InputError
from gptfx.modules import limits
from gptfx.pipeline import lines
from gptfx.pipeline.doctor import host, leftovers, libraries, root, store
from gptfx.pipeline.doctor.finding import Finding, failure, ok, refusal
from gptfx.pipeline.layout import Layout

if TYPE_CHECKING:
    from gptfx.pipeline.config import Config

Configure = Callable[[], "Config"]
Check = Callable[[], Iterable[Finding]]


def examine(
    configure: Configure, layout: Layout, home: Path, verbose: bool = False
) -> Iterator[Finding]:
    """What a run with this configuration and root would meet.

    Args:
      configure: makes the configuration; a function, since its packages may be missing.
      layout: the root.
      home: where fetched texts are kept.
      verbose: prints the traceback of a check that breaks off.
    """
    yield from _guarded("host", _host, verbose)
    probe = libraries.start_probe()  # after the memory was measured, and beside all the rest
    try:
        for name, check in _checks(configure, layout, home, probe):
            yield from _guarded(name, check, verbose)
    finally:
        probe.kill()


def _host() -> Iterator[Finding]:
    yield from host.examine_line(sys.version_info[:2], lines.glibc_version())
    yield host.examine_cores()
    yield host.examine_memory(*limits.memory())


def _checks(
    configure: Configure, layout: Layout, home: Path, probe: subprocess.Popen
) -> Iterator[tuple[str, Check]]:
    """What is slow comes last."""
    yield "packages", _packages
    yield "root", lambda: root.examine_root(layout)
    yield "store", lambda: store.examine_store(configure().metadata.address(layout), layout)
    yield "leftovers", lambda: [leftovers.examine_leftovers(layout, home)]
    yield "tokenizer", lambda: _tokenizer(configure)
    yield "data", lambda: _texts(configure, home)
    yield "start", lambda: _start(configure)
    yield (
        "libraries",
        lambda: libraries.examine_libraries(probe, wanted_gpus=_wanted_gpus(configure)),
    )


def _wanted_gpus(configure: Configure) -> int:
    """How many GPUs the training asks for; none where the configuration is refused elsewhere."""
    try:
        trainer = configure().trainer
    except (InputError, ImportError):
        return 0
    return trainer.gpus or (1 if trainer.device == "gpu" else 0)


def _packages() -> list[Finding]:
    from gptfx.pipeline.doctor.packages import examine_packages

    line = lines.line_of_python()
    return examine_packages(line) if line else []


def _tokenizer(configure: Configure) -> Iterator[Finding]:
    from gptfx.pipeline.doctor.tokenizer import examine_tokenizer

    yield examine_tokenizer(configure().tokenizer)


def _texts(configure: Configure, home: Path) -> Iterator[Finding]:
    from gptfx.pipeline.doctor.texts import examine_texts

    config = configure()
    yield from examine_texts(config.data, home)
    if others := config.texts_to_score:
        yield from examine_texts(others, home)


def _start(configure: Configure) -> Iterator[Finding]:
    """The weights that the training starts from, where it does."""
    from gptfx.modules.training.origin import content_digest

    if folder := configure().trainer.init_from:
        yield ok("start", f"{folder}: weights with the hash {content_digest(Path(folder))}")


def _guarded(name: str, check: Check, verbose: bool) -> Iterator[Finding]:
    try:
        yield from check()
    except InputError as error:
        yield refusal(name, error)
    except Exception as error:
        if verbose:
            traceback.print_exc()
        what = f"this check broke off: {type(error).__name__}: {error}"
        hint = "; --verbose shows where" if not isinstance(error, ImportError) else ""
        yield failure(name, what, f"{host.MAKE_AGAIN}{hint}")
