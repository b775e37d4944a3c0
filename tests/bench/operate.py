"""How long the commands take that operators type all day, against what they may take.

The peer is the bound that was set. Whole processes, median of nine; `runs-list-1000` is a store
with a thousand runs, told past the import; `-all` lists all of them, as JSON.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import Plan, Row, main

from gptfx.pipeline.config import load_config
from gptfx.pipeline.run_record import RunRecord
from gptfx.pipeline.stores import StoreAddress, connection

COMMAND = Path(sys.executable).parent / "gptfx"
ROUNDS = 9
MEMORY = Path("/dev/shm")  # making a thousand runs is not what is measured
NODES = 14
PAST_THE_IMPORT = (
    "import sys, time\n"
    "import gptfx.pipeline.metadata, gptfx.pipeline.history.run_tables, gptfx.pipeline.cli.main\n"
    "began = time.monotonic()\n"
    "gptfx.pipeline.cli.main.main()\n"
    "print(time.monotonic() - began, file=sys.stderr)\n"
)


def seconds_of(*words: str) -> float:
    """Of a whole process."""
    began = time.monotonic()
    subprocess.run([str(COMMAND), *words], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def seconds_past_the_import(*words: str) -> float:
    """Of a command, without starting Python and importing what it takes."""
    command = [sys.executable, "-c", PAST_THE_IMPORT, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stderr.splitlines()[-1])


def make_store(folder: Path, runs: int) -> str:
    """A root whose store has so many runs that ended, each with its nodes."""
    address = StoreAddress.of_file(folder / "metadata.sqlite")
    config = load_config("default").model_dump(mode="json")
    for _ in range(runs):
        record = RunRecord(address, {"pipeline": "gptfx-default", "preset": "default",
                                     "config": config, "revision": "0" * 40})  # fmt: skip
        record.end(
            "complete",
            blessed=True,
            pushed=False,
            model_dir="/runs/serving/default/1",
            metrics={"bits_per_byte": 1.8},
            refused=[],
            nodes={"executed": 0, "cached": NODES, "failed": 0},
            fingerprint="files:1,sha256:" + "0" * 64,
        )
        _add_nodes(address, record.run_id)
    return str(folder)


def _add_nodes(address: StoreAddress, run_id: str) -> None:
    store = metadata_store.MetadataStore(connection(address, is_written=True))
    kind = store.put_execution_type(mlmd.ExecutionType(name="gptfx.Node"))
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    for _ in range(NODES):
        node = mlmd.Execution(type_id=kind, last_known_state=mlmd.Execution.CACHED)
        store.put_execution(node, [], [run])


def measure(
    name: str, seconds: Callable[..., float], words: tuple[str, ...], bound: float, runs: int = 0
) -> Row:
    """One command, in a root with so many runs."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        where = ("--root", make_store(Path(folder), runs)) if runs else ()
        seconds(*words, *where)
        taken = statistics.median(seconds(*words, *where) for _ in range(ROUNDS))
    return Row(name, taken, "the bound", bound, "s", "lower")


def plans(options: argparse.Namespace) -> Iterable[Plan]:
    """The rows."""
    del options
    listing, everything = ("runs", "list"), ("runs", "list", "--limit", "0", "--json")
    rows = {
        "help": (seconds_of, ("--help",), 0.5),
        "runs-list": (seconds_of, listing, 3.0, 5),
        "runs-list-1000": (seconds_past_the_import, listing, 1.0, 1000),
        "runs-list-1000-all": (seconds_past_the_import, everything, 1.0, 1000),
    }
    for name, how in rows.items():
        yield Plan(name, partial(lambda row, how: measure(row, *how), how=how))


if __name__ == "__main__":
    main(__doc__ or "", plans)
