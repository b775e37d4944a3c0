"""The workers that fit a model together, as TF_CONFIG tells of them; needs no TensorFlow.

``TF_CONFIG={"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}``
"""

import json
import os

from gptfx.data.errors import InputError

VARIABLE = "TF_CONFIG"
REMEDY = 'write {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}'


def workers() -> int:
    """How many there are; 1 without TF_CONFIG. Raises InputError where it cannot be read."""
    return max(1, len(_cluster()[0]))


def worker_index() -> int:
    """Which of them this process is, from 0."""
    return _cluster()[1]


def is_chief() -> bool:
    """Whether this process writes what is made: the first worker, or the only one."""
    return worker_index() == 0


def _cluster() -> tuple[list[str], int]:
    """The addresses of the workers, and which of them this is."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return [], 0
    try:
        content = json.loads(text)
        addresses = list(content.get("cluster", {}).get("worker", []))
        index = int(content.get("task", {}).get("index", 0))
    except (ValueError, TypeError, AttributeError):
        raise InputError(f"{VARIABLE} cannot be read", text[:200], REMEDY) from None
    if not 0 <= index < max(1, len(addresses)):
        received = f"index {index} of {len(addresses)} workers"
        raise InputError(f"{VARIABLE} names a worker that is not there", received, REMEDY)
    return addresses, index
