"""The scheduler at work: changes while it runs, retries, time-outs, texts that change, waiting."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gptfx.data.contact import failed
from gptfx.data.corpora import locate, resolve
from gptfx.data.errors import InputError
from gptfx.data.inspection import InspectionReport, require_text
from gptfx.kubeflow.job_service import require_job_service
from gptfx.pipeline.lock import BUSY
from gptfx.pipeline.schedule.verdict import judge

REFUSED = {
    "run_id": "r",
    "blessed": False,
    "pushed": False,
    "model_dir": None,
    "refused": ["absolute bound: bits_per_byte 2.7, at most 2.6"],
}
NEVER = ("--every", "300d")


def test_a_run_comes_at_its_time_with_its_options_and_is_in_the_history(place: Any) -> None:
    place.create("nightly", "--set", "trainer.steps=3", "--corpus", "scene")
    place.serve()
    place.wait(lambda: "nightly: pushed" in place.said)
    found = place.history("nightly")[0]
    assert (found["outcome"], found["run_id"]) == ("pushed", place.pushed["run_id"])
    assert found["model_dir"] == "/models/7"
    assert found["cause"] == "time"
    assert found["seconds"] < 30
    late = datetime.fromisoformat(found["started"]) - datetime.fromisoformat(found["scheduled"])
    assert 0 <= late.total_seconds() < 10
    assert '"bits_per_byte": 2.5' in Path(found["log"]).read_text()
    options = f'"smoke", "--set", "trainer.steps=3", "--corpus", "scene", "--root", "{place.root}"'
    assert f'begins ["--preset", {options}, "--json"]' in place.notes
    assert place.said.splitlines()[0][:4] == f"{datetime.now():%Y}"


def test_what_other_processes_change_is_noticed_while_it_runs(place: Any) -> None:
    place.serve()
    place.create("nightly", *NEVER)
    place.create("nightly")  # now every second
    place.wait(lambda: place.begun() >= 1)
    assert place.ask("pause", "nightly").out == "nightly: paused\n"
    place.wait(lambda: not [each for each in place.history() if each["outcome"] is None])
    time.sleep(1)
    begun = place.begun()
    time.sleep(2.5)
    assert place.begun() == begun
    assert place.ask("list", "--json").json[0]["next_run"] is None
    place.ask("resume", "nightly")
    place.wait(lambda: place.begun() > begun)
    place.ask("delete", "nightly")
    time.sleep(1)
    begun = place.begun()
    time.sleep(2.5)
    assert place.begun() == begun
    assert place.history("nightly")  # stays


def test_two_schedules_never_run_at_a_time(place: Any) -> None:
    place.behave(seconds=0.5, said=place.pushed)
    place.create("one")
    place.create("two")
    place.serve()
    place.wait(lambda: {"one: pushed", "two: pushed"} <= set(messages(place)))
    assert "two at a time" not in place.notes


def messages(place: Any) -> list[str]:
    """What the scheduler said, without the times."""
    return [line[20:] for line in place.said.splitlines()]


def test_a_failure_is_tried_again_each_time_after_twice_as_long_and_told_at_the_end(
    place: Any,
) -> None:
    place.behave(words="the disk hums (--verbose shows where)", code=1)
    words = ("--retries", "2", "--retry-after", "1s", "--on-failed", "cat >> heard.txt")
    place.create("nightly", *NEVER, *words)
    done = place.ask("trigger", "nightly", "--command", place.fake)
    assert done.code == 1
    attempts = place.history()
    assert [each["outcome"] for each in attempts] == ["failed"] * 3
    assert {each["reason"] for each in attempts} == {"the disk hums (--verbose shows where)"}
    begins = [datetime.fromisoformat(each["started"]).timestamp() for each in attempts]
    assert begins[1] - begins[0] >= 1
    assert begins[2] - begins[1] >= 2
    assert [each["hook"] for each in attempts] == [None, None, "ok"]
    assert (place.folder / "heard.txt").read_text().count('"event": "failed"') == 1


@pytest.mark.parametrize(
    ("words", "tries"),
    [
        ("unknown key trainer.stepz. Received: 3. What to do: use one of steps.", 1),
        ("the disk is full. Received: 'x'. What to do: free space.", 2),
        ("gs:// cannot be reached, read or written: no network. Received: 'gs://b'.", 2),
        ("the folder holds no files. Received: 'late'. What to do: put text files there.", 2),
    ],
)
def test_bad_input_is_tried_again_only_where_it_may_pass(
    place: Any, words: str, tries: int
) -> None:
    place.behave(words=words, code=2)
    place.create("nightly", *NEVER, "--retries", "1", "--retry-after", "1s")
    assert place.ask("trigger", "nightly", "--command", place.fake).code == 1
    assert place.outcomes() == ["failed"] * tries
    assert words in place.history()[0]["reason"]


def test_a_run_that_takes_too_long_is_stopped_and_tried_again(place: Any) -> None:
    place.behave({"seconds": 100}, {"said": place.pushed})
    place.create("nightly", *NEVER, "--timeout", "2s", "--retry-after", "1s")
    assert place.ask("trigger", "nightly", "--command", place.fake).code == 0
    assert place.outcomes() == ["timed out", "pushed"]
    assert "checkpoint" in place.notes


def test_a_run_that_ignores_its_time_out_is_killed_with_its_helpers(
    place: Any, is_alive: Any
) -> None:
    place.behave(stubborn=True, seconds=100)
    place.create("nightly", *NEVER, "--timeout", "2s", "--retries", "0")
    words = ("--command", place.fake, "--grace", "1s")
    assert place.ask("trigger", "nightly", *words).code == 1
    assert place.outcomes() == ["timed out"]
    (helper,) = (note for note in place.notes if note.startswith("helper"))
    assert not is_alive(int(helper.split()[1]))


def test_a_refusal_is_an_outcome_and_not_tried_again(place: Any) -> None:
    place.behave(said=REFUSED, code=3)
    place.create("nightly", *NEVER)
    done = place.ask("trigger", "nightly", "--command", place.fake)
    assert done.code == 3
    (found,) = place.history()
    assert (found["outcome"], found["reason"]) == ("refused", REFUSED["refused"][0])
    assert f"nightly: refused: {REFUSED['refused'][0]}" in done.out


def test_a_run_that_says_nothing_or_dies_has_failed(place: Any) -> None:
    place.create("nightly", *NEVER, "--retries", "0")
    place.behave(code=0)
    assert place.ask("trigger", "nightly", "--command", place.fake).code == 1
    assert place.history()[0]["reason"] == "it ended with exit code 0 and no word"
    assert place.ask("trigger", "nightly", "--command", "/no/such/program").code == 1
    assert "/no/such/program cannot be started" in place.history()[1]["reason"]
    killed = "sh -c 'kill -9 $$'"
    assert place.ask("trigger", "nightly", "--command", killed).code == 1
    assert place.history()[2]["reason"] == "it was ended by signal 9"
    place.create("nightly", *NEVER, "--retries", "0", cwd=place.folder / "gone")
    (place.folder / "gone").rmdir()
    assert place.ask("trigger", "nightly", "--command", place.fake).code == 1
    assert place.history()[3]["reason"].startswith("it cannot be started: No such file")


def test_a_person_s_own_run_is_waited_for(place: Any) -> None:
    place.create()
    with (place.root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place.serve()
        place.wait(lambda: "waits for a run that is under way in this root" in place.said)
        time.sleep(1)
        assert place.begun() == 0
    place.wait(place.begun)
    assert place.said.count("waits for a run") == 1


def test_a_run_that_was_a_moment_late_waits_too(place: Any) -> None:
    place.behave({"words": f"{BUSY}. Received: 'x'.", "code": 2}, {"said": place.pushed})
    place.create("nightly", *NEVER, "--retries", "0")
    assert place.ask("trigger", "nightly", "--command", place.fake).code == 0
    assert place.outcomes() == ["pushed"]


def test_a_triggered_run_waits_for_the_scheduler_s_and_both_are_done(place: Any) -> None:
    place.behave({"seconds": 3, "said": place.pushed}, {"said": place.pushed})
    place.create("hourly")
    place.create("nightly", *NEVER)
    place.serve()
    place.wait(place.begun)
    place.ask("pause", "hourly")
    done = place.ask("trigger", "nightly", "--command", place.fake)
    assert done.code == 0
    assert done.out.startswith("nightly: waits for a scheduled run that is under way\n")
    assert [each["outcome"] for each in place.history("nightly")] == ["pushed"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_triggered_run_that_is_stopped_writes_its_checkpoint(place: Any, number: int) -> None:
    """Ctrl-C calls it off; SIGTERM, which a host that goes down sends, does not."""
    place.behave({"seconds": 100}, {"said": place.pushed})
    place.create("nightly", *NEVER)
    words = ("trigger", "nightly", "--root", str(place.root), "--command", place.fake)
    command = [str(Path(sys.executable).with_name("gptfx")), "schedule", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    place.wait(place.begun)
    process.send_signal(number)
    assert process.wait(30) == 130
    assert "checkpoint" in place.notes
    assert place.outcomes() == ["interrupted"]
    is_called_off = number == signal.SIGINT
    assert len(place.history()) == (1 if is_called_off else 2)
    place.serve()
    if not is_called_off:
        place.wait(lambda: "nightly: pushed" in place.said)


def test_a_paused_schedule_is_run_by_a_person_and_not_by_a_crontab(place: Any) -> None:
    place.create("nightly", *NEVER)
    place.ask("pause", "nightly")
    words = ("trigger", "nightly", "--command", place.fake)
    done = place.ask(*words, "--unless-paused")
    assert (done.code, done.out, place.begun()) == (0, "nightly: paused\n", 0)
    assert place.ask(*words).code == 0
    assert place.begun() == 1


def test_a_run_for_new_texts_alone_comes_first_and_then_when_they_change(place: Any) -> None:
    texts = place.folder / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text("To be, or not to be.\n")
    place.create("nightly", *NEVER, "--corpus", "texts", "--when-data-changes")

    def run() -> int:
        return place.ask("trigger", "nightly", "--command", place.fake).code

    place.behave(words="no", code=1)
    place.create("nightly", *NEVER, "--corpus", "texts", "--when-data-changes", "--retries", "0")
    assert run() == 1
    place.behave(said=REFUSED, code=3)
    assert run() == 3  # the texts are those of a run that failed, which does not count
    assert run() == 0
    os.utime(texts / "a.txt")
    assert run() == 0
    (texts / "a.txt").write_text("To be, or not to be?\n")
    assert run() == 3
    skipped = "skipped: texts unchanged"
    assert place.outcomes() == ["failed", "refused", skipped, skipped, "refused"]
    setting = ("--set", "trainer.steps=9")
    place.create("nightly", *NEVER, "--corpus", "texts", "--when-data-changes", *setting)
    assert run() == 3  # another configuration makes another model
    (texts / "a.txt").unlink()
    place.create("nightly", *NEVER, "--corpus", "texts", "--when-data-changes", "--retries", "0")
    assert run() == 1
    assert "the folder holds no files" in place.history()[-1]["reason"]


def unreachable() -> None:
    raise failed("gs://bucket", TimeoutError("no answer in 30 s"))


@pytest.mark.parametrize(
    "refuse",
    [
        unreachable,
        lambda: require_job_service("127.0.0.1:9"),
        lambda: locate("late", "/no/such/folder"),
        lambda: resolve("/no/such/folder", Path("/")),
        lambda: locate("late", "/no/such/{SPAN}"),
        lambda: require_text(InspectionReport(()), 0.1),
    ],
)
def test_what_may_pass_is_known_by_the_words_in_which_it_is_said(refuse: Any) -> None:
    with pytest.raises(InputError) as refused:
        refuse()
    verdict = judge({}, str(refused.value), 2, None, 0.0)
    assert (verdict.outcome, verdict.may_pass) == ("failed", True)
    assert not judge({}, "unknown key trainer.stepz", 2, None, 0.0).may_pass


def test_looking_at_texts_and_scheduling_need_no_tensorflow() -> None:
    code = (
        "import sys; from gptfx.pipeline.schedule import daemon, look, units, view; "
        "print({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_model_that_was_withdrawn_is_refused_and_a_forced_one_is_pushed() -> None:
    withdrawn = {**REFUSED, "blessed": True, "refused": ["withdrawn by ann: it swears"]}
    verdict = judge(withdrawn, "", 3, None, 0.0)
    assert (verdict.outcome, verdict.reason) == ("refused", "withdrawn by ann: it swears")
    forced = {**REFUSED, "pushed": True, "forced": True, "model_dir": "/models/7"}
    assert judge(forced, "", 0, None, 0.0).outcome == "pushed"
