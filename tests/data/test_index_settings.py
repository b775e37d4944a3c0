"""pip's and uv's settings, read without either."""

import os
from pathlib import Path

import pytest

from gptfx.data.errors import InputError
from gptfx.data.index_settings import IndexSettings, pip_config_files, read_index_settings


def conf(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_without_any_setting_the_index_client_keeps_its_default() -> None:
    assert read_index_settings({}, []) == IndexSettings()


def test_lists_may_stand_on_one_line_or_on_several(tmp_path: Path) -> None:
    file = conf(tmp_path / "pip.conf", "[global]\nfind-links = /a /b\n  /c\n")
    assert read_index_settings({}, [file]).find_links == ("/a", "/b", "/c")


def test_a_later_file_wins_over_an_earlier_and_a_variable_over_both(tmp_path: Path) -> None:
    first = conf(tmp_path / "1", "[global]\nindex-url = file:///1\ncert = /1.pem\n")
    second = conf(tmp_path / "2", "[global]\nindex_url = file:///2\n")
    assert read_index_settings({}, [first, second]).index_urls == ("file:///2",)
    settings = read_index_settings({"PIP_INDEX_URL": "file:///3"}, [first, second])
    assert (settings.index_urls, settings.cert) == (("file:///3",), "/1.pem")


def test_uv_variables_are_added_with_their_names_taken_off() -> None:
    environ = {
        "PIP_EXTRA_INDEX_URL": "file:///pip",
        "UV_DEFAULT_INDEX": "mine=file:///default",
        "UV_INDEX": "file:///named?a=b",
        "UV_EXTRA_INDEX_URL": "file:///extra file:///pip",
        "UV_FIND_LINKS": "/a,/b",
    }
    settings = read_index_settings(environ, [])
    assert settings.index_urls == ("file:///default",)
    assert settings.extra_index_urls == ("file:///pip", "file:///named?a=b", "file:///extra")
    assert settings.find_links == ("/a", "/b")


def test_trust_proxy_and_timeout_are_read() -> None:
    environ = {"PIP_TRUSTED_HOST": "mirror", "PIP_PROXY": "http://p", "PIP_DEFAULT_TIMEOUT": "3"}
    settings = read_index_settings(environ | {"REQUESTS_CA_BUNDLE": "/ca.pem"}, [])
    assert settings.trusted_hosts == ("mirror",)
    assert (settings.proxy, settings.timeout_s, settings.cert) == ("http://p", 3.0, "/ca.pem")


def test_a_file_that_is_no_configuration_is_named(tmp_path: Path) -> None:
    file = conf(tmp_path / "pip.conf", "index-url = file:///1\n")
    with pytest.raises(InputError, match=r"pip\.conf"):
        read_index_settings({}, [file])


def test_files_are_read_from_the_general_to_the_particular(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/mine.conf"}
    files = pip_config_files(environ)
    assert files[-1] == Path("/mine.conf")
    assert files.index(Path("/etc/pip.conf")) < files.index(tmp_path / ".config/pip/pip.conf")


def test_the_null_device_as_configuration_file_means_no_files() -> None:
    assert pip_config_files({"PIP_CONFIG_FILE": os.devnull}) == ()
