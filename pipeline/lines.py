"""The two supported lines of TFX, and everything that differs between them.

No other module asks which line it runs on. Standard library only and old syntax: the set-up reads
this before anything is installed, with whatever Python the host has.
"""

import platform
import sys
from pathlib import Path

LOCKS = Path(__file__).resolve().parent / "locks"
NEWER_GLIBC = (2, 39)  # what the wheels of ml-metadata and TFDV after 1.16 are built for


class Line:
    """A supported line of TFX.

    Attributes:
      name: "A" or "B".
      tfx: its version of TFX, "1.16".
      pythons: the Pythons it runs on, best first.
      lock: the file that names every package's exact version.
      needs: what its installation needs from the host, to be shown when it fails.
    """

    def __init__(self, name, tfx, pythons, needs=""):
        self.name, self.tfx, self.pythons, self.needs = name, tfx, pythons, needs
        self.lock = LOCKS / f"line-{name.lower()}.txt"


LINE_A = Line("A", "1.16", ("3.10",))
LINE_B = Line(
    "B",
    "1.21",
    ("3.13", "3.12", "3.11"),
    " (pyfarmhash is built from source: it needs g++ and Python's headers)",
)


def glibc_version():
    """The host's glibc as (major, minor); (0, 0) where it has none."""
    name, version = platform.libc_ver()
    if name != "glibc":
        return (0, 0)
    major, minor = version.split(".")[:2]
    return (int(major), int(minor))


def line_for(glibc):
    """The line for a host's glibc, (major, minor); None where it has none."""
    if glibc == (0, 0):
        return None
    return LINE_B if glibc >= NEWER_GLIBC else LINE_A


def line_of_python(version=None):
    """The line that a Python, (major, minor), belongs to, this one if none is given; or None."""
    spelled = "{}.{}".format(*(version or sys.version_info[:2]))
    return next((line for line in (LINE_A, LINE_B) if spelled in line.pythons), None)
