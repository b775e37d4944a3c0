"""Who asks the API server, found out before anything is asked: a bad login is one line at once.

The SDK by itself tries a login again and again, and says after half a minute that time is up.
"""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NamedTuple

from gptfx.data.errors import InputError

API = "/apis/v2beta1"
SECONDS = 10.0  # that an answer may take
ASKED_AGAIN = "ask whoever runs the cluster, or log in again"


class Login(NamedTuple):
    """One of three, or nothing where the server asks for none; never part of a command line.

    Attributes:
      token: a bearer token.
      token_file: where a pod's service account finds its token, which changes by the hour.
      cookies: of a session, `NAME=VALUE; NAME=VALUE`.
    """

    token: str | None = None
    token_file: Path | None = None
    cookies: str | None = None

    def __repr__(self) -> str:
        """What is there, and not what it is."""
        given = [name for name, value in zip(self._fields, self, strict=True) if value]
        return f"Login({', '.join(given) or 'nothing'})"

    def bearer(self) -> str | None:
        """The token as it is now. Raises InputError where the file cannot be read."""
        if self.token_file is None:
            return self.token
        try:
            return self.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            problem = "the service account's token cannot be read"
            raise InputError(problem, str(self.token_file), f"mount it: {error}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection is the way to a page where a person logs in."""

    def redirect_request(self, *_: object) -> None:
        return None


def require_login(host: str, login: Login, namespace: str | None, ca_file: str | None) -> None:
    """Raises InputError unless the API server at `host` answers whoever logs in so."""
    query = {"page_size": "1", **({"namespace": namespace} if namespace else {})}
    address = f"{host}{API}/experiments?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(address)
    if ca_file and not Path(ca_file).is_file():
        raise InputError("kubeflow.ca_file is not there", ca_file, "name a file of certificates")
    if token := login.bearer():
        if not (token.isascii() and token.isprintable()):
            problem = "the token holds what no token does: a line's end, or a letter beyond ASCII"
            raise InputError(problem, f"{login!r}", "copy it again")
        request.add_header("Authorization", f"Bearer {token}")
    if login.cookies:
        request.add_header("Cookie", login.cookies)
    try:
        context = ssl.create_default_context(cafile=ca_file)
        handlers = [_NoRedirect(), urllib.request.HTTPSHandler(context=context)]
        with urllib.request.build_opener(*handlers).open(request, timeout=SECONDS) as answer:
            json.load(answer)
    except urllib.error.HTTPError as error:
        with error:  # is a connection, too
            raise _refused(error, host, login, namespace) from None
    except ValueError:
        problem = "what answers is no API server of Kubeflow Pipelines"
        raise InputError(problem, host, "name another kubeflow.host") from None
    except OSError as error:  # also a name that nobody knows, and a certificate
        why = getattr(error, "reason", error)
        remedy = "name another kubeflow.host, or see that it can be reached from here"
        raise InputError(f"the API server does not answer: {why}", host, remedy) from None


def _refused(
    error: urllib.error.HTTPError, host: str, login: Login, namespace: str | None
) -> InputError:
    if error.code in (301, 302, 303, 307, 308):
        return InputError("the API server wants a login first", f"{login!r}", ASKED_AGAIN)
    if error.code == 401:
        return InputError("the API server does not know this login", f"{login!r}", ASKED_AGAIN)
    if error.code == 403:
        problem = "the API server lets this login do nothing here"
        return InputError(problem, f"{login!r}, namespace {namespace}", ASKED_AGAIN)
    problem = f"the API server answers {error.code} {error.reason}"
    return InputError(problem, host, "name another kubeflow.host, or ask whoever runs it")
