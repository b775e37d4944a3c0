"""Makes the environment: which of the two lines of TFX this host takes, and its packages.

Run by `make setup` with whatever Python the host has, before anything is installed, so it uses the
standard library only and old syntax: ``python3 pipeline/environment.py``.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":  # run as a file: gptfx may be missing, or be another checkout's
    import lines
else:
    from gptfx.pipeline import lines

REPOSITORY = Path(__file__).resolve().parent.parent
VENV = REPOSITORY / ".venv"


class SetupError(Exception):
    """What stands in the way, in one line, with what to do."""


def choose_line(glibc):
    """The line for a host's glibc, and why."""
    line = lines.line_for(glibc)
    if line is None:
        raise SetupError("this host has no glibc: use a glibc-based Linux (TFX ships no others)")
    shown = f"{glibc[0]}.{glibc[1]}"
    if line is lines.LINE_B:
        return line, f"glibc {shown} is at least 2.39, which the current TFX needs"
    return line, f"glibc {shown} is older than the 2.39 that newer TFX needs"


def find_uv():
    """Path of uv; fetched by pip into a folder of ours when it is missing."""
    folder = REPOSITORY / "build" / "uv"
    known = shutil.which("uv") or shutil.which("uv", path=str(folder / "bin"))
    if known:
        return known
    say("fetching uv with pip")
    # A venv brings its own pip; the host's may be missing (Debian) or not allowed to install.
    venv = [sys.executable, "-m", "venv", "--clear", str(folder)]
    if subprocess.run(venv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        python, target = sys.executable, ["--upgrade", "--target", str(folder)]
    else:
        python, target = str(folder / "bin" / "python"), []
    pip = [python, "-m", "pip", "install", "-qq", *target, "uv"]
    environment = dict(os.environ, PIP_ROOT_USER_ACTION="ignore")  # as an option: pip >= 22.1 only
    if subprocess.run(pip, env=environment).returncode or not (folder / "bin" / "uv").exists():
        raise SetupError(
            "uv is missing and could not be fetched (see above): install uv, or what pip lacks "
            "(on Debian: python3-venv), then run make setup"
        )
    return str(folder / "bin" / "uv")


def find_python(uv, line):
    """Path of a Python that the line runs on, fetched by uv if that is possible."""
    for version in line.pythons:
        for candidate in candidates(uv, version):
            if runs(candidate, version):
                return candidate
    wanted, pythons = line.pythons[0], " or ".join(line.pythons)
    say(f"no Python {pythons} here; asking uv to fetch one")
    fetched = subprocess.run([uv, "python", "install", wanted], stderr=subprocess.DEVNULL)
    found = None if fetched.returncode else uv_python(uv, wanted)
    if found:
        return found
    raise SetupError(
        f"TFX {line.tfx} needs Python {pythons}, which is neither here nor to be fetched: "
        f"install it (for example: pyenv install {wanted}), then run make setup"
    )


def candidates(uv, version):
    """Where a Python of that version may be: uv's finds, the PATH, pyenv's folder."""
    yield uv_python(uv, version)
    yield shutil.which("python" + version)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for folder in sorted(pyenv.glob(f"versions/{version}.*"), reverse=True):
        yield str(folder / "bin" / "python")


def uv_python(uv, version):
    """The Python of that version that uv knows, or None."""
    command = [uv, "python", "find", "--no-python-downloads", "--system", version]
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return found.stdout.decode().strip() if found.returncode == 0 else None


def runs(python, version):
    """Whether `python` starts and is of that version; a pyenv shim may be there and not start."""
    if not python or not os.path.exists(python):
        return False
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.decode().strip() == version


def install(uv, python, line):
    """Makes .venv from the line's lock, compiled to bytecode."""
    environment = dict(os.environ, VIRTUAL_ENV=str(VENV))
    if not runs(str(VENV / "bin" / "python"), version_of(python)):
        call([uv, "venv", "--quiet", "--clear", "--python", python, str(VENV)], environment)
    say(f"installing {line.lock.relative_to(REPOSITORY)} into .venv")
    # Without bytecode an import of TFX takes about a minute, in every process.
    sync = [uv, "pip", "sync", "--quiet", "--compile-bytecode", str(line.lock)]
    call(sync, environment, line.needs)
    link(uv)


def version_of(python):
    """`3.10`, say, of a Python that starts."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.check_output([python, "-c", code]).decode().strip()


def link(uv):
    """Puts gptfx itself into .venv, as links to the rooms; again whenever a file was added."""
    strict = ["--config-settings", "editable_mode=strict"]  # a real folder: see pipeline/root
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *strict]
    call([*command, "-e", str(REPOSITORY)], dict(os.environ, VIRTUAL_ENV=str(VENV)))


def call(command, environment, needs=""):
    """Runs a command of uv's; its failure is ours, and uv has said why."""
    if subprocess.run(command, env=environment).returncode:
        raise SetupError(f"set-up failed (see above): mend the cause{needs}, then run make setup")


def say(message):
    """One line for the person who waits."""
    print("setup: " + message, flush=True)


def main():
    """Sets up, or only links; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--link", action="store_true", help="only link gptfx into .venv again")
    try:
        if parser.parse_args().link:
            link(find_uv())
            return 0
        line, reason = choose_line(lines.glibc_version())
        uv = find_uv()
        python = find_python(uv, line)
        say(f"line {line.name}: TFX {line.tfx} on Python {version_of(python)}, because {reason}")
        install(uv, python, line)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 2
    say("done; try: make run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
