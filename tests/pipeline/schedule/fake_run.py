"""Stands in for ``gptfx run``: does what a file says, and notes what it did.

``python fake_run.py FOLDER OPTIONS...``: FOLDER/behaviour.json has `seconds`, `code`, `said`,
`words` and `stubborn`; a list of such is for one run each, the last for all others.
"""

import fcntl
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(sys.argv[1])


def note(text: str) -> None:
    with (FOLDER / "notes.txt").open("a") as notes:
        notes.write(f"{text}\n")


def behaviour() -> dict:
    told = json.loads((FOLDER / "behaviour.json").read_text())
    if isinstance(told, dict):
        return told
    begun = (FOLDER / "notes.txt").read_text().count("begins")
    return told[min(begun, len(told)) - 1]


def stop(*_: object) -> None:
    note("checkpoint")
    sys.exit(143)


if __name__ == "__main__":
    alone = (FOLDER / "alone").open("w")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note("two at a time")
    note("begins " + json.dumps(sys.argv[2:]))
    told = behaviour()
    signal.signal(signal.SIGTERM, signal.SIG_IGN if told.get("stubborn") else stop)
    if told.get("stubborn"):
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        note(f"helper {helper.pid}")
    time.sleep(told.get("seconds", 0))
    if "said" in told:
        print(json.dumps(told["said"]), flush=True)
    if "words" in told:
        print(f"gptfx: {told['words']}", file=sys.stderr)
    note("ends")
    sys.exit(told.get("code", 0))
