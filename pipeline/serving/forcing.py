"""``gptfx run --force-bless``: a run's model is pushed although it was refused."""

from dataclasses import replace

from gptfx.modules.export.versions import versions
from gptfx.modules.export.withdrawn import withdrawal_of
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.result import Result
from gptfx.pipeline.serving.desk import held_desk
from gptfx.pipeline.serving.promotion import find_candidate, promote
from gptfx.pipeline.stores import StoreAddress


def force_result(
    result: Result, layout: Layout, address: StoreAddress, preset: str, reason: str
) -> Result:
    """What a run came to when its model, which was refused, is pushed all the same.

    A model that is the newest version already, by an earlier run's force, gets no second one.
    """
    desk = held_desk(layout, address)
    candidate = find_candidate(desk.metadata, layout, result.run_id, preset)
    known = versions(candidate.serving)
    is_served = bool(known) and known[-1].model_id == candidate.model_id
    if is_served and not withdrawal_of(candidate.serving, candidate.model_id):
        return replace(result, forced=reason, model_dir=str(known[-1].folder))
    changed = promote(desk, candidate, force=reason, in_run=result.run_id)
    return replace(result, forced=reason, pushed=True, model_dir=str(changed.folder))
