"""The rule on a device: does an old TFLite-Micro explain its outputs?"""

from collections.abc import Iterator
from dataclasses import replace

from host.diagnosis.causes.inquiry import Inquiry, Suspect
from host.diagnosis.comparison.interventions import outputs_of
from host.models.edit import Change, patch
from host.models.tflite import Graph, Operator
from host.report.formats import percent


def one_scale_for_all_channels(inquiry: Inquiry) -> list[Suspect]:
    """FULLY_CONNECTED with the first of its weights' scales for all channels.

    TFLM before May 2024 computes that. It is computed here, and compared with what the device gave.
    """
    case, device, x = inquiry.case, inquiry.case.device, inquiry.case.samples.meant
    if device is None:
        return []
    equal = float((outputs_of(case.b, x, "B") == device).mean())
    if equal == 1.0:
        return []
    note = (
        f"{percent(1 - equal)} of the outputs of {case.device_name or 'the device'} differ from "
        "what TFLM on the host computes from the same file."
    )
    dense = list(_first_scales(case.b))
    if not dense:
        inquiry.notes.append(f"{note} See the verdict of flash-and-eval for where they diverge.")
        return []
    old = patch(case.b, [change for _, change in dense])
    explained = float((outputs_of(old, x, "B") == device).mean())
    if explained <= equal:
        inquiry.notes.append(f"{note} The first channel's scale for all does not explain them.")
        return []
    where = ", ".join(str(operator.index) for operator, _ in dense)
    evidence = (
        f"FULLY_CONNECTED (operator {where}) has a scale for each channel. Computed with the first "
        f"channel's scale for all, {percent(explained)} of the outputs are the device's, against "
        f"{percent(equal)}."
    )
    one = dense[0][0] if len(dense) == 1 else None
    return [
        Suspect(
            parts=frozenset(),
            evidence=(note, evidence),
            operator=None if one is None else one.index,
            tensor=None if one is None else one.outputs[0],
            effect=100 * (explained - equal),
        )
    ]


def _first_scales(graph: Graph) -> Iterator[tuple[Operator, Change]]:
    """Dense layers whose channels have several scales, with the first of them for all."""
    for operator in filter(graph.is_per_channel_dense, graph.operators):
        index = operator.inputs[1]
        q = graph.tensors[index].quantization
        if q is not None and len(set(q.scales)) > 1:
            one = replace(q, scales=q.scales[:1], zero_points=q.zero_points[:1], axis=0)
            yield operator, Change(index, one)
