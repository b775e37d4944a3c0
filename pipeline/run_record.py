"""What `gptfx run` writes down about a run, in the metadata: how it was started, how it ended.

The notes are custom properties of the run's context in ML Metadata. They are there before the first
node starts, so that a run that is killed has them, too.
"""

import getpass
import importlib.metadata
import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from gptfx.components.revision import revision
from gptfx.pipeline.metadata import RUN_TYPES
from gptfx.pipeline.stores import StoreAddress, connection

COMPLETE, FAILED, STOPPED, RUNNING = "complete", "failed", "stopped", "running"


class RunRecord:
    """The notes of one run, which is this process."""

    def __init__(self, address: StoreAddress, notes: Mapping[str, Any]) -> None:
        """Registers a new run, with its notes. Its `run_id` is the present time, as TFX's are."""
        self._store = metadata_store.MetadataStore(connection(address, is_written=True))
        kind = mlmd.ContextType(name=RUN_TYPES[0])
        self._type = self._store.put_context_type(kind, can_add_fields=True, can_omit_fields=True)
        self._notes = {"state": RUNNING, **notes}
        while True:
            self.run_id = datetime.now().isoformat()
            context = mlmd.Context(name=self.run_id, type_id=self._type)
            _fill(context, self._notes)
            try:
                (self._context,) = self._store.put_contexts([context])
                return
            except errors.AlreadyExistsError:  # another run of the store began in this moment
                continue

    def end(self, state: str, **notes: Any) -> None:
        """Says how the run ended."""
        self._notes |= {"state": state, "ended": datetime.now().timestamp(), **notes}
        context = mlmd.Context(id=self._context, name=self.run_id, type_id=self._type)
        _fill(context, self._notes)
        self._store.put_contexts([context])


def _fill(context: mlmd.Context, notes: Mapping[str, Any]) -> None:
    for name, value in notes.items():
        if value is None:
            continue
        target = context.custom_properties[name]
        if isinstance(value, bool | int):
            target.int_value = int(value)
        elif isinstance(value, float):
            target.double_value = value
        else:
            target.string_value = value if isinstance(value, str) else json.dumps(value)


def of_this_process(root: Path) -> dict[str, Any]:
    """Who runs what, where."""
    return {
        "gptfx_version": importlib.metadata.version("gptfx"),
        "revision": revision(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "user": user(),
        "root": str(root),
    }


def user() -> str:
    """Who is at work; a number where it has no name, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
