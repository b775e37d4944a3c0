"""The compiled package, run task by task in an emulation of driver and launcher.

`make test-kubeflow` runs its commands in containers of our image, where containers can run. Without
(in CI, too) they run as subprocesses, with this Python: the weaker form, which makes a link at
/minio, the folder into which the launcher downloads.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gptfx.modules.export.versions import Version, versions

MOUNT = Path("/minio")
SCENE = 'Enter a messenger.\nMESSENGER.\nMy lord, the day is "won".\n' * 40

pytestmark = pytest.mark.skipif(
    not os.environ.get("GPTFX_PODS") and (MOUNT.exists() or not os.access(MOUNT.parent, os.W_OK)),
    reason="/minio cannot be made here",
)


class World(NamedTuple):
    """A package, a backend that runs it, its texts, where it pushes, and its first run."""

    package: Path
    backend: Any
    texts: Path
    serving: Path
    first: dict[str, Any]

    def run(self, **parameters: Any) -> dict[str, Any]:
        return self.backend.run(self.package, corpus_uri=str(self.texts), **parameters)

    @property
    def pushed(self) -> list[Version]:
        return versions(self.serving)


@pytest.fixture(scope="module")
def world(
    gptfx: Callable[..., Any], backend_at: Callable[..., Any], tmp_path_factory: Any
) -> World:
    """The preset smoke with a short training, compiled by the command and run once."""
    folder = tmp_path_factory.mktemp("world")
    texts, volume, package = folder / "texts", folder / "volume", folder / "package.yaml"
    (folder / "backend").mkdir()
    volume.mkdir()
    for name in ("scene", "unicode"):
        assert gptfx("data", "fetch", name, "--to", str(texts)).code == 0
    settings = [
        f"kubeflow.volumes=[{{claim: gptfx, folder: {volume}}}]",
        f"kubeflow.serving_uri={volume}/models",
        f"kubeflow.checkpoints={volume}/checkpoints",
        "evaluator.min_gain_over_bigram=null",  # a short training brings none
        "evaluator.tolerance=9",
    ]
    words = [word for setting in settings for word in ("--set", setting)]
    done = gptfx("kubeflow", "compile", "--preset", "smoke", "--out", str(package), *words)
    assert done.code == 0, done.err
    backend = backend_at(folder / "backend", texts, volume)
    world = World(package, backend, texts, volume / "models", {})
    return world._replace(first=world.run(train_steps=40, max_bits_per_byte=9.0))


def require_done(run: dict[str, Any]) -> None:
    failed = {name: task.said[-3000:] for name, task in run.items() if task.code}
    assert not failed


@pytest.mark.slow
def test_the_whole_pipeline_is_blessed_and_pushed(world: World) -> None:
    require_done(world.first)
    told = {name: task.artifacts for name, task in world.first.items()}
    assert told["evaluator"]["blessing"]["metadata"]["blessed"] == 1
    assert told["infra-validator"]["blessing"]["metadata"]["blessed"] == 1
    assert told["last-blessed"]["model"]["metadata"]["absent"] == 1  # the first run has none
    assert told["pusher"]["pushed_model"]["metadata"]["pushed"] == 1
    (version,) = world.pushed
    assert version.card["trainer"]["steps"] == 40  # which the run was started with
    assert told["model-card"]["card"]["metadata"]["model_blessed"] == 1
    page = (version.folder / "assets.extra" / "README.md").read_text()
    assert "`steps = 40`" in page  # and so the card says
    assert str(world.texts) not in page
    assert "ships with gptfx" in page  # what lies in the volume is what the catalogue knows


@pytest.mark.slow
def test_span_and_fingerprint_of_the_texts_come_back(world: World) -> None:
    metadata = world.first["ingest"].artifacts["examples"]["metadata"]
    assert metadata["input_fingerprint"].startswith("files:2,bytes:74758,sha256:")
    assert metadata["custom:span"] == 0


@pytest.mark.kubeflow
def test_a_run_on_changed_texts_retrains_and_finds_the_first_model_as_its_baseline(
    world: World,
) -> None:
    (world.texts / "scene" / "more.txt").write_text(SCENE)
    run = world.run(train_steps=40, max_bits_per_byte=9.0)
    require_done(run)
    assert not run["trainer"].cached
    assert (
        "absent" not in run["last-blessed"].artifacts["model"]["metadata"]
        or not (run["last-blessed"].artifacts["model"]["metadata"]["absent"])
    )
    first, second = world.pushed
    baseline = run["last-blessed"].artifacts["model"]["metadata"]["pushed_version"]
    assert baseline == str(first.number)
    assert second.model_id != first.model_id


@pytest.mark.kubeflow
def test_an_impossible_bound_pushes_nothing(world: World) -> None:
    before = [version.number for version in world.pushed]
    run = world.run(train_steps=40, max_bits_per_byte=0.5)
    require_done(run)
    assert run["evaluator"].artifacts["blessing"]["metadata"]["blessed"] == 0
    assert run["pusher"].artifacts["pushed_model"]["metadata"]["pushed"] == 0
    assert [version.number for version in world.pushed] == before
    assert run["model-card"].artifacts["card"]["metadata"]["model_blessed"] == 0


@pytest.mark.kubeflow
def test_a_node_that_fails_says_why_and_the_next_is_not_started(world: World) -> None:
    run = world.backend.run(world.package, corpus_uri="/nowhere")
    assert run["ingest"].code == 2
    assert run["ingest"].said.splitlines()[-1].startswith("gptfx: a corpus is not there.")
    assert run["ingest"].status.startswith("gptfx: a corpus is not there.")  # what the page shows
    assert "trainer" not in run
