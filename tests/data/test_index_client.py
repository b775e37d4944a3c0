"""Downloads from a server on this machine, and what may go wrong on the way."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gptfx.data.errors import InputError
from gptfx.data.fetch import fetch
from gptfx.data.index_client import find_place
from gptfx.data.index_settings import read_index_settings


def left_below(home: Path) -> list[str]:
    return [path.name for path in home.glob("corpora/*") if path.suffix != ".lock"]


@pytest.fixture
def served(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """``tiny`` behind a server on this machine."""
    serve = partial(http.server.SimpleHTTPRequestHandler, directory=str(tiny.archive.parent))
    monkeypatch.setattr(serve.func, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        address = f"http://user:secret@127.0.0.1:{server.server_port}/"
        monkeypatch.setenv("PIP_FIND_LINKS", address)
        yield tiny
        server.shutdown()


def test_progress_is_told_in_bytes(served: Any, tmp_path: Path) -> None:
    size, told = served.archive.stat().st_size, []
    fetch("tiny", tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (size, size)


@pytest.mark.usefixtures("served")
def test_an_interrupted_download_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(*_: int) -> None:
        assert any((tmp_path / "corpora").glob(".tiny-*"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("tiny", tmp_path, progress=interrupt)
    assert left_below(tmp_path) == []


def test_a_download_that_does_not_end_is_cut_off(served: Any, tmp_path: Path) -> None:
    served.archive.write_bytes(bytes(100_000))
    with pytest.raises(InputError, match="too large"):
        fetch("tiny", tmp_path)
    assert left_below(tmp_path) == []


def test_no_message_shows_the_password_of_an_index(served: Any, tmp_path: Path) -> None:
    served.archive.unlink()
    with pytest.raises(InputError, match=r"http://\*\*\*@127\.0\.0\.1") as raised:
        fetch("tiny", tmp_path)
    assert "secret" not in str(raised.value)


def test_the_place_that_lists_an_archive_is_named_without_its_password(served: Any) -> None:
    place, reasons = find_place(served.corpus.source, read_index_settings())
    assert place.startswith("http://***@127.0.0.1:")
    assert reasons == []


def test_where_no_place_lists_an_archive_each_says_why(served: Any) -> None:
    served.archive.unlink()
    place, reasons = find_place(served.corpus.source, read_index_settings())
    assert place is None
    assert len(reasons) == 1
    assert "has no source archive of tiny 1.0" in reasons[0]
    assert "secret" not in reasons[0]
