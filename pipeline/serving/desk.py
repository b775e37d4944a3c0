"""A root held for a change of its pushed models: the lock, the metadata, what was left mended."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gptfx.pipeline.layout import Layout
from gptfx.pipeline.lock import locked
from gptfx.pipeline.metadata import Metadata, open_metadata
from gptfx.pipeline.records import NodeRun
from gptfx.pipeline.serving.mending import mend
from gptfx.pipeline.serving.record import ModelRecord
from gptfx.pipeline.stores import StoreAddress


class Desk(NamedTuple):
    """What a change is made with.

    Attributes:
      layout: the root, which this process holds.
      metadata, record: its store, for reading and for writing.
      mended: the entries of killed commands that were finished now, the oldest first.
    """

    layout: Layout
    metadata: Metadata
    record: ModelRecord
    mended: list[NodeRun]


@contextmanager
def desk(layout: Layout, address: StoreAddress) -> Iterator[Desk]:
    """Raises InputError where there is no store, or a run is under way."""
    with plain_lock(layout, address):
        yield held_desk(layout, address)


@contextmanager
def plain_lock(layout: Layout, address: StoreAddress) -> Iterator[None]:
    """The same for who only looks: nothing is mended."""
    open_metadata(address)  # before the lock, which would make the root
    with locked(layout):
        yield


def held_desk(layout: Layout, address: StoreAddress) -> Desk:
    """For who holds the lock already, as a run does."""
    metadata, record = open_metadata(address), ModelRecord(address)
    return Desk(layout, metadata, record, mend(layout, metadata, record))
