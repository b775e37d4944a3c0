"""The package index the user has configured for pip or uv, read without needing either."""

import configparser
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gptfx.data.errors import InputError

SECTIONS = ("global", "install", "download")  # a later section wins, as a command's own does in pip
PIP_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class IndexSettings:
    """Where to look for a package. No ``index_urls`` means the index client's own default."""

    index_urls: tuple[str, ...] = ()
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    no_index: bool = False
    cert: str | None = None
    """Certificates to trust: a file or a folder; None for the system's."""
    client_cert: str | None = None
    proxy: str | None = None
    timeout_s: float = PIP_TIMEOUT_S


def pip_config_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The configuration files pip would read, later ones win."""
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:  # pip's documented way to say: no files at all
        return ()
    home = Path(environ.get("HOME") or Path.home())
    shared = [
        Path(folder, "pip/pip.conf")
        for folder in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)
    ]
    user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config", "pip/pip.conf")
    files = [*shared, Path("/etc/pip.conf"), home / ".pip/pip.conf", user]
    if sys.platform == "darwin":
        files.insert(0, Path("/Library/Application Support/pip/pip.conf"))
        files.append(home / "Library/Application Support/pip/pip.conf")
    files.append(Path(sys.prefix, "pip.conf"))
    return (*files, Path(chosen)) if chosen else tuple(files)


def pip_options(environ: Mapping[str, str], files: Sequence[Path]) -> dict[str, str]:
    """pip's options by their long name (``index-url``); PIP_* variables win over files.

    Raises InputError for a configuration file that cannot be parsed.
    """
    options: dict[str, str] = {}
    for file in files:
        config = configparser.RawConfigParser(strict=False)
        try:
            config.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError) as error:
            problem = f"pip's configuration cannot be read: {type(error).__name__}"
            remedy = "repair the file, or set PIP_CONFIG_FILE to /dev/null to do without"
            raise InputError(problem, str(file), remedy) from error
        for section in filter(config.has_section, SECTIONS):
            options.update(config.items(section))
    variables = {name: value for name, value in environ.items() if name.startswith("PIP_")}
    spelled = {name[4:].lower().replace("_", "-"): value for name, value in variables.items()}
    return {key.replace("_", "-"): value for key, value in options.items()} | spelled


def read_index_settings(
    environ: Mapping[str, str] = os.environ, files: Sequence[Path] | None = None
) -> IndexSettings:
    """pip's settings, with those of uv's variables (UV_DEFAULT_INDEX and kin) added.

    Adding is safe where choosing would be a guess: what is fetched is known by its sha256, so it
    does not matter which index delivers it. ``files`` replaces pip's configuration files.
    """
    pip = pip_options(environ, pip_config_files(environ) if files is None else files)
    uv = environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL") or ""
    uv_extra = f"{environ.get('UV_INDEX', '')} {environ.get('UV_EXTRA_INDEX_URL', '')}"
    uv_links = environ.get("UV_FIND_LINKS", "").replace(",", " ")
    uv_hosts = environ.get("UV_INSECURE_HOST", "")
    bundle = environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE")
    return IndexSettings(
        index_urls=_urls(pip.get("index-url", ""), uv),
        extra_index_urls=_urls(pip.get("extra-index-url", ""), uv_extra),
        find_links=_urls(pip.get("find-links", ""), uv_links),
        trusted_hosts=_urls(pip.get("trusted-host", ""), uv_hosts),
        no_index=_is_yes(pip.get("no-index", "")) or _is_yes(environ.get("UV_NO_INDEX", "")),
        cert=pip.get("cert") or bundle or None,
        client_cert=pip.get("client-cert") or None,
        proxy=pip.get("proxy") or None,
        timeout_s=_seconds(pip.get("timeout") or pip.get("default-timeout")),
    )


def _urls(*lists: str) -> tuple[str, ...]:
    """Words of the lists, each once. uv lets an index carry a name: ``mine=https://...``."""
    words = " ".join(lists).split()
    bare = (word.split("=", 1)[1] if _has_name(word) else word for word in words)
    return tuple(dict.fromkeys(bare))


def _has_name(word: str) -> bool:
    name, equals, rest = word.partition("=")
    return bool(equals) and name.replace("-", "").replace("_", "").isalnum() and "://" in rest


def _is_yes(value: str) -> bool:
    return value.strip().lower() in ("1", "y", "yes", "t", "true", "on")


def _seconds(value: str | None) -> float:
    try:
        return float(value) if value else PIP_TIMEOUT_S
    except ValueError:
        return PIP_TIMEOUT_S
