"""A model is rolled back, and no run brings it back; it is forced, promoted; garbage goes."""

import getpass
from pathlib import Path
from typing import Any

import pytest

from gptfx.components.model_card.escaping import escape
from gptfx.modules.export.versions import versions

pytestmark = pytest.mark.slow

UNASKED = ("--set", "infra_validator.enabled=false")  # takes its time, and is another test's affair


def cached(finished: Any) -> set[str]:
    """The nodes that were taken from the cache."""
    return {node["id"] for node in finished.json["nodes"] if node["cached"]}


def test_a_run_does_not_push_back_what_was_rolled_back(gptfx: Any, tmp_path: Path) -> None:
    where = ("--root", str(tmp_path), "--json")
    serving = tmp_path / "serving" / "smoke"
    first_run = ("run", "--preset", "smoke", *UNASKED, *where)
    second_run = (*first_run, "--set", "trainer.seed=7")
    first, second = gptfx(*first_run), gptfx(*second_run)
    assert (first.code, second.code) == (0, 0), second.err
    good, bad = (version.model_id for version in versions(serving))

    done = gptfx("models", "rollback", "--reason", "it swears", *where)
    assert done.code == 0, done.err
    assert versions(serving)[-1].model_id == good
    again = gptfx(*second_run)
    assert again.code == 3
    assert {"ingest", "trainer", "evaluator"} <= cached(again)
    assert (again.json["blessed"], again.json["pushed"]) == (True, False)
    assert "withdrawn by" in again.json["refused"][0]
    assert "it swears" in again.err
    assert len(versions(serving)) == 3
    shown = gptfx("runs", "show", *where).json
    assert shown["outcome"] == "refused"
    assert "it swears" in shown["refused"][0]

    unchanged = gptfx(*first_run)
    assert (unchanged.code, unchanged.json["pushed"]) == (0, False)
    assert unchanged.json["model_dir"] == done.json["model_dir"]

    forced = gptfx(*second_run, "--force-bless", "it swears no more")
    assert forced.code == 0, forced.err
    assert (forced.json["forced"], forced.json["pushed"]) == ("it swears no more", True)
    assert versions(serving)[-1].model_id == bad
    assert forced.json["model_dir"] == str(versions(serving)[-1].folder)
    assert gptfx("runs", "list", *where).json[0]["forced"] == "it swears no more"
    assert gptfx("runs", "list", *where).json[0]["outcome"] == "pushed"
    newest = gptfx("models", "list", *where).json[0]
    assert (newest["how"], newest["forced"]) == ("pushed", "it swears no more")

    promoted = gptfx("models", "promote", first.json["run_id"], *where)
    assert promoted.code == 0, promoted.err
    assert versions(serving)[-1].model_id == good
    newest = gptfx("models", "list", *where).json[0]
    assert newest["run_id"] == first.json["run_id"]
    assert newest["bits_per_byte"] == first.json["metrics"]["bits_per_byte"]

    assert gptfx("models", "prune", "--keep", "1", *where).code == 0
    collected = gptfx("gc", "--keep", "1", *where)
    assert collected.code == 0, collected.err
    assert gptfx("generate", "KING", "--root", str(tmp_path)).code == 0
    up = gptfx("lineage", *where).json["up"]
    assert all(Path(made["uri"]).is_dir() for made in up)
    last = gptfx(*second_run)
    assert last.code == 0, last.err
    assert {"ingest", "transform", "trainer", "evaluator"} <= cached(last)
    assert gptfx("gc", "--keep", "1", *where).json["leftovers"] == []


def test_a_model_that_a_gate_refused_is_pushed_by_force_and_once(
    gptfx: Any, tmp_path: Path
) -> None:
    where = ("--root", str(tmp_path), "--json")
    run = ("run", "--preset", "smoke", *UNASKED, "--set", "trainer.steps=0", *where)
    assert gptfx(*run, "--force-bless", " ").code == 2
    assert not (tmp_path / "pipelines").exists()
    for is_pushed in (True, False):
        forced = gptfx(*run, "--force-bless", "to see the page")
        assert forced.code == 0, forced.err
        assert (forced.json["blessed"], forced.json["forced"]) == (False, "to see the page")
        assert forced.json["pushed"] is is_pushed
        assert any("absolute bound" in reason for reason in forced.json["refused"])
    (version,) = gptfx("models", "list", *where).json
    folder = Path(forced.json["model_card"])
    assert "**Refused**, and not pushed" in (folder / "README.md").read_text()
    served = (Path(version["model_dir"]) / "assets.extra" / "README.md").read_text()
    by = f"by {escape(version['by'])}, {version['at']}: to see the page"
    assert f"**Refused, and pushed by force** {by}" in served
    assert "absolute bound" in served.partition("## Intended use")[0]
    assert "not pushed" not in served
    assert (version["how"], version["forced"]) == ("pushed", "to see the page")
    assert (version["reason"], version["by"]) == ("to see the page", getpass.getuser())
    table = gptfx("models", "list", *where[:2], COLUMNS="300").out
    assert f"pushed by force by {version['by']}: to see the page" in table
    assert gptfx(*run).code == 3
