"""``gptfx kubeflow compile``: a package, or one line that says what a cluster could not run."""

from pathlib import Path
from typing import Any

import pytest
import yaml


def test_a_package_is_written_and_named(gptfx: Any, tmp_path: Path) -> None:
    out = tmp_path / "new" / "package.yaml"
    done = gptfx("kubeflow", "compile", "--preset", "smoke", "--out", str(out), cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{out}: 15 nodes, image gptfx:latest\n"
    specification, platform = yaml.safe_load_all(out.read_text())
    assert specification["schemaVersion"] == "2.1.0"
    assert "kubernetes" in platform["platforms"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "package.json"], "a package's name ends with .yaml. Received: 'package.json'"),
        (["--out", "file/package.yaml"], "the package cannot be written"),
        (["--set", "tokenizer.file=x"], "tokenizer.file names a file of this machine"),
        (["--set", "kubeflow.gpus=1"], "unknown key kubeflow.gpus"),
    ],
)
def test_what_cannot_be_is_one_line(
    gptfx: Any, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "file").touch()
    done = gptfx("kubeflow", "compile", "--preset", "smoke", *words, cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert not list(tmp_path.glob("*.yaml"))


def test_a_pipeline_is_deployed_run_watched_and_scheduled(
    gptfx: Any, server: Any, tmp_path: Path
) -> None:
    """Through the commands as a person types them; the login is in the environment alone."""
    environment = {"KF_PIPELINES_ENDPOINT": server.address, "GPTFX_KUBEFLOW_TOKEN": "the-token"}

    def ask(*words: str) -> Any:
        return gptfx("kubeflow", *words, cwd=tmp_path, **environment)

    preset = ("--preset", "smoke")
    deployed = ask("deploy", *preset, "--json")
    assert deployed.code == 0, deployed.err
    assert deployed.json["is_new"]
    run = ask("run", *preset, "--param", "train_steps=4", "--watch")
    assert run.code == 0, run.err
    assert "  trainer          succeeded\n" in run.out
    assert run.out.endswith(" succeeded\n")
    assert len(server.state.versions) == 2  # the pipeline's own, and what was deployed
    server.state.fails = True
    failed = ask("run", *preset, "--watch")
    assert failed.code == 1
    assert "  trainer          failed  gptfx: there are too few GPUs\n" in failed.out
    (newest, first) = ask("runs", *preset, "--json").json
    assert (newest["state"], first["state"]) == ("FAILED", "SUCCEEDED")
    said = [ask("schedule", "create", "nightly", *preset, "--every", "6h").out for _ in range(2)]
    assert said == ["nightly: created\n", "nightly: unchanged\n"]
    assert ask("schedule", "pause", "nightly", *preset).out == "nightly: paused\n"
    (listed,) = ask("schedule", "list", *preset, "--json").json
    assert listed == {"name": "nightly", "when": "every 6h", "status": "DISABLED"}
    started = ask("schedule", "trigger", "nightly", *preset)
    assert started.out.startswith("nightly: started run-")
    log = (tmp_path / "runs" / "logs" / "kubeflow.log").read_text()
    assert "the-token" not in log


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        (["deploy"], {}, "no API server is named"),
        (["runs"], {"GPTFX_KUBEFLOW_TOKEN": "wrong"}, "the API server does not know this login"),
        (["run", "--param", "steps=4"], {}, "no parameter of this pipeline. Received: 'steps=4'"),
        (["run", "--param", "seed=x"], {}, "seed cannot have this value. Received: 'x'"),
        (["run", "--param", "train_steps=-3"], {}, "trainer.steps has an impossible value"),
        (["run", "--param", "serving_uri=/else"], {}, "serving_uri /else lies on none of the"),
        (["run", "--param", "corpus_uri="], {}, "kubeflow.corpus_uri has an impossible value"),
        (
            ["runs"],
            {"KF_PIPELINES_ENDPOINT": "localhost:8888"},
            "no address of an API server. Received: 'localhost:8888'",
        ),
        (
            ["runs"],
            {"KF_PIPELINES_ENDPOINT": "http://user:hush@localhost:8888"},
            "kubeflow.host holds a login. Received: '(not shown)'",
        ),
        (["runs"], {"GPTFX_KUBEFLOW_TOKEN": "a\nb"}, "the token holds what no token does"),
        (["runs", "--set", "kubeflow.ca_file=/no"], {}, "kubeflow.ca_file is not there"),
        (["schedule", "create", "a"], {}, "a schedule needs --cron or --every"),
        (
            ["runs"],
            {"GPTFX_KUBEFLOW_TOKEN": "a", "GPTFX_KUBEFLOW_COOKIES": "b"},
            "there are several logins. Received: 'GPTFX_KUBEFLOW_TOKEN, GPTFX_KUBEFLOW_COOKIES'",
        ),
    ],
)
def test_what_a_server_could_not_do_is_one_line(
    gptfx: Any,
    server: Any,
    tmp_path: Path,
    words: list[str],
    environment: dict[str, str],
    message: str,
) -> None:
    if words != ["deploy"]:
        environment = {"KF_PIPELINES_ENDPOINT": server.address, **environment}
        if "GPTFX_KUBEFLOW_TOKEN" not in environment:
            environment["GPTFX_KUBEFLOW_TOKEN"] = "the-token"
    done = gptfx("kubeflow", *words, "--preset", "smoke", cwd=tmp_path, **environment)
    assert done.code == 2
    assert message in done.err
    assert "hush" not in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""
