"""Which code is at work: its git revision, which a node notes and no cache key holds."""

import os
import subprocess
from pathlib import Path

GIT_SECONDS = 10


def revision() -> str | None:
    """Of the checkout, with ``+`` where files differ from it; where there is none, as in an image,
    what $GPTFX_REVISION says; None where nobody says it.
    """
    if told := os.environ.get("GPTFX_REVISION"):
        return told
    checkout = Path(__file__).resolve().parent.parent
    if not (checkout / ".git").exists():
        return None
    head = _git(checkout, "rev-parse", "HEAD")
    if not head:
        return None
    return head + ("+" if _git(checkout, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
