"""Reaches Apache Beam's file systems, within a time; whatever fails there is one clear line.

Beam is imported when the first URI is met, not before.
"""

import functools
import importlib
import importlib.util
import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from gptfx.data.errors import InputError

NEEDS = {"gs": "google.cloud.storage", "s3": "boto3", "azfs": "azure.storage.blob"}
PACKAGES = {"gs": "google-cloud-storage", "azfs": "azure-storage-blob azure-identity"}
LOGIN = {
    "gs": "the login (`gcloud auth application-default login`, GOOGLE_APPLICATION_CREDENTIALS)",
    "s3": "the login and the server (AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL)",
}
REGISTER = "register the address in a configuration (data.registered), and name it"
INSTEAD = {
    "file": "write the path without file://",
    "http": REGISTER,
    "https": REGISTER,
    "hdfs": "copy the texts to this machine, gs:// or s3://: Beam needs settings for HDFS that"
    " there is no way to give here",
}
TALKATIVE = ("apache_beam.utils.retry", "google.api_core.retry", "google.auth._default", None)
Result = TypeVar("Result")


def on_beam(uri: str, act: Callable[[Any], Result], limit_s: float | None) -> Result:
    """What ``act`` makes of Beam's FileSystems, within a time; failures become InputErrors."""
    beam = _file_systems(uri)
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            _log_in(uri)
            outcome.append(act(beam))
        except BaseException as error:
            failure.append(error)

    _HEARD.text = ""
    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(limit_s)
    if outcome:
        return outcome[0]
    if failure:
        raise failed(uri, failure[0]) from failure[0]
    raise failed(uri, TimeoutError(f"no answer in {limit_s:.0f} s. {_HEARD.text}"))


class _LastWords(logging.Filter):
    """Keeps what a client said last before it asked again, and shows it to nobody else.

    Beam's client of S3 speaks through the root logger, so of that only what Beam says counts.
    """

    text = ""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "root" and "apache_beam" not in record.pathname:
            return True
        said = re.split(r"Traceback|['\")]*, sleeping", record.getMessage())[0]
        reason = re.split("caught exception: |due to |Caused by |object at 0x[0-9a-f]+>: ", said)
        self.text = f"The last attempt: {reason[-1]}"
        return False


_HEARD = _LastWords()


def _file_systems(uri: str) -> Any:
    """Beam's FileSystems. Raises InputError if there is none for this URI."""
    scheme = _scheme(uri)
    if scheme in INSTEAD:
        raise InputError(f"{scheme}:// cannot be read here", uri, INSTEAD[scheme])
    if not _is_installed(NEEDS.get(scheme, "apache_beam")):
        package = PACKAGES.get(scheme, NEEDS.get(scheme, "apache-beam"))
        problem = f"{scheme}:// cannot be read here without {package}"
        install = f"`pip --python {sys.executable} install {package}`"
        raise InputError(problem, uri, f"{install}, or copy the texts to this machine")
    beam, systems = _import_beam()
    if scheme not in {system.scheme() for system in systems.get_all_subclasses()}:
        remedy = "give a path of this machine, or a URI of gs:// or s3://"
        raise InputError(f"there is no file system for {scheme}://", uri, remedy)
    return beam


@functools.cache
def _import_beam() -> tuple[Any, Any]:
    """Beam's FileSystems, and the base class of what they are."""
    with warnings.catch_warnings():  # Google's clients warn of Pythons they will leave
        warnings.simplefilter("ignore", FutureWarning)
        beam: Any = importlib.import_module("apache_beam.io.filesystems").FileSystems
        systems: Any = importlib.import_module("apache_beam.io.filesystem").FileSystem
        options: Any = importlib.import_module("apache_beam.options.pipeline_options")
        values: Any = importlib.import_module("apache_beam.options.value_provider")
    # Where no pipeline has set any, Beam would read our command line, and S3 would not start.
    if not (beam._pipeline_options or values.RuntimeValueProvider.runtime_options):
        beam.set_options(options.PipelineOptions([]))
    for name in TALKATIVE:
        logging.getLogger(name).addFilter(_HEARD)
    logging.getLogger("google.api_core.retry").setLevel(logging.DEBUG)  # to be heard at all
    return beam, systems


def _log_in(uri: str) -> None:
    """Settles at once what Beam's clients would be long about."""
    if _scheme(uri) == "gs":
        _log_in_to_google()


@functools.cache
def _log_in_to_google() -> None:
    """Where there is no login, Beam asks five times, half a minute long, before it does without."""
    import google.auth
    from apache_beam.internal.gcp.auth import _Credentials

    try:
        google.auth.default()
    except google.auth.exceptions.DefaultCredentialsError:
        _Credentials._credentials_init = True  # and there are none


def failed(uri: str, error: BaseException) -> InputError:
    """Says what the client said, in one line."""
    while details := getattr(error, "exception_details", None):  # Beam wraps the reason
        error = next(iter(details.values()))
    scheme = _scheme(uri)
    said = " ".join(f"{type(error).__name__}: {error}".split())
    problem = f"{scheme}:// cannot be reached, read or written: {said}"
    what = LOGIN.get(scheme, "the login")
    remedy = f"check the address, the network and {what}, or copy the texts to this machine"
    return error if isinstance(error, InputError) else InputError(problem[:400], uri, remedy)


def _scheme(uri: str) -> str:
    return uri.partition("://")[0]


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a parent package
        return False
