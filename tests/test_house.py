"""The house: imports run one way, everything that ships is in the wheel, names resolve."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
MAY_IMPORT = {
    "data": set(),
    "modules": {"data"},
    "components": {"modules", "data"},
    "kubeflow": {"data"},  # its errors
    "pipeline": {"components", "modules", "data", "kubeflow"},
}
SOURCES = [path for room in MAY_IMPORT for path in sorted((REPOSITORY / room).rglob("*.py"))]


def imported_rooms(path: Path) -> set[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide the arrows"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == "gptfx" and len(part) > 1} & set(MAY_IMPORT)


def imported_names(path: Path) -> set[str]:
    """Top-level names of the packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_imports_run_with_the_arrows(path: Path) -> None:
    room = path.relative_to(REPOSITORY).parts[0]
    assert imported_rooms(path) - {room} <= MAY_IMPORT[room]


def test_no_room_needs_what_only_developers_install() -> None:
    """An image or a plain `pip install` has no test runner, and whatever comes with it."""
    content = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    dev = re.search(r"^dev = \[(.*?)^\]", content, re.MULTILINE | re.DOTALL)[1]
    of_developers = set(re.findall(r'"([\w-]+)', dev))
    assert "pytest" in of_developers
    distributions = importlib.metadata.packages_distributions()
    for path in SOURCES:
        for name in imported_names(path):
            found = set(distributions.get(name, ()))
            assert not found & of_developers, f"{path} imports {name}"


def test_every_room_is_there() -> None:
    assert len(SOURCES) > 40


def test_code_stands_in_the_rooms_alone() -> None:
    at_top = {path.name for path in REPOSITORY.glob("*.py")}
    assert at_top == {"setup.py"}


def test_the_wheel_holds_every_source_and_every_text(tmp_path: Path) -> None:
    code = (
        "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    )
    copy = tmp_path / "gptfx"
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in files.stdout.splitlines():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((REPOSITORY / name).read_bytes())
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=copy, check=True, capture_output=True
    )
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    for path in SOURCES:
        inside = path.relative_to(REPOSITORY).as_posix().replace("pipeline/root/", "")
        assert f"gptfx/{inside}" in names
    for text in ("data/texts/unicode.txt", "data/texts/scene.txt", "pipeline/presets/smoke.yaml"):
        assert f"gptfx/{text}" in names
    assert "gptfx/modules/tokenizers/codepoints.txt" in names
    assert "gptfx/components/schema/schema.pbtxt" in names
    assert {f"gptfx/components/model_card/card.{kind}.j2" for kind in ("md", "html")} <= names
    assert not any(name.startswith(("tests/", "gptfx/pipeline/root")) for name in names)


def test_a_working_directory_called_gptfx_does_not_hide_the_package(tmp_path: Path) -> None:
    (tmp_path / "gptfx" / "pipeline").mkdir(parents=True)
    code = "import gptfx, gptfx.data.errors; print(gptfx.__version__, gptfx.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(tmp_path) not in done.stdout
