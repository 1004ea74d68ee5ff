"""The flow of `profile`: what each operator of a model costs on a device."""

from __future__ import annotations

from host.base import versions
from host.commands.profile.values import Profile
from host.commands.profile.write import RESULTS, write_profile
from host.deployment import measure, setup
from host.deployment.connection import connected
from host.deployment.request import Request
from host.deployment.samples import load
from host.deployment.stages import Observer, Stages
from host.verdict.costs import operator_costs
from host.verdict.latency import summarize_latency

# Samples that are run where the request names no number; of their ticks the median is taken.
SAMPLES = 5


def profile(request: Request, observer: Observer) -> Profile:
    """Profile a model.

    Args:
        request: model, board and samples, as for ``flash_and_eval``.
        observer: is told how far it is.

    Raises:
        FlashAndEvalError: see ``host.base.errors``.
    """
    stages = Stages(observer)
    found = setup.rig_of(request, stages)
    loaded = load(request, found.engine, stages, SAMPLES)
    graph, feeds = loaded.graph, loaded.feeds
    rendered = setup.render(found, graph, request, stages)
    with setup.run_folder(request, loaded.model, graph, RESULTS) as folder:
        rendered, image = setup.build(found, rendered, graph, folder, request, stages)
        device = connected(found, rendered, image, graph, folder, request, stages)
        with device as (session, info):
            ticks = measure.plain_ticks(session, info, feeds)
            profiled, operator_ticks = measure.profile(session, info, rendered, feeds)
        result = Profile(
            board=found.board,
            loaded=loaded,
            rendered=rendered,
            image=image,
            info=info,
            latency=summarize_latency(
                info, ticks, profiled, operator_costs(graph, rendered, operator_ticks)
            ),
            versions=versions.versions(),
            notes=(*found.notes, *loaded.notes),
            folder=folder,
            command=request.command,
        )
        write_profile(result)
    return result
