"""Nothing is lost: a killed training goes on and ends with the same weights, to the bit."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.training.checkpoints import Checkpoints, State
from gptfx.modules.training.curves import Point

WORKER = Path(__file__).with_name("training_worker.py")
CONFIG = {"checkpoint_every": 10, "ema": 0.9, "steps": 60}
MODEL = {"dropout": 0.2}  # so that a random state is to be kept, too


def task(out: Path, **entries: object) -> list[str]:
    """The command of a training whose results go to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    content = {"config": CONFIG, "model": MODEL, "out": str(out), **entries}
    return [sys.executable, str(WORKER), json.dumps(content)]


def run(out: Path, **entries: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(task(out, **entries), capture_output=True, text=True, timeout=300)


def results(out: Path) -> tuple[list[np.ndarray], list[float]]:
    """Weights and losses."""
    with np.load(out / "weights.npz") as weights:
        return [weights[name] for name in weights], json.loads((out / "losses.json").read_text())


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[np.ndarray], list[float]]:
    out = tmp_path_factory.mktemp("uninterrupted")
    done = run(out)
    assert done.returncode == 0, done.stderr
    return results(out)


def assert_same(ours: tuple[Any, Any], theirs: tuple[Any, Any]) -> None:
    assert ours[1] == theirs[1]
    for mine, yours in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_array_equal(mine, yours)


def test_a_killed_training_goes_on_and_ends_with_the_same_weights_to_the_bit(
    tmp_path: Path, uninterrupted: tuple[list[np.ndarray], list[float]]
) -> None:
    checkpoints = str(tmp_path / "checkpoints")
    killed = run(tmp_path / "out", checkpoints=checkpoints, kill_at=35)
    assert killed.returncode == -9
    assert not (tmp_path / "out" / "weights.npz").exists()
    done = run(tmp_path / "out", checkpoints=checkpoints)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "35"  # the first five steps after the checkpoint at 30
    assert_same(results(tmp_path / "out"), uninterrupted)


@pytest.mark.parametrize(("signal", "code"), [("SIGINT", -2), ("SIGTERM", 143)])
def test_a_training_that_was_asked_to_stop_writes_a_checkpoint_first(
    tmp_path: Path, uninterrupted: tuple[list[np.ndarray], list[float]], signal: str, code: int
) -> None:
    checkpoints = str(tmp_path / "checkpoints")
    asked = run(tmp_path / "out", checkpoints=checkpoints, kill_at=35, signal=signal)
    assert asked.returncode == code
    assert asked.stdout.split()[-1] == "35"
    done = run(tmp_path / "out", checkpoints=checkpoints)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "40"
    assert_same(results(tmp_path / "out"), uninterrupted)


@pytest.mark.slow
def test_a_training_killed_again_and_again_at_any_moment_ends_with_the_same_weights(
    tmp_path: Path, uninterrupted: tuple[list[np.ndarray], list[float]]
) -> None:
    """Checkpoints at every point, so that many kills fall into the writing of one."""
    often = {**CONFIG, "checkpoint_every": 1, "log_every": 15}
    command = task(tmp_path / "out", checkpoints=str(tmp_path / "checkpoints"), config=often)
    generator, kills = np.random.default_rng(0), 0
    for _ in range(12):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout
        process.stdout.readline()  # it has begun
        time.sleep(generator.uniform(0.0, 0.1))
        ended = process.poll() is not None
        process.kill()
        process.communicate()
        if ended or (tmp_path / "out" / "losses.json").exists():
            break
        kills += 1
    assert kills >= 2
    if not (tmp_path / "out" / "losses.json").exists():
        assert subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0
    for mine, yours in zip(results(tmp_path / "out")[0], uninterrupted[0], strict=True):
        np.testing.assert_array_equal(mine, yours)


def checkpoints_of(folder: Path) -> tuple[Checkpoints, tf.Variable, State]:
    state, variable = State(), tf.Variable(0.0)
    return Checkpoints(folder, state, {"weights": [variable]}), variable, state


def save_at(folder: Path, *steps: int) -> None:
    made, variable, state = checkpoints_of(folder)
    for step in steps:
        variable.assign(float(step))
        state.step = step
        state.points.append(Point(step, 1.0, 1.0, 1.0, 1.0))
        made.save()


def test_the_last_two_are_kept_and_the_last_is_taken_up(tmp_path: Path) -> None:
    save_at(tmp_path, 1, 2, 3)
    assert {path.stem for path in tmp_path.glob("*.index")} == {"step-2", "step-3"}
    again, variable, state = checkpoints_of(tmp_path)
    again.restore()
    assert (float(variable), state.step, len(state.points)) == (3.0, 3, 3)
    assert state.points[0] == Point(1, 1.0, 1.0, 1.0, 1.0)
    assert again.last_good == str(tmp_path / "step-3")


def test_a_damaged_checkpoint_is_said_and_the_one_before_is_taken_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_at(tmp_path, 1, 2)
    (tmp_path / "step-2.index").write_bytes(b"damaged")
    again, variable, state = checkpoints_of(tmp_path)
    again.restore()
    assert (float(variable), state.step) == (1.0, 1)
    assert f"{tmp_path}/step-2 cannot be read" in caplog.text


def test_the_best_look_has_a_place_of_its_own_and_leaves_the_state_alone(tmp_path: Path) -> None:
    made, variable, state = checkpoints_of(tmp_path)
    for step in (1, 2, 3):
        variable.assign(float(step))
        state.step = step
        made.save()
        if step == 1:
            made.save_best()
    made.restore_best()
    assert (float(variable), state.step) == (1.0, 3)


def test_without_checkpoints_a_run_begins_at_the_beginning(tmp_path: Path) -> None:
    made, variable, state = checkpoints_of(tmp_path / "none")
    made.restore()
    assert (float(variable), state.step, made.last_good) == (0.0, 0, None)
