"""Quiet: whatever way a library speaks, it speaks to the log; we keep the screen."""

import subprocess
import sys
from pathlib import Path

CODE = """
import logging, os, sys, warnings
from pathlib import Path
from gptfx.pipeline.quiet import quiet
with quiet(Path(sys.argv[1])) as (out, err):
    print("a library prints")
    print("a library complains", file=sys.stderr)
    os.write(2, b"a C++ library complains\\n")
    warnings.warn("a warning")
    logging.getLogger("x").info("a record")
    print("ours", file=out, flush=True)
    print("ours too", file=err, flush=True)
print("after")
"""


def test_only_what_is_ours_reaches_the_screen(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(log)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["ours", "after", ""]
    assert done.stderr == "ours too\n"
    said = log.read_text()
    for words in ("prints", "a library complains", "C++", "a warning", "a record"):
        assert words in said
