"""After three runs, pushed, cached and refused, and one that failed: what an operator asks."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

COMMAND = Path(sys.executable).parent / "gptfx"
GUIDE = Path(__file__).parents[3] / "docs" / "operating.md"
QUICK = (
    "trainer.steps=20", "trainer.batch_size=4", "model.n_layer=1", "model.n_embd=32",
    "infra_validator.enabled=false", "evaluator.min_gain_over_bigram=null",
    "evaluator.max_bits_per_byte=20", "evaluator.tolerance=20", "generation.max_new_tokens=8",
)  # fmt: skip
pytestmark = pytest.mark.slow


class Root(NamedTuple):
    """A root, and what its runs printed as JSON: pushed, cached, refused, failed."""

    folder: Path
    runs: list[dict[str, Any]]
    ask: Any


@pytest.fixture(scope="module")
def root(gptfx: Any, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Four runs over texts of which one changes."""
    home = tmp_path_factory.mktemp("runs")
    texts = home / "texts"
    texts.mkdir()
    (texts / "fox.txt").write_text("The quick brown fox jumps over the lazy dog.\n" * 400)
    (texts / "sea.txt").write_text("She sells sea shells on the sea shore.\n" * 300)
    words = ["run", "--preset", "smoke", "--corpus", str(texts), "--json"]
    for setting in QUICK:
        words += ["--set", setting]

    def run(*more: str) -> Any:
        return gptfx(*words, *more, cwd=home)

    def ask(*asked: str, code: int = 0) -> Any:
        said = gptfx(*asked, cwd=home)
        assert said.code == code, said.err
        return said

    found = [run(), run(), run("--set", "evaluator.max_bits_per_byte=0.001")]
    (texts / "fox.txt").write_text("x")  # too little for an eval split, which a node refuses
    (texts / "sea.txt").unlink()
    found.append(run())
    assert [said.code for said in found] == [0, 0, 3, 2], [said.err for said in found]
    return Root(home / "runs", [said.json for said in found[:3]], ask)


def test_each_run_is_listed_with_its_outcome(root: Root) -> None:
    failed, refused, cached, pushed = root.ask("runs", "list", "--json").json
    assert [run["outcome"] for run in (pushed, cached, refused, failed)] == [
        "pushed", "unchanged", "refused", "failed",
    ]  # fmt: skip
    for listed, printed in zip((pushed, cached, refused), root.runs, strict=True):
        assert listed["run_id"] == printed["run_id"]
        assert listed["metrics"] == printed["metrics"]
        assert listed["refused"] == printed["refused"]
        assert listed["preset"] == "smoke"
        assert listed["corpora"] == [str(root.folder.parent / "texts")]
        assert listed["seconds"] > 0
    assert cached["nodes"]["executed"] == 0
    assert pushed["nodes"]["cached"] == 0
    assert cached["fingerprint"] == pushed["fingerprint"]
    assert pushed["fingerprint"].startswith("files:2,")
    assert len(pushed["revision"].rstrip("+")) == 40  # of the checkout that is tested
    (why,) = refused["refused"]
    assert why.endswith("is above the bound 0.0010")
    assert "data-gate" in failed["error"]
    assert failed["fingerprint"].startswith("files:1,")


def test_why_a_model_was_not_pushed_is_one_command(root: Root) -> None:
    printed = root.ask("runs", "show", root.runs[2]["run_id"]).out
    assert "refused" in printed
    assert "absolute bound: bits_per_byte" in printed
    why = {node["id"]: node["why"] for node in root.ask(
        "runs", "show", root.runs[2]["run_id"], "--json").json["node_runs"]}  # fmt: skip
    assert why["trainer"] == [
        f"inputs, parameters and code are those of run {root.runs[0]['run_id']}"
    ]
    assert len(why["evaluator"]) == 1
    assert why["evaluator"][0].startswith("parameter eval_config.")


def test_a_run_that_failed_says_where_and_shows_its_log(root: Root) -> None:
    shown = root.ask("runs", "show", "--json").json
    assert shown["state"] == "failed"
    assert shown["node_runs"][-1]["id"] == "data-gate"
    assert shown["node_runs"][-1]["state"] == "failed"
    changes = shown["node_runs"][0]["why"]
    assert changes[0].startswith("removed texts/sea.txt (since run ")
    assert changes[1] == "changed texts/fox.txt (18,000 bytes, now 1)"
    assert any("eval split" in line for line in shown["log_tail"])


def test_what_changed_between_two_runs_is_one_command(root: Root) -> None:
    first, _, refused = (run["run_id"] for run in root.runs)
    found = root.ask("runs", "compare", first, refused, "--json").json
    assert found["config"] == [
        {"what": "evaluator.max_bits_per_byte", "first": 20.0, "second": 0.001}
    ]
    assert found["texts"] == []
    assert {row["what"] for row in found["metrics"]} >= {"bits_per_byte", "perplexity"}
    assert root.ask("runs", "compare", first, "latest", "--json").json["texts"] == [
        "removed texts/sea.txt",
        "changed texts/fox.txt (18,000 bytes, now 1)",
    ]


def test_which_data_made_a_model_is_one_command(root: Root) -> None:
    version = Path(root.runs[0]["model_dir"])
    card = json.loads((version / "assets.extra" / "gptfx.json").read_text())
    by_version = root.ask("lineage", version.name, "--json").json
    by_model = root.ask("lineage", card["model_id"], "--json").json
    for found in (by_version, by_model):
        (files,) = found["texts"].values()
        assert [file["source"] for file in files] == ["texts/fox.txt", "texts/sea.txt"]
        assert all(file["identity"].startswith("sha256:") for file in files)
    assert {made["node"] for made in by_version["up"]} >= {
        "pusher", "evaluator", "trainer", "transform", "tokenizer", "ingest",
    }  # fmt: skip
    assert {made["run_id"] for made in by_version["up"]} == {root.runs[0]["run_id"]}
    refused = {made["run_id"] for made in by_version["down"]} - {root.runs[0]["run_id"]}
    assert refused == {root.runs[2]["run_id"]}  # it was judged anew


def test_every_artifact_can_be_looked_into(root: Root) -> None:
    for artifact in root.ask("artifacts", "list", "--limit", "0", "--json").json:
        if artifact["state"] != "live":
            continue
        inside = root.ask("artifacts", "show", str(artifact["id"]), "--json").json["inside"]
        assert inside, artifact
        assert "files" not in inside or artifact["type"] in (
            "TransformGraph", "ModelRun", "gptfx.ModelCard",
        ), artifact  # fmt: skip


def first_of(root: Root, kind: str) -> dict[str, Any]:
    """What is in the oldest artifact of a type."""
    *_, oldest = root.ask("artifacts", "list", "--type", kind, "--json").json
    return dict(root.ask("artifacts", "show", str(oldest["id"]), "--json").json["inside"])


def test_what_is_inside_is_of_the_kind(root: Root) -> None:
    raw = first_of(root, "Examples")
    assert raw["train"][0]["source"] == "texts/fox.txt"
    assert raw["train"][0]["text"].startswith("The quick brown fox")
    statistics = first_of(root, "ExampleStatistics")
    assert statistics["train examples"] > statistics["eval examples"] > 0
    assert {row["feature"] for row in statistics["train"]} == {"text", "source", "position"}
    assert "position" in first_of(root, "Schema")["schema"]
    tokenizer = first_of(root, "gptfx.Tokenizer")
    assert tokenizer["vocab_size"] == 257 + tokenizer["merges"]
    assert tokenizer["first merges"][0]["number"] == 0
    newest = root.ask("artifacts", "list", "--type", "ModelRun", "--json").json[0]
    curve = root.ask("artifacts", "show", str(newest["id"])).out
    assert "nats/token" in curve
    evaluation = first_of(root, "ModelEvaluation")
    assert [row["source"] for row in evaluation["slices"]] == [
        "texts/fox.txt", "texts/sea.txt", "all",
    ]  # fmt: skip
    assert evaluation["slices"][-1]["bits_per_byte"] == pytest.approx(
        root.runs[0]["metrics"]["bits_per_byte"]
    )


def test_tokens_are_shown_as_the_text_they_are(root: Root) -> None:
    found = root.ask("artifacts", "list", "--type", "Examples", "--json").json
    transformed = next(each for each in found if "/transform/" in each["uri"])
    inside = root.ask("artifacts", "show", str(transformed["id"]), "--json").json["inside"]
    assert inside["train"][0]["text"].startswith("The quick brown fox")
    assert inside["train"][0]["tokens"] >= len(inside["train"][0]["ids"]) == 12


def test_the_commands_of_the_guide_run(root: Root) -> None:
    commands = re.findall(r"^\$ gptfx (.*?)(?:\s+#.*)?$", GUIDE.read_text(), re.MULTILINE)
    here = [command for command in commands if "://" not in command]
    assert len(here) == 9
    for command in here:
        said = root.ask(*shlex.split(command.replace("RUN", root.runs[0]["run_id"])))
        assert said.out, command


def test_a_run_that_was_killed_and_one_that_was_stopped_say_so(root: Root) -> None:
    home = root.folder.parent
    (home / "texts" / "fox.txt").write_text("The quick brown fox.\n" * 900)
    ends = {signal.SIGKILL: "killed", signal.SIGINT: "stopped", signal.SIGTERM: "stopped"}
    for sent, outcome in ends.items():
        # Of a training in a pipe every fifth part is told of: this is long after the first.
        words = ["run", "--preset", "smoke", "--corpus", "texts", "--set", "trainer.steps=10000"]
        command = [str(COMMAND), *words, "--set", "trainer.log_every=5"]
        running = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        for line in running.stdout:
            if "training: step" in line:
                (listed, *_) = root.ask("runs", "list", "--json").json
                assert (listed["outcome"], listed["seconds"]) == ("running", None)
                os.kill(running.pid, sent)
                break
        running.communicate(timeout=120)
        (listed, *_) = root.ask("runs", "list", "--json").json
        assert (listed["outcome"], listed["error"]) == (outcome, f"{outcome} in node trainer")
        assert (listed["seconds"] is None) == (outcome == "killed")


def test_two_runs_at_once_share_a_new_database_and_do_not_disturb_one_another(
    postgresql: Any, tmp_path: Path
) -> None:
    store = postgresql("two_runs")
    words = ["run", "--preset", "smoke", "--json", "--set", f"metadata.store={store}"]
    for setting in QUICK:
        words += ["--set", setting]
    running = [
        subprocess.Popen(
            [str(COMMAND), *words, "--root", name, "--set", f"trainer.seed={seed}"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed, name in enumerate(("one", "two"))
    ]
    said = [each.communicate(timeout=500) for each in running]
    assert [each.returncode for each in running] == [0, 0], said
    printed = {out["run_id"]: out for out in (json.loads(each[0]) for each in said)}
    for run, result in printed.items():
        assert result["pushed"]
        assert Path(result["model_dir"]).is_dir()
        command = [str(COMMAND), "lineage", run, "--store", store, "--json"]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        trained = {made["run_id"] for made in found["up"] if made["node"] == "trainer"}
        assert trained == {run}  # its own model, not the other's
    listed = subprocess.run(
        [str(COMMAND), "runs", "list", "--store", store, "--json"], capture_output=True, check=True
    )
    runs = {run["run_id"]: run for run in json.loads(listed.stdout)}
    assert runs.keys() == printed.keys()
    for run, result in printed.items():
        assert runs[run]["outcome"] == "pushed"
        assert runs[run]["metrics"] == result["metrics"]
        assert runs[run]["model_dir"] == result["model_dir"]
    logs = "".join(path.read_text() for path in tmp_path.glob("*/logs/*.log"))
    assert "a secret" not in logs
