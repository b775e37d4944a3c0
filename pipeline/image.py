"""Builds the image that a cluster's pods run: ``make image``.

With docker or podman, from ``kubeflow/Dockerfile``; labelled with the version and the git revision.
How packages are reached here (certificates, an index) is handed over as secrets, of which no layer
keeps anything. Where no registry is reachable, ``--debootstrap`` makes the base image itself, as
root.

Exit codes: 0 built; 1 the build failed; 2 bad input; 3 it cannot be built on this host, and why.
Standard library only, like the set-up.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":  # run as a file: gptfx may be missing, or be another checkout's
    import debian_root
else:
    from gptfx.pipeline import debian_root

REPOSITORY = debian_root.REPOSITORY
ENGINES, VARIANTS = ("docker", "podman"), ("cpu", "cuda")
BASE_OF_OURS = "localhost/gptfx-base:trixie"
SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
FAILED, CANNOT = 1, 3


def version():
    """The project's."""
    content = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.+)"$', content, re.MULTILINE)[1]


def revision():
    """The commit, with ``-dirty`` where the checkout is not as committed; else `unknown`."""

    def git(*words):
        done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if not commit:
        return "unknown"
    return f"{commit}-dirty" if git("status", "--porcelain") else commit


def find_engine(wanted):
    """The one that is wanted, or the first that answers. Raises CannotError."""
    for engine in (wanted,) if wanted else ENGINES:
        # Docker's client may be there without its engine.
        if shutil.which(engine) and subprocess.run([engine, "info"], **SILENT).returncode == 0:
            return engine
    missing = wanted or " and no ".join(ENGINES)
    raise debian_root.CannotError(
        f"no {missing} answers here: install one (on Debian: podman and runc), or start it"
    )


def write_settings(folder, environ):
    """How packages are reached, as a shell file; and the certificates to trust. Their paths."""
    certificates, settings = folder / "certificates", folder / "settings"
    of_host = Path(debian_root.CERTIFICATES)
    certificates.write_bytes(of_host.read_bytes() if of_host.is_file() else b"")
    lines = [
        f"export {name}={shlex.quote(value)}"
        for name, value in sorted(environ.items())
        if name.startswith(("PIP_", "UV_")) and name not in ("PIP_CERT", "UV_PYTHON")
    ]
    if certificates.stat().st_size:
        names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
        lines += [f"export {name}=/run/secrets/certificates" for name in names]
    settings.write_text("".join(f"{line}\n" for line in lines))
    return certificates, settings


def build_command(engine, variant, tags, base, secrets):
    """The engine's command line."""
    arguments = {"VARIANT": variant, "VERSION": version(), "REVISION": revision()}
    if base:
        arguments["BASE"] = base
    certificates, settings = secrets
    return [
        engine,
        "build",
        *(word for tag in tags for word in ("--tag", tag)),
        *(word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))),
        f"--secret=id=certificates,src={certificates}",
        f"--secret=id=settings,src={settings}",
        "--network=host",
        "--file=kubeflow/Dockerfile",
        ".",
    ]


def base_of_ours(engine):
    """A Debian 13 base image, made here unless it is there; for hosts without a registry."""
    known = subprocess.run([engine, "image", "inspect", BASE_OF_OURS], **SILENT)
    if known.returncode == 0:
        return BASE_OF_OURS
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        raise debian_root.CannotError("a base image is only made as root, with debootstrap there")
    with tempfile.TemporaryDirectory() as folder:
        root, archive = Path(folder) / "root", Path(folder) / "root.tar"
        say(f"making {BASE_OF_OURS} with debootstrap")
        debian_root.debootstrap(root)
        subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
        subprocess.run([engine, "import", str(archive), BASE_OF_OURS], check=True)
    return BASE_OF_OURS


def main(arguments):
    """Builds; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make image", description=__doc__.splitlines()[0])
    parser.add_argument("--variant", choices=VARIANTS, default="cpu")
    parser.add_argument("--tag", help="instead of gptfx:VERSION and gptfx:latest (-cuda)")
    parser.add_argument("--engine", choices=ENGINES, help="the first that is there")
    parser.add_argument("--base", help="the image to start from: a Debian 13")
    parser.add_argument("--debootstrap", action="store_true", help="make the base image here")
    told = parser.parse_args(arguments)
    suffix = "" if told.variant == "cpu" else f"-{told.variant}"
    tags = [told.tag] if told.tag else [f"gptfx:{version()}{suffix}", f"gptfx:latest{suffix}"]
    try:
        engine = find_engine(told.engine)
        base = base_of_ours(engine) if told.debootstrap else told.base
    except debian_root.CannotError as error:
        print(f"image: cannot be built here: {error}", file=sys.stderr)
        return CANNOT
    with tempfile.TemporaryDirectory() as folder:
        secrets = write_settings(Path(folder), os.environ)
        command = build_command(engine, told.variant, tags, base, secrets)
        environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
        if subprocess.run(command, cwd=REPOSITORY, env=environment).returncode:
            hint = "" if base else "; where no registry is reachable: make image ARGS=--debootstrap"
            print(f"image: the build failed (see above){hint}", file=sys.stderr)
            return FAILED
    say(f"built {' and '.join(tags)}")
    return 0


def say(message):
    """One line for the person who waits."""
    print("image: " + message, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
