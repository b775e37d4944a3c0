"""Takes a corpus that is one file: from its address on the web, or from a copy at hand."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from gptfx.data.archive import sha256_of
from gptfx.data.catalogue import Corpus, WebFile
from gptfx.data.errors import InputError
from gptfx.data.index_client import Progress, web_session, without_secrets
from gptfx.data.index_settings import read_index_settings

MOST_BYTES = 1 << 40  # where only the sha256 is known


def take_file(
    corpus: Corpus, source: WebFile, target: Path, at_hand: Path | None, progress: Progress | None
) -> None:
    """Writes the corpus's one file to ``target``, from ``at_hand`` if that is given.

    Raises InputError for an address that cannot be reached and for bytes that are not the corpus.
    """
    if at_hand:
        _copy(at_hand, target)
    else:
        _download(source.url, target, corpus, progress)
    if (found := sha256_of([target])) != corpus.sha256:
        problem = f"this is not the corpus {corpus.name} (sha256 {corpus.sha256})"
        where = at_hand or without_secrets(source.url)
        received = f"{where}: {target.stat().st_size} bytes, sha256 {found}"
        raise InputError(
            problem, received, f"get the file again; `--from FILE` takes {corpus.files[0]}"
        )


def why_unreachable(url: str, timeout_s: float) -> str | None:
    """Why an address does not answer; None if it does. Fetches nothing."""
    try:
        settings = replace(read_index_settings(), timeout_s=timeout_s)
        with web_session(settings) as client:
            client.head(url).raise_for_status()
    except Exception as error:  # the client's errors have no base that both lines share
        return _first_line(error)
    return None


def _first_line(error: Exception) -> str:
    lines = without_secrets(str(error)).splitlines()
    return lines[0] if lines else type(error).__name__


def _copy(at_hand: Path, target: Path) -> None:
    if not at_hand.is_file():
        raise InputError("the file to fetch from is not a file", str(at_hand), "give its path")
    try:
        at_hand.open("rb").close()
    except OSError as error:
        problem = f"the file to fetch from cannot be read: {error.strerror}"
        raise InputError(problem, str(at_hand), "make it readable") from error
    shutil.copyfile(at_hand, target)


def _download(url: str, target: Path, corpus: Corpus, progress: Progress | None) -> None:
    try:
        with web_session(read_index_settings()) as client, client.stream("GET", url) as answer:
            answer.raise_for_status()
            _save(answer, target, corpus.bytes, progress)
    except (InputError, OSError):  # the caller speaks of full disks
        raise
    except Exception as error:  # the client's errors have no base that both lines share
        problem = f"the corpus {corpus.name} could not be fetched: {_first_line(error)}"
        remedy = (
            "check the network (pip's proxy and cert settings are used), or get the file elsewhere"
            f" and run `gptfx data fetch {corpus.name} --from FILE`, or use another corpus"
        )
        raise InputError(problem, without_secrets(url), remedy) from error


def _save(answer: Any, target: Path, expected: int | None, progress: Progress | None) -> None:
    """Streams an HTTP answer to a file, no more of it than is expected."""
    done, limit = 0, expected or MOST_BYTES
    total = expected or int(answer.headers.get("content-length", 0))
    with target.open("wb") as file:
        for block in answer.iter_bytes():
            done += file.write(block)
            if done > limit:
                raise InputError("the file is too large", f"{done} bytes", f"find one of {limit}")
            if progress:
                progress(done, total)
