"""What every benchmark here shares: peers in an environment of their own, paired runs, rows.

A side of a row is a process that is told over its standard input what to do, a JSON object a line,
and answers with one. The two sides of a row take turns; the medians and their ratio are reported.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "build" / "bench"
ONE_THREAD = {
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True)
class Row:
    """A comparison. `ratio` is ours divided by theirs."""

    name: str
    ours: float
    peer: str
    theirs: float
    unit: str
    better: Literal["higher", "lower"]

    def as_json(self) -> str:
        """One line."""
        return json.dumps({**asdict(self), "ratio": self.ours / self.theirs})

    def as_text(self) -> str:
        """One line for a person."""
        figures = f"{self.ours:>10.4g} {self.theirs:>10.4g} {self.ours / self.theirs:7.2f}"
        return f"{self.name:<44} {figures}  {self.unit} ({self.better} is better), {self.peer}"


@dataclass(frozen=True)
class Plan:
    """What can be measured.

    Attributes:
      name: how the names of its rows begin.
      measure: makes them.
      require: ends the program where something is missing; called before anything is measured.
      only_when_asked: left out unless `--only` is given.
    """

    name: str
    measure: Callable[[str], Row | tuple[Row, ...]]
    require: Callable[[], object] = lambda: None
    only_when_asked: bool = False


class Worker:
    """A side, running; use as a context."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if "--verbose" in sys.argv else subprocess.DEVNULL,
            text=True,
            env={**os.environ, **ONE_THREAD, **(environment or {})},
        )

    def ask(self, **message: Any) -> Any:
        """Sends a message; returns the answer. Raises RuntimeError if the side breaks off."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"a side broke off at {str(message)[:200]}; --verbose shows why")
        return json.loads(answer)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def threads(count: int) -> dict[str, str]:
    """The environment of a side that has so many."""
    names = ("OMP_NUM_THREADS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS")
    return dict.fromkeys(names, str(count))


def serve(answer: Callable[..., Any], cores: int = 1) -> None:
    """The loop of a side: calls `answer` with each message; prints of libraries go to stderr.

    The process is held to so many cores: more threads, of a library that has some all the same,
    then neither run side by side nor pay for waking each other across cores.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), file=reply, flush=True)


def medians(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int
) -> tuple[float, float]:
    """Runs both in turn, after one round that does not count."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    mine, other = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(other)


def host_python() -> str:
    """The `python3` that is there without our environment."""
    ours = str(REPOSITORY / ".venv")
    outside = [path for path in os.environ["PATH"].split(":") if not path.startswith(ours)]
    command = ["python3", "-c", "import sys; print(sys.executable)"]
    environment = {**os.environ, "PATH": ":".join(outside)}
    found = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return found.stdout.strip()


def peer_python(name: str, requirements: list[str], base: str = sys.executable) -> str:
    """A Python with packages of its own; made once, and anew when the requirements change."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    stamp, wanted = folder / "requirements", "\n".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([base, "-m", "venv", "--clear", str(folder)], check=True)
        if requirements:
            say(f"setting up peers: {' '.join(requirements)}")
            install = [str(python), "-m", "pip", "install", "-qq", *requirements]
            subprocess.run(install, check=True)
        stamp.write_text(wanted)
    return str(python)


def peer_packages(name: str, requirements: list[str]) -> str:
    """A folder of packages that a peer needs beside ours, for PYTHONPATH; no dependencies."""
    digest = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:8]
    folder = FOLDER / f"{name}-{digest}"
    if not (folder / "done").exists():
        say(f"setting up peers: {' '.join(requirements)}")
        pip = peer_python("pip", [])
        target = ["--target", str(folder), "--upgrade", "--no-deps"]
        subprocess.run([pip, "-m", "pip", "install", "-qq", *target, *requirements], check=True)
        (folder / "done").touch()
    return str(folder)


def say(text: str) -> None:
    """To a person; standard output is for rows."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def stop(text: str) -> NoReturn:
    """Ends the program because of what was typed."""
    say(text)
    raise SystemExit(2)


def main(
    description: str,
    plans: Callable[[argparse.Namespace], Iterable[Plan]],
    add_options: Callable[[argparse.ArgumentParser], object] = lambda _: None,
) -> None:
    """The command line of a benchmark; `add_options` gives it some of its own."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # remarks of TensorFlow about the host
    warnings.simplefilter("ignore")  # of libraries about each other
    parser = _parser(description)
    add_options(parser)
    options = parser.parse_args()
    found = [plan for plan in plans(options) if plan.name.startswith(options.only)]
    if not found:
        parser.error(f"no row begins with {options.only!r}; --list names them")
    if options.list:
        print(*(plan.name for plan in found), sep="\n")
    else:
        _measure([plan for plan in found if options.only or not plan.only_when_asked], options.json)


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", default="", metavar="ROW", help="rows whose names begin so")
    parser.add_argument("--json", action="store_true", help="a JSON object a row, nothing else")
    parser.add_argument("--list", action="store_true", help="the rows' names")
    parser.add_argument("--verbose", action="store_true", help="what the sides print")
    return parser


def _measure(found: list[Plan], as_json: bool) -> None:
    for plan in found:
        plan.require()
    _warn_if_busy()
    if not as_json:
        print(f"{'row':<44} {'ours':>10} {'theirs':>10} {'ratio':>7}  unit, peer")
    for plan in found:
        made = plan.measure(plan.name)
        for row in made if isinstance(made, tuple) else [made]:
            print(row.as_json() if as_json else row.as_text(), flush=True)


def _warn_if_busy() -> None:
    """Threads that wait for each other are slow where others run between them."""
    running, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if running > 0.5 * cores:
        say(
            f"{running:.1f} processes run on {cores} cores: figures of several threads are doubtful"
        )
