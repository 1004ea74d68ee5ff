"""The flow of `profile`: what each operator of a model costs on a device."""

from __future__ import annotations

from host.base import versions
from host.commands.profile.values import Profile
from host.commands.profile.write import RESULTS, write_profile
from host.deployment import measure
from host.deployment.deployed import deployable, deployed
from host.deployment.request import Request
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
    ready = deployable(request, SAMPLES, stages)
    graph, feeds = ready.loaded.graph, ready.loaded.feeds
    with deployed(ready, request, RESULTS, stages) as (session, device):
        ticks = measure.plain_ticks(session, device.info, feeds)
        profiled, ticks_by_operator = measure.profile(session, device.info, device.rendered, feeds)
        costs = operator_costs(graph, device.rendered, ticks_by_operator)
        latency = summarize_latency(device.info, ticks, profiled, costs)
        result = Profile(device, latency, versions.versions())
        write_profile(result)
    return result
