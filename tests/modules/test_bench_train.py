"""The training benchmark's command line; what it measures takes minutes and is not run here."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def bench_train(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs it."""
    command = [sys.executable, str(REPOSITORY / "tests" / "bench" / "train.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_lists_its_rows_without_a_corpus() -> None:
    rows = bench_train("--list", "--corpus", "nowhere.txt").stdout.split()
    assert {
        "speed/small/1-thread",
        "speed/baby/2-threads",
        "memory/gpt2-124M",
        "learn/equal-tokens",
        "ablate/norm=layernorm",
    } <= set(rows)


def test_a_missing_corpus_is_said_in_one_line_before_anything_is_measured() -> None:
    ended = bench_train("--corpus", "nowhere.txt", "--json")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        "bench: tinyshakespeare is not at nowhere.txt: give its file with --corpus PATH"
    ]
