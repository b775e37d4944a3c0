"""Packages, compiled once for all tests here, and what runs them."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gptfx.kubeflow.package import Package
from gptfx.pipeline.cluster import compile_package
from gptfx.pipeline.config import load_config


def load(name: str) -> Any:
    """A module beside this one, which no test can import by name."""
    path = Path(__file__).with_name(f"{name}.py")
    found = importlib.util.spec_from_file_location(f"kubeflow_{name}", path)
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def backend_at() -> Callable[..., Any]:
    """Makes a `Backend` of `backend.py` in an empty folder: (folder, volumes ...)."""
    pods = load("pods").pods()

    def make(folder: Path, *volumes: Path) -> Any:
        return load("backend").Backend(folder, pods, *volumes)

    return make


@pytest.fixture
def server() -> Iterator[Any]:
    """An API server in memory, of `api_server.py`."""
    made = load("api_server").Server()
    yield made
    made.close()


@pytest.fixture(scope="session")
def compiled() -> Callable[..., Package]:
    """Compiles a preset with changes; the same again is not compiled again."""
    known: dict[tuple[str, ...], Package] = {}

    def make(preset: str, *settings: str) -> Package:
        key = (preset, *settings)
        if key not in known:
            known[key] = compile_package(load_config(preset, list(settings)))
        return known[key]

    return make
