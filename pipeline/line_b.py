"""Runs the tests and the preset `smoke` on line B, the current TFX, also where glibc is too old.

``make line-b``. On a host with glibc 2.39 or newer that is the checkout itself. Elsewhere a Debian
13 root is made by debootstrap, once, in build/line-b (or where GPTFX_LINE_B says), the checkout is
copied into it, and everything runs in there, with the host's certificates and package index
settings. Mounts are made in a namespace of their own: they end with the process, and deleting the
root can never reach the host. DEBIAN_MIRROR names another mirror.

Exit codes: 0 all passed; 1 something failed; 3 it cannot be run on this host, and why.
Standard library only, like the set-up.
"""

import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

try:
    from gptfx.pipeline import lines
except ImportError:  # run as a file, before gptfx is installed
    import lines

REPOSITORY = Path(__file__).resolve().parent.parent
RELEASE, MIRROR = "trixie", "http://deb.debian.org/debian"
PACKAGES = "python3,python3-venv,python3-dev,ca-certificates,g++,libgomp1,make,git"
INSIDE = "gptfx"  # the copy of the checkout in the root
SMOKE_ROOT = "/tmp/gptfx-line-b"
FAILED, CANNOT = 1, 3
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
SETTINGS = ("/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf", "~/.config/uv/uv.toml")
PASSED_ON = ("PIP_", "UV_", "SSL_", "DEBIAN_")
PASSED_ON_TOO = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "TERM", "CI")
# The first process of a namespace sees its own mounts alone; /dev is not the host's either.
ENTER = """
set -eu
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
mkdir "$1/dev/shm" && mount -t tmpfs tmpfs "$1/dev/shm"
for node in null zero full random urandom tty; do
  touch "$1/dev/$node" && mount --bind "/dev/$node" "$1/dev/$node"
done
ln -s /proc/self/fd "$1/dev/fd"
exec chroot "$1" /bin/sh -c "cd /gptfx && $2"
"""


class CannotError(Exception):
    """Why line B cannot be run on this host, and what to do."""


class FailedError(Exception):
    """Which step failed."""


def require_means():
    """Raises CannotError unless a root of our own can be made and entered."""
    if os.geteuid() != 0:
        raise CannotError("a Debian 13 root can only be made as root: run `sudo make line-b`")
    for command, package in (("debootstrap", "debootstrap"), ("unshare", "util-linux")):
        if not shutil.which(command):
            raise CannotError(f"{command} is missing: apt install {package}")
    try_out = ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if subprocess.run(try_out, stderr=subprocess.DEVNULL).returncode:
        raise CannotError("this host lets no process have mounts of its own: use another host")


def make_root(root):
    """Makes the root unless it is there, whole and with the packages of today's list."""
    stamp = root / "gptfx-root"
    recipe = f"{RELEASE} {PACKAGES}\n"
    if stamp.exists() and stamp.read_text() == recipe:
        return
    partial = root.with_name(f".{root.name}.partial")
    for folder in (partial, root):
        shutil.rmtree(folder, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    say(f"making a Debian 13 root in {root}, once (about two minutes)")
    mirror = os.environ.get("DEBIAN_MIRROR") or MIRROR
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE]
    done = subprocess.run([*command, str(partial), mirror], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise CannotError(f"debootstrap failed ({last}): check the network, or set DEBIAN_MIRROR")
    (partial / stamp.name).write_text(recipe)
    partial.rename(root)


def copy_settings(root):
    """The host's certificates, resolver and package index settings, as they are now."""
    for name in ("/etc/resolv.conf", CERTIFICATES, *SETTINGS):
        source = Path(name).expanduser()
        home = "root" if name.startswith("~") else ""
        target = root / home / name.lstrip("~/")
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)


def copy_checkout(target):
    """Copies what git knows or would add; files that are the same keep their times, others go.

    What was built in the copy (.venv, build, runs) stays. Returns how many files were written.
    """
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listing, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True).stdout
    names = {name for name in found.decode().split("\0") if (REPOSITORY / name).is_file()} - {""}
    written = sum(copy_if_different(REPOSITORY / name, target / name) for name in sorted(names))
    record = target / "build" / "checkout.txt"
    before = set(record.read_text().split("\n")) if record.exists() else set()
    for gone in before - names - {""}:
        (target / gone).unlink(missing_ok=True)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text("\n".join(sorted(names)))
    return written


def copy_if_different(source, target):
    """Whether the file had to be copied; its mode comes along."""
    if target.is_file() and target.read_bytes() == source.read_bytes():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    return True


def environment_inside(environ):
    """What the root sees of the host's environment: how packages are reached, and no more."""
    passed = {
        name: value
        for name, value in environ.items()
        if name.startswith(PASSED_ON) or name in PASSED_ON_TOO or name.lower().endswith("_proxy")
    }
    passed.pop("UV_PYTHON", None)
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {**passed, "PATH": path, "HOME": "/root", "LANG": "C.UTF-8"}


def inside(root, command):
    """Runs a shell command in the root's copy of the checkout; returns its exit code."""
    enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    shell = ["/bin/sh", "-c", ENTER, "sh", str(root), command]
    return subprocess.run([*enter, *shell], env=environment_inside(os.environ)).returncode


def here(command):
    """Runs a shell command in the checkout itself; returns its exit code."""
    return subprocess.run(["/bin/sh", "-c", command], cwd=REPOSITORY).returncode


def check(run, arguments):
    """The steps, by `run(command)`; raises FailedError with the first that fails."""
    smoke = (
        "rm -rf /tmp/gptfx-line-b && .venv/bin/gptfx run --preset smoke --root /tmp/gptfx-line-b"
    )
    steps = {
        "set-up": "{ test -e .git || git init -q; } && make setup",  # a test asks git for files
        "versions": ".venv/bin/python pipeline/line_b.py --versions",
        "tests": f"make test ARGS='{arguments}'",
        "smoke": smoke,
    }
    seconds = {}
    for step, command in steps.items():
        say(f"{step}: {command.split(' && ')[-1]}")
        started = time.monotonic()
        if code := run(command):
            raise FailedError(f"{step} failed with exit code {code}")
        seconds[step] = time.monotonic() - started
    return seconds


def versions():
    """One line: what runs here."""
    from importlib.metadata import version

    named = ", ".join(f"{name} {version(name)}" for name in ("tfx", "tensorflow", "apache-beam"))
    glibc = ".".join(map(str, lines.glibc_version()))
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{named}, Python {platform.python_version()}, glibc {glibc}, {system}"


def say(message):
    """One line for the person who waits."""
    print("line-b: " + message, flush=True)


def prepared_root():
    """The root, made and filled; for a host whose glibc is too old."""
    require_means()
    root = Path(os.environ.get("GPTFX_LINE_B") or REPOSITORY / "build" / "line-b").absolute()
    make_root(root)
    copy_settings(root)
    say(f"copied {copy_checkout(root / INSIDE)} changed files into the root")
    return root


def main(arguments):
    """Returns the exit code."""
    if arguments == ["--versions"]:
        say(versions())
        return 0
    try:
        native = lines.line_for(lines.glibc_version()) is lines.LINE_B
        root = None if native else prepared_root()
        run = here if root is None else lambda command: inside(root, command)
        seconds = check(run, " ".join(arguments))
    except CannotError as error:
        print(f"line-b: cannot be run here: {error}", file=sys.stderr)
        return CANNOT
    except FailedError as error:
        print(f"line-b: {error}", file=sys.stderr)
        return FAILED
    took = ", ".join(f"{step} {value:.0f} s" for step, value in seconds.items())
    say(f"passed: {took}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
