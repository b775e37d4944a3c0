"""Where a root keeps what; and where fetched texts are kept. The environment is read here alone,
but for the login of a cluster (``login.py``).
"""

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_ROOT = Path("runs")


def data_home() -> Path:
    """Where fetched corpora are kept: $GPTFX_HOME, else ``gptfx`` in the user's cache folder."""
    if home := os.environ.get("GPTFX_HOME"):
        return Path(home).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "gptfx"


@dataclass(frozen=True)
class Layout:
    """A root folder: metadata, artifacts, pushed models and logs of all runs in it."""

    root: Path

    @property
    def metadata(self) -> Path:
        """ML Metadata's sqlite file."""
        return self.root / "metadata.sqlite"

    @property
    def lock(self) -> Path:
        """Held while a run is under way: ML Metadata in sqlite has one writer."""
        return self.root / ".lock"

    @property
    def schedules(self) -> Path:
        """The schedules of this root, their history, and what is due; a sqlite file."""
        return self.root / "schedules.sqlite"

    @property
    def scheduler_lock(self) -> Path:
        """Held by the scheduler of this root; holds its process id."""
        return self.root / ".scheduler.lock"

    @property
    def scheduled_run_lock(self) -> Path:
        """Held while a scheduled run is under way, whoever started it."""
        return self.root / ".scheduled-run.lock"

    @property
    def logs(self) -> Path:
        """What the libraries said, a file a run."""
        return self.root / "logs"

    @property
    def all_serving(self) -> Path:
        """Pushed models, a folder a preset."""
        return self.root / "serving"

    def serving(self, preset: str) -> Path:
        """Pushed versions of one preset, as TensorFlow Serving reads them."""
        return self.all_serving / preset

    @property
    def all_artifacts(self) -> Path:
        """What the nodes made, a folder a pipeline."""
        return self.root / "pipelines"

    def artifacts(self, pipeline_name: str) -> Path:
        """What the nodes of a pipeline made."""
        return self.all_artifacts / pipeline_name
