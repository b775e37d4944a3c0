"""A Debian 13 root below the checkout, to run things in that the host's glibc is too old for.

Mounts are made in a namespace of their own: they end with the process, and deleting the root can
never reach the host. Standard library only, like the set-up.
"""

import os
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
RELEASE, MIRROR = "trixie", "http://deb.debian.org/debian"
PACKAGES = "python3,python3-venv,python3-dev,ca-certificates,g++,libgomp1,make,git"
INSIDE = "gptfx"  # the copy of the checkout in the root
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
SETTINGS = ("/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf", "~/.config/uv/uv.toml")
PASSED_ON = ("PIP_", "UV_", "SSL_")
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
    if root.exists() and not stamp.exists():  # never delete what is not ours
        raise CannotError(f"{root} is no root that gptfx made: let GPTFX_LINE_B name another")
    partial = root.with_name(f".{root.name}.partial")
    for folder in (partial, root):
        shutil.rmtree(folder, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    say(f"making a Debian 13 root in {root}, once (about two minutes)")
    debootstrap(partial, f"--include={PACKAGES}")
    (partial / stamp.name).write_text(recipe)
    partial.rename(root)


def debootstrap(folder, *options):
    """Makes a minimal Debian 13 in an empty folder. Raises CannotError."""
    mirror = os.environ.get("DEBIAN_MIRROR") or MIRROR
    command = ["debootstrap", "--variant=minbase", *options, RELEASE, str(folder), mirror]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise CannotError(f"debootstrap failed ({last}): check the network, or set DEBIAN_MIRROR")


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


def prepared():
    """The root, made if needed, with the checkout as it is now. Raises CannotError."""
    require_means()
    root = Path(os.environ.get("GPTFX_LINE_B") or REPOSITORY / "build" / "line-b").absolute()
    make_root(root)
    copy_settings(root)
    say(f"copied {copy_checkout(root / INSIDE)} changed files into the root")
    return root


def say(message):
    """One line for the person who waits."""
    print("line-b: " + message, flush=True)
