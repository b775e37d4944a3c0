"""``make image``: what the engine is told, what the image holds, and what it says where it cannot.

Building takes minutes: `make test-kubeflow` does, and looks at what came of it.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gptfx.pipeline import debian_root, image, lines

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = (REPOSITORY / "kubeflow" / "Dockerfile").read_text(encoding="utf-8")
CUDA_LOCK = lines.LOCKS / "line-b-cuda.txt"


def test_the_engine_is_told_variant_version_and_revision(tmp_path: Path) -> None:
    secrets = (tmp_path / "certificates", tmp_path / "settings")
    command = image.build_command("podman", "cuda", ["gptfx:1"], "debian:13", secrets)
    told = dict(word.split("=", 1) for word in command if re.match("[A-Z]+=", word))
    assert told["VARIANT"] == "cuda"
    assert told["BASE"] == "debian:13"
    assert f'version = "{told["VERSION"]}"' in (REPOSITORY / "pyproject.toml").read_text()
    assert re.fullmatch("[0-9a-f]{40}(-dirty)?|unknown", told["REVISION"])
    assert command[-2:] == ["--file=kubeflow/Dockerfile", "."]


def test_a_checkout_that_is_not_as_committed_is_called_dirty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> str:
        named = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", *named, *words]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    monkeypatch.setattr(image, "REPOSITORY", tmp_path)
    git("init", "-q")
    assert image.revision() == "unknown"
    git("commit", "-q", "--allow-empty", "-m", "first")
    assert image.revision() == git("rev-parse", "HEAD")
    (tmp_path / "new").touch()
    assert image.revision() == git("rev-parse", "HEAD") + "-dirty"


def test_how_packages_are_reached_is_no_argument_but_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("trusted")
    monkeypatch.setattr(debian_root, "CERTIFICATES", str(authority))
    environ = {"PIP_INDEX_URL": "https://me:pass word@index", "UV_PYTHON": "x", "TOKEN": "t"}
    secrets = image.write_settings(tmp_path, environ)
    certificates, settings = secrets
    assert certificates.read_text() == "trusted"
    done = subprocess.run(
        ["sh", "-c", f". {settings}; env"], capture_output=True, text=True, check=True, env={}
    )
    assert "PIP_INDEX_URL=https://me:pass word@index\n" in done.stdout
    assert "SSL_CERT_FILE=/run/secrets/certificates\n" in done.stdout
    assert "UV_PYTHON" not in done.stdout
    assert "TOKEN" not in done.stdout
    command = image.build_command("docker", "cpu", ["a"], None, secrets)
    assert not any("pass" in word for word in command)


def engines(monkeypatch: pytest.MonkeyPatch, there: set[str], answering: set[str]) -> None:
    def run(command: list[str], **_: Any) -> Any:
        return subprocess.CompletedProcess(command, int(command[0] not in answering))

    monkeypatch.setattr(image.shutil, "which", lambda name: name if name in there else None)
    monkeypatch.setattr(image.subprocess, "run", run)


def test_a_client_without_its_engine_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    engines(monkeypatch, {"docker", "podman"}, {"podman"})
    assert image.find_engine(None) == "podman"
    with pytest.raises(debian_root.CannotError, match="no docker answers here"):
        image.find_engine("docker")


def test_without_an_engine_it_says_what_is_missing_and_exits_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engines(monkeypatch, set(), set())
    assert image.main([]) == 3
    said = capsys.readouterr().err
    assert said.startswith("image: cannot be built here: no docker and no podman answers here")
    assert said.count("\n") == 1


def test_the_image_is_made_of_every_room_and_of_nothing_that_the_context_lacks() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    names = {name.split("/")[0] for words in copied for name in words.split()}
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8")
    assert set(re.findall(r"^!(.+)$", ignored, re.MULTILINE)) == names
    assert {"data", "modules", "components", "pipeline", "kubeflow"} <= names
    assert all((REPOSITORY / name).exists() for name in names)


def test_whoever_the_image_runs_as_is_whom_the_manifests_know() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users[0] == users[-1] == "10001:10001"
    serving = (REPOSITORY / "kubeflow" / "manifests" / "base" / "serving.yaml").read_text()
    assert "runAsUser: 10001" in serving


def test_cuda_comes_in_exact_versions_and_changes_no_other_package() -> None:
    def names(lock: Path) -> set[str]:
        return {line.partition("==")[0] for line in lock.read_text().splitlines()}

    for line in CUDA_LOCK.read_text().splitlines():
        assert re.fullmatch(r"nvidia-[a-z0-9-]+==[0-9.]+", line)
    assert not names(CUDA_LOCK) & names(lines.LINE_B.lock)
