"""What an installation lacks that is no checkout: nothing that only developers need."""

import importlib.metadata
import json
from typing import Any

import pytest

from gptfx.pipeline.doctor import packages
from gptfx.pipeline.lines import line_of_python


class Without:
    """A distribution, but for how it was installed."""

    def __init__(self, found: Any) -> None:
        self.found, self.metadata, self.version = found, found.metadata, found.version
        self.requires = found.requires

    def locate_file(self, path: str) -> Any:
        return self.found.locate_file(path)

    def read_text(self, name: str) -> str | None:
        return None if name == "direct_url.json" else self.found.read_text(name)


@pytest.fixture
def without_developers_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest and hypothesis are not here, as far as the doctor can see."""
    real = list(importlib.metadata.distributions())

    def listed() -> list[Any]:
        names = ("pytest", "hypothesis")
        return [each for each in real if each.metadata["Name"].lower() not in names]

    monkeypatch.setattr(packages.importlib.metadata, "distributions", listed)


@pytest.mark.usefixtures("without_developers_packages")
def test_a_checkout_misses_its_developers_packages() -> None:
    found = {finding.name for finding in packages.examine_packages(line_of_python())}
    assert {"package pytest", "package hypothesis"} <= found


@pytest.mark.usefixtures("without_developers_packages")
def test_an_installed_wheel_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = packages._installed()
    ours = Without(installed[packages.PROJECT])
    monkeypatch.setattr(packages, "_installed", lambda: {**installed, packages.PROJECT: ours})
    (finding,) = packages.examine_packages(line_of_python())
    assert finding.name == "packages"


def test_this_is_a_checkout() -> None:
    url = packages._installed()[packages.PROJECT].read_text("direct_url.json")
    assert json.loads(url)["dir_info"]["editable"]
