"""Who hears of a run: a command, an address; and that no password of theirs is shown."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

SECRET = "hunter2"


class Listener(HTTPServer):
    """Keeps what it is told; answers with `statuses` in turn, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard: list[dict[str, Any]] = []
        self.statuses: list[int] = []

    @property
    def address(self) -> str:
        return f"http://user:{SECRET}@127.0.0.1:{self.server_port}/{SECRET}?token={SECRET}"


class Handler(BaseHTTPRequestHandler):
    """Of one request."""

    server: Listener

    def do_POST(self) -> None:
        """Reads JSON."""
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server on this machine."""
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def trigger(place: Any, *words: str) -> Any:
    place.create("nightly", "--every", "300d", *words)
    return place.ask("trigger", "nightly", "--command", place.fake)


def test_a_command_gets_the_outcome_as_json_and_in_its_environment(place: Any) -> None:
    hook = 'cat > heard.json; echo "$GPTFX_OUTCOME $GPTFX_SCHEDULE $GPTFX_MODEL_DIR" > heard.txt'
    assert trigger(place, "--on-blessed", hook).code == 0
    heard = json.loads((place.folder / "heard.json").read_text())
    assert (heard["event"], heard["outcome"], heard["schedule"]) == ("blessed", "pushed", "nightly")
    assert heard["metrics"] == {"bits_per_byte": 2.5}
    assert heard["run_id"] == place.pushed["run_id"]
    assert heard["root"] == str(place.root)
    assert (place.folder / "heard.txt").read_text() == "pushed nightly /models/7\n"


def test_an_address_gets_it_by_post_and_is_asked_again(place: Any, listener: Listener) -> None:
    listener.statuses = [503]
    done = trigger(place, "--on-blessed", listener.address)
    assert [each["outcome"] for each in listener.heard] == ["pushed", "pushed"]
    assert place.history()[0]["hook"] == "ok"
    shown = done.out + done.err + place.ask("list").out + place.ask("list", "--json").out
    assert SECRET not in shown
    masked = f"http://127.0.0.1:{listener.server_port}/***"
    assert place.ask("list", "--json").json[0]["hooks"] == {"blessed": masked}


def test_each_event_has_its_hook_and_nothing_new_is_no_event(place: Any) -> None:
    hooks = [word for e in ("blessed", "refused") for word in (f"--on-{e}", f"echo {e} >> heard")]
    place.behave(said={**place.pushed, "pushed": False, "unchanged": True})
    assert trigger(place, *hooks).code == 0
    assert not (place.folder / "heard").exists()
    assert place.outcomes() == ["unchanged"]
    place.behave(said={"blessed": False, "refused": ["worse"]}, code=3)
    assert trigger(place, *hooks).code == 3
    place.behave(code=1, words="broken")
    assert trigger(place, *hooks, "--retries", "0").code == 1
    assert (place.folder / "heard").read_text() == "refused\n"


def test_a_hook_that_fails_is_written_down_and_fails_nothing(
    place: Any, listener: Listener
) -> None:
    done = trigger(place, "--on-blessed", f"echo {SECRET}; exit 7")
    assert (done.code, place.history()[0]["hook"]) == (0, "failed: exit code 7")
    assert "nightly: hook failed: exit code 7" in done.out
    listener.statuses = [404] * 3
    done = trigger(place, "--on-blessed", listener.address)
    where = f"http://127.0.0.1:{listener.server_port}/***"
    assert (done.code, place.history()[1]["hook"]) == (0, f"failed: {where} answers 404")
    listener.server_close()
    listener.shutdown()
    assert trigger(place, "--on-blessed", listener.address).code == 0
    assert place.history()[2]["hook"] == f"failed: {where}: ConnectError"
    assert SECRET not in done.out + place.ask("history").out + place.ask("list", "--json").out


def test_a_hook_has_its_time(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from gptfx.pipeline.schedule import hooks
    from gptfx.pipeline.schedule.definition import Schedule
    from gptfx.pipeline.schedule.history import History
    from gptfx.pipeline.schedule.sqlite_file import make_store

    monkeypatch.setattr(hooks, "SECONDS", 0.5)
    history = History(make_store(place.root / "schedules.sqlite"))
    history.enqueue("nightly", 1.0, "time", 1.0)
    (attempt,) = history.listed()
    history.settle(attempt, {"outcome": "pushed"}, None, False)
    hook = {"blessed": "sleep 100 & sleep 100"}
    schedule = Schedule("nightly", {}, "UTC", "smoke", str(place.folder), hooks=hook)
    told = hooks.tell(schedule, history.attempt(attempt.id), place.root)
    assert told.startswith("failed: not done within")


def test_a_hook_that_did_not_hear_of_a_run_hears_of_it_after_a_restart(place: Any) -> None:
    from gptfx.pipeline.schedule.history import History
    from gptfx.pipeline.schedule.sqlite_file import open_store

    place.create("nightly", "--every", "300d", "--on-blessed", "cat > heard.json")
    history = History(open_store(place.root / "schedules.sqlite"))
    history.enqueue("nightly", 1.0, "time", 1.0)
    (attempt,) = history.listed()
    history.settle(attempt, {"outcome": "pushed", "hook": "pending"}, None, False)
    place.serve()
    place.wait(lambda: "nightly: hook ok" in place.said)
    assert json.loads((place.folder / "heard.json").read_text())["outcome"] == "pushed"
