"""The flow of `profile`: what each operator of a model costs on a device."""

from dataclasses import replace

from host.commands.profile.document import ProfileDocument, document
from host.commands.profile.page import render_html
from host.deployment import measure
from host.deployment.deployed import deployable, deployed
from host.deployment.request import DeviceOptions, ModelOptions, OutputOptions
from host.deployment.stages import Observer, Stages
from host.report.document import DOCUMENT, PAGE, write_report
from host.verdict.costs import operator_costs
from host.verdict.latency import WARMUP, summarize_latency

# Samples that are run where the user names no number; of their ticks the median is taken.
SAMPLES = 5


def profile(
    what: ModelOptions, where: DeviceOptions, output: OutputOptions, observer: Observer
) -> ProfileDocument:
    """Profile a model, and write the page and the document.

    Raises:
        FlashAndEvalError: see ``host.base.errors``.
    """
    stages = Stages(observer)
    if what.samples is None:
        what = replace(what, samples=SAMPLES)
    ready = deployable(what, where, output, SAMPLES, stages)
    graph, feeds = ready.loaded.graph, ready.loaded.feeds
    with deployed(ready, (DOCUMENT, PAGE), stages) as (session, device):
        # The first are left out, so that the median is over as many as the user asks for.
        warm = [feeds[0]] * WARMUP
        ticks = measure.plain_ticks(session, device.info, [*warm, *feeds])
        profiled, ticks_by_operator = measure.profile(session, device.info, device.rendered, feeds)
        costs = operator_costs(graph, device.rendered, ticks_by_operator)
        latency = summarize_latency(device.info, ticks, profiled, costs)
        result = document(device, latency)
        write_report(device.folder, result, {PAGE: render_html(result, device)})
    return result
