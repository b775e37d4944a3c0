"""Every Beam node on Beam's portable job service, with workers of an external pool: the way that
Flink and Spark are asked in.
"""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytestmark = pytest.mark.slow

JOB_SERVICE = "apache_beam.runners.portability.local_job_service_main"
WORKER_POOL = "apache_beam.runners.worker.worker_pool_main"
# Of a first run: `regression` has nothing to compare with, and asks no worker.
BEAM_NODES = (
    *("ingest", "statistics", "data-gate", "tokenizer", "transform", "evaluator"),
    *("bulk-ingest", "bulk-inferrer", "bulk-scorer"),
)
# The pool starts `python` by its name.
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
PATIENCE = 60  # seconds until a service listens


class Services(NamedTuple):
    """Where they listen, and what they say."""

    jobs: str
    workers: str
    jobs_log: Path
    workers_log: Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"nothing listens at port {port}")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    ports = {JOB_SERVICE: free_port(), WORKER_POOL: free_port()}
    flags = {JOB_SERVICE: "--port", WORKER_POOL: "--service_port"}
    logs = {name: tmp_path / f"{name}.log" for name in ports}
    with ExitStack() as running:
        for name, port in ports.items():
            out = running.enter_context(logs[name].open("w"))
            command = [sys.executable, "-m", name, f"{flags[name]}={port}"]
            process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=tmp_path, env={**os.environ, "PATH": PATH}
            )
            running.callback(process.wait)
            running.callback(process.terminate)
            wait_for(port)
        jobs, workers = (f"localhost:{port}" for port in ports.values())
        yield Services(jobs, workers, *logs.values())


def test_every_beam_node_hands_its_work_to_the_workers_of_the_job_service(
    gptfx: Any, services: Services, tmp_path: Path
) -> None:
    (tmp_path / "horse.txt").write_text("A horse, a horse! My kingdom for a horse!\n" * 90)
    arguments = [
        *("run", "--preset", "smoke", "--root", str(tmp_path / "root"), "--json"),
        *("--set", "trainer.steps=40", "--set", "evaluator.max_bits_per_byte=9"),
        *("--set", "evaluator.min_gain_over_bigram=null", "--set", "infra_validator.enabled=false"),
        *("--set", f"bulk_scorer.corpora=[scene, {tmp_path / 'horse.txt'}]"),
    ]
    elsewhere = {
        "beam.runner": "PortableRunner",
        "beam.options.job_endpoint": services.jobs,
        "beam.options.environment_type": "EXTERNAL",
        "beam.options.environment_config": services.workers,
    }
    told = [word for pair in elsewhere.items() for word in ("--set", "=".join(pair))]
    finished = gptfx(*arguments, *told)
    assert finished.code == 0, finished.err
    started = services.workers_log.read_text().count("Starting worker")
    done = services.jobs_log.read_text().count("with state DONE")
    assert started == done == len(BEAM_NODES)

    scores = finished.json["bulk_scores"]
    assert list(scores) == ["horse", "scene"]
    assert scores["horse"]["bytes"] == 42 * 90
    bits = scores["scene"]["bits_per_byte"]
    # Nine tenths of it were learned from; its last tenth is harder.
    assert 0 < bits < finished.json["sources"]["scene/scene.txt"] + 0.5
    assert re.search(rf"scene\s+{bits:.3f}\s+{scores['scene']['perplexity']:.1f}", finished.err)
    # The same nodes here: the cache knows what they made, wherever they made it.
    refused = gptfx(*arguments, "--set", "evaluator.max_bits_per_byte=0.1")
    assert (refused.code, refused.json["bulk_scores"]) == (3, {})
    assert "No text was scored: the gate refused" in refused.err


def test_a_job_service_that_is_not_there_is_said(gptfx: Any, tmp_path: Path) -> None:
    finished = gptfx(
        *("run", "--preset", "smoke", "--root", str(tmp_path), "--json"),
        *("--set", "beam.runner=FlinkRunner"),
        *("--set", f"beam.options.job_endpoint=localhost:{free_port()}"),
        *("--set", "beam.options.environment_type=LOOPBACK"),
    )
    assert finished.code == 2
    assert "no job service answers" in finished.err.splitlines()[-1]
