"""Garbage is collected: what nothing kept descends from goes, from the disk and in the metadata.

The order, so that a kill between any two steps leaves nothing that a run could trip over:

1. the artifacts are marked for deletion   TFX's cache takes none of them from here on
2. folder by folder: renamed, then removed what was renamed is found by its name
3. the artifacts are noted as deleted      until then the next collection does 2 and 3 again
"""

from collections.abc import Iterable

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from gptfx.data.errors import InputError
from gptfx.pipeline.housekeeping.folders import remove, remove_empty
from gptfx.pipeline.housekeeping.plan import Plan, make_plan
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import Metadata, open_metadata
from gptfx.pipeline.serving.mending import remove_hidden
from gptfx.pipeline.stores import StoreAddress, connection, remembered


def plan_for(layout: Layout, address: StoreAddress, keep: int) -> tuple[Plan, str | None]:
    """What would go; and why no leftovers were looked for, if they were not."""
    metadata = open_metadata(address)
    try:
        stores: list[Metadata] | None = [metadata, *stores_of(layout, address)]
        problem = None
    except InputError as error:
        stores, problem = None, f"{error.problem}: {error.received}"
    return make_plan(layout, metadata, keep, stores), problem


def stores_of(layout: Layout, address: StoreAddress) -> list[Metadata]:
    """The other stores that runs of this root were noted in."""
    found = {str(each): each for each in remembered(layout.root)}
    if layout.metadata.exists():
        found[str(layout.metadata)] = StoreAddress.of_file(layout.metadata)
    return [open_metadata(each) for name, each in found.items() if name != str(address)]


def collect(layout: Layout, address: StoreAddress, plan: Plan) -> None:
    """Removes what the plan says, of a root that the caller holds, and what killed commands left
    in the serving folders.
    """
    states = States(address)
    numbers = [each.id for each, _ in plan.artifacts]
    states.put(numbers, mlmd.Artifact.MARKED_FOR_DELETION)
    for folder in (*plan.leftovers, *(folder for _, folder in plan.artifacts)):
        if folder.is_dir():
            remove(folder)
        remove_empty(layout, folder)
    states.put([*numbers, *(each.id for each in plan.lost)], mlmd.Artifact.DELETED)
    for serving in layout.all_serving.glob("*"):
        remove_hidden(serving)


class States:
    """The states of artifacts, for writing. Only of such as no kept node was handed: a run's cache
    would know those no more."""

    def __init__(self, address: StoreAddress) -> None:
        self._store = metadata_store.MetadataStore(connection(address, is_written=True))

    def put(self, artifacts: Iterable[int], state: int) -> None:
        """All at once, or none."""
        found = self._store.get_artifacts_by_id(list(artifacts))
        for artifact in found:
            artifact.state = state
        if found:
            self._store.put_artifacts(found)
