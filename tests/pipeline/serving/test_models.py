"""Pushed versions: listed, promoted, rolled back, pruned; by whom and why is in the metadata."""

import fcntl
import getpass
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gptfx.modules.export.versions import versions

Models = Callable[..., Any]
README = """---
license: other
---

# gptfx-tiny

A GPT.

**Refused**, and not pushed:

- it moved

## Intended use

Continuing a text.
"""
PAGE = """<!DOCTYPE html>
<body>
<h1>gptfx-tiny</h1>
<p>A GPT.</p>
<p><strong>Refused</strong>, and not pushed:</p>
<ul>
<li>it moved</li>
</ul>
<h2>Intended use</h2>
<p>Continuing a text.</p>
</body>
"""


@pytest.fixture
def models(gptfx: Any, hand_made: Any) -> Models:
    """`gptfx models ...` about the root that was made by hand, with --json."""

    def run(*words: str) -> Any:
        return gptfx("models", *words, "--root", str(hand_made.layout.root), "--json")

    return run


def ids(hand_made: Any, preset: str = "tiny") -> list[str]:
    return [version.model_id for version in versions(hand_made.layout.serving(preset))]


def numbers(hand_made: Any, preset: str = "tiny") -> list[str]:
    return [str(version.number) for version in versions(hand_made.layout.serving(preset))]


def test_the_list_tells_metrics_the_run_and_what_is_served(hand_made: Any, models: Models) -> None:
    first = hand_made.run("a", bits_per_byte=3.5)
    second = hand_made.run("b", bits_per_byte=3.25, user="ann")
    newest, older = models("list").json
    assert [newest["version"], older["version"]] == numbers(hand_made)[::-1]
    assert (newest["model_id"], newest["run_id"], newest["bits_per_byte"]) == ("b", second, 3.25)
    assert (older["model_id"], older["run_id"], older["bits_per_byte"]) == ("a", first, 3.5)
    assert (newest["served"], older["served"]) == (True, False)
    assert (newest["how"], newest["forced"], newest["withdrawn"]) == ("pushed", None, None)
    assert (newest["by"], older["by"]) == ("ann", None)  # whose run noted nobody


def test_the_table_shows_the_same(hand_made: Any, gptfx: Any) -> None:
    run = hand_made.run("a", bits_per_byte=3.5)
    (line,) = gptfx("models", "list", "--root", str(hand_made.layout.root)).out.splitlines()[1:]
    assert line.split()[:5] == [*numbers(hand_made), "tiny", "served", "3.5000", run]


def test_the_list_is_of_all_presets_or_of_one(hand_made: Any, models: Models) -> None:
    hand_made.run("a")
    hand_made.run("b", preset="big")
    assert {each["preset"] for each in models("list").json} == {"tiny", "big"}
    assert all(each["served"] for each in models("list").json)
    assert [each["model_id"] for each in models("list", "--preset", "big").json] == ["b"]


def test_a_rollback_lays_the_earlier_model_down_as_the_newest_and_moves_nothing(
    hand_made: Any, models: Models
) -> None:
    hand_made.run("a")
    hand_made.run("b")
    before = numbers(hand_made)
    done = models("rollback", "--reason", "b swears")
    assert done.code == 0, done.err
    assert ids(hand_made) == ["a", "b", "a"]
    assert numbers(hand_made) == [*before, done.json["version"]]
    newest, second, _ = models("list").json
    assert (newest["how"], newest["reason"], newest["served"]) == ("rolled back", "b swears", True)
    assert newest["by"] == getpass.getuser()
    assert second["withdrawn"]["reason"] == "b swears"
    assert second["withdrawn"]["version"] == int(before[1])
    assert not list(hand_made.layout.all_serving.rglob("*.partial"))


def test_a_rollback_is_in_the_metadata_and_its_version_has_a_lineage(
    hand_made: Any, models: Models, gptfx: Any
) -> None:
    run = hand_made.run("a")
    hand_made.run("b")
    version = models("rollback", "--reason", "b swears").json["version"]
    where = ("--root", str(hand_made.layout.root), "--json")
    up = gptfx("lineage", version, *where).json["up"]
    assert [made["type"] for made in up] == ["PushedModel", "Model", "Examples"]
    assert up[0]["node"] == "gptfx.Rollback"
    assert up[1]["run_id"] == run
    shown = gptfx("artifacts", "show", version, *where).json
    assert shown["properties"]["reason"] == "b swears"
    assert shown["properties"]["pushed_destination"] == shown["uri"]
    assert shown["inside"]["model_id"] == "a"
    (entry,) = hand_made.store.get_executions_by_type("gptfx.Rollback")
    assert entry.last_known_state == hand_made.mlmd.Execution.COMPLETE
    drawn = gptfx("lineage", version, *where[:2])
    assert "by gptfx.Rollback, " in drawn.out
    assert "None" not in drawn.out


def test_no_artifact_that_was_there_is_changed(hand_made: Any, models: Models) -> None:
    """TFX's cache key holds the serialized artifacts of a node's inputs."""
    hand_made.run("a")
    hand_made.run("b")
    before = {each.id: each.SerializeToString(deterministic=True)
              for each in hand_made.store.get_artifacts()}  # fmt: skip
    assert models("rollback", "--reason", "x").code == 0
    assert models("promote", "b").code == 0
    assert models("prune", "--keep", "2").code == 0
    after = {each.id: each.SerializeToString(deterministic=True)
             for each in hand_made.store.get_artifacts()}  # fmt: skip
    assert {number: after[number] for number in before} == before


def test_a_second_rollback_goes_back_further_and_never_to_a_withdrawn_model(
    hand_made: Any, models: Models
) -> None:
    for model_id in "abc":
        hand_made.run(model_id)
    assert models("rollback", "--reason", "c is bad").code == 0
    assert models("rollback", "--reason", "b is bad, too").code == 0
    assert ids(hand_made)[-2:] == ["b", "a"]
    done = models("rollback", "--reason", "a, too")
    assert done.code == 2
    assert "nothing to roll back to" in done.err
    assert ids(hand_made)[-1] == "a"


def test_a_rollback_to_a_version(hand_made: Any, models: Models) -> None:
    for model_id in "abc":
        hand_made.run(model_id)
    first = numbers(hand_made)[0]
    assert models("rollback", "--to", first, "--reason", "as it was").code == 0
    assert ids(hand_made) == ["a", "b", "c", "a"]
    again = models("rollback", "--to", first, "--reason", "as it was")
    assert again.code == 2
    assert "served already" in again.err
    withdrawn = models("rollback", "--to", numbers(hand_made)[2], "--reason", "back")
    assert withdrawn.code == 2
    assert "withdrawn by" in withdrawn.err
    assert "as it was" in withdrawn.err


def test_a_rollback_works_for_versions_that_the_metadata_do_not_know(
    hand_made: Any, models: Models, gptfx: Any
) -> None:
    hand_made.run("a")
    hand_made.run("b")
    hand_made.layout.metadata.unlink()
    type(hand_made)(hand_made.layout.root).begin_run()
    assert [each["how"] for each in models("list").json] == ["unknown", "unknown"]
    version = models("rollback", "--reason", "x").json["version"]
    assert models("list").json[0]["how"] == "rolled back"
    where = ("--root", str(hand_made.layout.root), "--json")
    assert gptfx("artifacts", "show", version, *where).json["inside"]["model_id"] == "a"


@pytest.mark.parametrize("named", ["run", "model", "artifact", "version"])
def test_a_model_that_was_superseded_is_promoted_however_it_is_named(
    hand_made: Any, models: Models, named: str
) -> None:
    run = hand_made.run("model-a")
    model = hand_made.store.get_artifacts_by_type("Model")[0].id
    hand_made.run("model-b")
    names = {"run": run, "model": "model-a", "artifact": str(model)}
    name = names.get(named) or numbers(hand_made)[0]
    done = models("promote", name)
    assert done.code == 0, done.err
    assert ids(hand_made) == ["model-a", "model-b", "model-a"]
    newest = models("list").json[0]
    assert (newest["how"], newest["forced"], newest["run_id"]) == ("promoted", None, run)


def test_a_promotion_takes_a_withdrawal_back_and_says_whose(
    hand_made: Any, models: Models, gptfx: Any
) -> None:
    hand_made.run("a")
    hand_made.run("b")
    assert models("rollback", "--reason", "b swears").code == 0
    root = ("--root", str(hand_made.layout.root))
    said = gptfx("models", "promote", numbers(hand_made)[1], *root)
    assert said.code == 0
    assert re.search(r"^It is no longer withdrawn by \S+, \S+: b swears$", said.out, re.MULTILINE)
    assert ids(hand_made) == ["a", "b", "a", "b"]
    assert all(each["withdrawn"] is None for each in models("list").json)


def describe(hand_made: Any, run: str) -> Path:
    """A card of the newest model, which a gate refused, made in a run; its folder."""
    model = max(each.id for each in hand_made.store.get_artifacts_by_type("Model"))
    card = hand_made.node(run, "model-card", {"model": model}, {"card": "gptfx.ModelCard"})
    folder = Path(hand_made.uri(card["card"]))
    (folder / "README.md").write_text(README)
    (folder / "card.html").write_text(PAGE)
    return folder


def served_pages(hand_made: Any) -> list[str]:
    """Of the newest version: README.md and card.html."""
    extra = versions(hand_made.layout.serving("tiny"))[-1].folder / "assets.extra"
    return [(extra / name).read_text() for name in ("README.md", "card.html")]


@pytest.mark.parametrize("gate", ["evaluator", "infra-validator"])
def test_a_refused_model_is_promoted_by_force_alone_which_is_noted(
    hand_made: Any, models: Models, gate: str
) -> None:
    hand_made.run("a")
    run = hand_made.run("b", refused_by=gate)
    describe(hand_made, run)
    refused = models("promote", run)
    assert refused.code == 2
    assert f"{gate} said no" in refused.err
    assert ids(hand_made) == ["a"]
    assert models("promote", run, "--force-bless", "  ").code == 2
    forced = models("promote", "latest", "--force-bless", "the demo is today")
    assert forced.code == 0, forced.err
    assert forced.json["forced"] == "the demo is today"
    assert ("infra validation had refused" in forced.err) == (gate == "infra-validator")
    newest = models("list").json[0]
    assert (newest["model_id"], newest["how"]) == ("b", "promoted")
    assert newest["forced"] == "the demo is today"
    assert (newest["by"], newest["reason"]) == (getpass.getuser(), "the demo is today")
    (entry,) = hand_made.store.get_executions_by_type("gptfx.Promotion")
    assert entry.custom_properties["forced"].int_value == 1


def test_the_card_that_is_served_says_who_pushed_a_refused_model_and_the_run_s_stays(
    hand_made: Any, models: Models
) -> None:
    run = hand_made.run("b", refused_by="evaluator")
    folder = describe(hand_made, run)
    assert models("promote", run, "--force-bless", "<b>the demo</b> is today").code == 0
    (newest,) = models("list").json
    markdown, page = served_pages(hand_made)
    by = f"by {getpass.getuser()}, {newest['at']}"
    assert f"**Refused, and pushed by force** {by}: \\<b\\>the demo\\</b\\> is today" in markdown
    assert f"{by}: &lt;b&gt;the demo&lt;/b&gt; is today" in page
    for text in (markdown, page):
        assert "not pushed" not in text
        assert "evaluator said no" in text
        assert "it moved" not in text
        assert "Continuing a text" in text
        assert text.index("A GPT") < text.index("by force") < text.index("Intended use")
    assert (folder / "README.md").read_text() == README
    assert (folder / "card.html").read_text() == PAGE


def test_a_version_that_is_forced_again_says_by_whom_and_the_old_one_what_it_said(
    hand_made: Any, models: Models, gptfx: Any
) -> None:
    hand_made.run("a")
    run = hand_made.run("b", refused_by="evaluator")
    describe(hand_made, run)
    assert models("promote", run, "--force-bless", "first").code == 0
    first, number = served_pages(hand_made), numbers(hand_made)[-1]
    assert models("rollback", "--reason", "x").code == 0
    root = str(hand_made.layout.root)
    again = ("models", "promote", number, "--force-bless", "second", "--root", root)
    assert gptfx(*again, LOGNAME="ann").code == 0
    assert all(": second" in text and "by ann" in text for text in served_pages(hand_made))
    extra = hand_made.layout.serving("tiny") / number / "assets.extra"
    assert [(extra / name).read_text() for name in ("README.md", "card.html")] == first


def test_a_rollback_to_a_forced_version_still_says_so(hand_made: Any, models: Models) -> None:
    run = hand_made.run("b", refused_by="evaluator")
    describe(hand_made, run)
    assert models("promote", run, "--force-bless", "first").code == 0
    pages = served_pages(hand_made)
    hand_made.run("c")
    said = models("rollback", "--reason", "c is worse")
    assert said.code == 0
    assert said.err == "gptfx: of the model that is served now: evaluator said no\n"
    assert served_pages(hand_made) == pages


def test_the_card_is_that_of_the_run_that_is_named(hand_made: Any, models: Models) -> None:
    """Another run, with other bounds, may say something else of the same model."""
    run = hand_made.run("b", refused_by="evaluator")
    describe(hand_made, run)
    other = describe(hand_made, hand_made.begin_run())
    (other / "README.md").write_text(README.replace("A GPT.", "Of the other run."))
    assert models("promote", run, "--force-bless", "as it was").code == 0
    assert "A GPT." in served_pages(hand_made)[0]


def test_a_model_whose_run_did_not_come_to_its_gates_is_refused(
    hand_made: Any, models: Models
) -> None:
    run = hand_made.begin_run()
    model = hand_made.node(run, "trainer", {}, {"model": "Model"})["model"]
    hand_made.fill_model(model, "half-judged")
    refused = models("promote", "half-judged")
    assert refused.code == 2
    assert "did not come to all of its gates" in refused.err
    assert models("promote", "half-judged", "--force-bless", "x").json["version"]


def test_what_cannot_be_promoted_is_named(hand_made: Any, models: Models) -> None:
    hand_made.run("a")
    assert "served already" in models("promote", "latest").err
    assert "no such" in models("promote", "nothing-like-it").err
    missing = models("promote", "12345")
    assert missing.code == 2
    assert numbers(hand_made)[0] in missing.err


def test_a_model_that_is_gone_as_an_artifact_is_promoted_from_its_version(
    hand_made: Any, models: Models
) -> None:
    first = hand_made.run("a")
    model = hand_made.store.get_artifacts_by_type("Model")[0]
    hand_made.run("b")
    hand_made.layout.all_artifacts.rename(hand_made.layout.root / "gone")
    assert model.uri.startswith(str(hand_made.layout.all_artifacts))
    assert models("promote", first).code == 0
    assert ids(hand_made) == ["a", "b", "a"]


def test_prune_keeps_the_newest_and_what_a_rollback_needs(hand_made: Any, models: Models) -> None:
    for model_id in "abc":
        hand_made.run(model_id)
    assert models("promote", numbers(hand_made)[1]).code == 0
    assert models("rollback", "--reason", "x").code == 0  # to c
    assert ids(hand_made) == ["a", "b", "c", "b", "c"]
    told = models("prune", "--keep", "2", "--dry-run").json
    assert told["dry_run"] is True
    assert ids(hand_made) == ["a", "b", "c", "b", "c"]
    done = models("prune", "--keep", "2").json
    assert done["removed"] == told["removed"]
    assert ids(hand_made) == ["a", "b", "c"]  # b is withdrawn: a rollback needs a
    assert sum(each["bytes"] for each in done["removed"]) > 0
    (entry,) = hand_made.store.get_executions_by_type("gptfx.Prune")
    gone = [each["version"] for each in done["removed"]]
    assert json.loads(entry.custom_properties["versions"].string_value) == gone
    assert models("prune", "--keep", "1").code == 0
    assert ids(hand_made) == ["c"]
    assert models("prune", "--keep", "0").code == 2


def test_prune_of_a_preset_leaves_others_and_what_a_killed_one_left_goes(
    hand_made: Any, models: Models
) -> None:
    for model_id, preset in (("a", "tiny"), ("b", "tiny"), ("c", "big"), ("d", "big")):
        hand_made.run(model_id, preset=preset)
    left = hand_made.layout.serving("tiny") / ".7.pruned"
    left.mkdir()
    assert models("prune", "--keep", "1", "--preset", "tiny").code == 0
    assert (ids(hand_made, "tiny"), ids(hand_made, "big")) == (["b"], ["c", "d"])
    assert not left.exists()


@pytest.mark.parametrize(
    "words", [["rollback", "--reason", "x"], ["promote", "latest"], ["prune", "--keep", "1"]]
)
def test_while_a_run_is_under_way_nothing_is_changed(
    hand_made: Any, models: Models, words: list[str]
) -> None:
    hand_made.run("a")
    hand_made.run("b")
    with hand_made.layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = models(*words)
    assert refused.code == 2
    assert "another run is under way" in refused.err
    assert ids(hand_made) == ["a", "b"]


def test_what_is_wrong_is_said_in_one_line(
    hand_made: Any, models: Models, gptfx: Any, tmp_path: Path
) -> None:
    assert "no model has been pushed yet" in models("list").err
    hand_made.run("a")
    hand_made.run("b", preset="big")
    for words, said in (
        (["rollback"], "a reason is needed"),
        (["rollback", "--reason", " "], "a reason is needed"),
        (["rollback", "--reason", "x"], "several presets"),
        (["rollback", "--reason", "x", "--preset", "huge"], "name one of: big, tiny"),
        (["rollback", "--reason", "x", "--to", "5"], f"{numbers(hand_made)[0]}"),
        (["rollback", "--reason", "x", "--preset", "tiny"], "nothing to roll back to"),
    ):
        refused = models(*words)
        assert (refused.code, refused.err.count("\n")) == (2, 1), refused.err
        assert said in refused.err
    nowhere = tmp_path / "nowhere"
    refused = gptfx("models", "rollback", "--reason", "x", "--root", str(nowhere))
    assert refused.code == 2
    assert "there is no metadata store" in refused.err
    assert not nowhere.exists()


def test_another_user_is_noted_by_name(hand_made: Any, gptfx: Any) -> None:
    hand_made.run("a")
    hand_made.run("b")
    root = str(hand_made.layout.root)
    words = ("models", "rollback", "--reason", "x", "--root", root, "--json")
    assert gptfx(*words, LOGNAME="ann").json["by"] == "ann"


def test_readers_keep_the_files_of_the_version_that_is_rolled_back_from(
    hand_made: Any, models: Models
) -> None:
    hand_made.run("a")
    hand_made.run("b")
    newest = versions(hand_made.layout.serving("tiny"))[-1].folder
    with (newest / "saved_model.pb").open() as opened:
        assert models("rollback", "--reason", "x").code == 0
        assert opened.read() == (newest / "saved_model.pb").read_text()
