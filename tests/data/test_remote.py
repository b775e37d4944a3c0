"""What keeps a file behind a URI from being read is one clear line, soon, with a way out."""

import importlib.util
import io
import logging
import threading
from typing import Any

import pytest

from gptfx.data import remote
from gptfx.data.errors import InputError
from gptfx.data.storage import is_folder, list_files, text_bytes


@pytest.mark.parametrize(
    ("uri", "remedy"),
    [
        ("foo://b/a", "gs:// or s3://"),
        ("hdfs://host/a", "copy the texts"),
        ("file:///a", "without file://"),
        ("https://host/a.txt", "data.registered"),
    ],
)
def test_a_scheme_that_cannot_be_read_is_refused_with_a_way_out(uri: str, remedy: str) -> None:
    with pytest.raises(InputError, match=f"Received: '{uri}'.*{remedy}"):
        is_folder(uri)


@pytest.mark.skipif(importlib.util.find_spec("boto3") is not None, reason="boto3 is installed")
def test_s3_without_its_client_says_what_to_install() -> None:
    with pytest.raises(InputError, match=r"without boto3.*s3://b/a.*install boto3"):
        is_folder("s3://b/a")


def test_a_file_system_that_never_answers_is_given_up_in_one_clear_line(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(memory, "before_answer", answer.wait)
    monkeypatch.setattr(remote, "FIRST_CONTACT_S", 0.01)
    with pytest.raises(InputError, match=r"mem:// cannot be reached.*no answer.*the network"):
        is_folder("mem://b/texts")
    answer.set()


def test_an_upload_is_not_begun_where_nobody_answers(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(memory, "exists", lambda *_: answer.wait())
    monkeypatch.setattr(remote, "FIRST_CONTACT_S", 0.01)
    with pytest.raises(InputError, match=r"no answer.*mem://b/a"):
        remote.upload(io.BytesIO(b"words"), "mem://b/a")
    answer.set()
    assert not memory.files


def test_who_may_not_read_may_write(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object) -> None:
        raise PermissionError("403 Forbidden")

    monkeypatch.setattr(memory, "exists", deny)
    remote.upload(io.BytesIO(b"words"), "mem://b/a")
    assert memory.files == {"mem://b/a": b"words"}


def test_a_failure_in_the_midst_of_a_remote_file_is_one_clear_line(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaking:
        def read(self, _: int) -> bytes:
            raise RuntimeError("503\nService Unavailable")

        def close(self) -> None:
            pass

    monkeypatch.setattr(memory, "open", lambda *_: Breaking())
    with pytest.raises(InputError, match=r"RuntimeError: 503 Service Unavailable.*mem://b/a"):
        text_bytes("mem://b/a")


def test_the_reason_inside_beams_own_error_is_what_is_said(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny() -> None:
        raise PermissionError("403 Forbidden")

    monkeypatch.setattr(memory, "before_answer", deny)
    with pytest.raises(InputError, match=r"written: PermissionError: 403 Forbidden\. Received"):
        list_files("mem://b/texts")


def test_what_a_client_said_before_it_asked_again_is_part_of_the_line(
    memory: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, client = threading.Event(), logging.getLogger("apache_beam.utils.retry")

    def ask_again() -> None:
        client.warning("Retry: waiting, because we caught exception: refused Traceback for above")
        answer.wait()

    monkeypatch.setattr(memory, "before_answer", ask_again)
    monkeypatch.setattr(remote, "FIRST_CONTACT_S", 0.5)
    with pytest.raises(InputError, match=r"no answer in .* s\. The last attempt: refused"):
        is_folder("mem://b/texts")
    answer.set()
    assert "Retry" not in capsys.readouterr().err


def test_beams_remarks_are_kept_from_the_root_logger_and_no_others(memory: Any) -> None:
    is_folder("mem://b/texts")
    said, root = logging.LogRecord, logging.getLogger()
    assert not root.filter(said("root", logging.ERROR, "/apache_beam/io/s3io.py", 1, "a", (), None))
    assert root.filter(said("root", logging.ERROR, "/gptfx/data/spans.py", 1, "a", (), None))
