"""What a device made of B, where that is not what TFLM on the host makes of it."""

from __future__ import annotations

from dataclasses import replace

from host.base.arrays import Array
from host.diagnosis.case import as_percent
from host.diagnosis.causes import CAUSES
from host.diagnosis.experiment import outputs_of
from host.diagnosis.records import Finding
from host.diagnosis.traces import encode
from host.models.edit import Change, patch
from host.models.tflite import Graph, Operator


def device_findings(
    b: Graph, x: Array, raw: bool, device: Array, name: str | None
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Does an old TFLite-Micro explain the device's outputs?

    FULLY_CONNECTED of TFLM before May 2024 uses the first of its weights' scales for all channels.
    That is computed here, and compared with what the device gave.

    Args:
        b: the model on the device.
        x, raw: the samples that it got.
        device: its outputs, [n, …].
        name: the device's engine and version, or None.

    Returns:
        Findings, and notes.
    """
    codes = encode(x, raw, b.input)
    host = outputs_of(b, codes, "B")
    equal = float((host == device).mean())
    who = name or "the device"
    if equal == 1.0:
        return (), ()
    note = (
        f"{who} gave outputs of which {as_percent(1 - equal)} are not what TFLM on the host "
        "computes from the same file."
    )
    dense = [o for o in b.operators if _per_channel(b, o)]
    if not dense:
        return (), (f"{note} See the verdict of flash-and-eval for where they part.",)
    old = outputs_of(patch(b, [_first_scale(b, o) for o in dense]), codes, "B")
    explained = float((old == device).mean())
    if explained <= equal:
        return (), (f"{note} The first channel's scale for all does not explain them.",)
    where = ", ".join(f"{o.index}" for o in dense)
    finding = Finding(
        cause="tflm-per-channel-dense",
        operator=dense[0].index if len(dense) == 1 else None,
        tensor=b.tensors[dense[0].outputs[0]].name if len(dense) == 1 else None,
        effect=100 * (explained - equal),
        evidence=(
            note,
            f"FULLY_CONNECTED (operator {where}) has a scale for each channel. Computed with the "
            f"first channel's scale for all, {as_percent(explained)} of the outputs are the "
            f"device's, against {as_percent(equal)}.",
        ),
        remedy=CAUSES["tflm-per-channel-dense"].remedy,
    )
    return (finding,), ()


def _per_channel(graph: Graph, operator: Operator) -> bool:
    if not graph.is_per_channel_dense(operator):
        return False
    q = graph.tensors[operator.inputs[1]].quantization
    return q is not None and len(set(q.scales)) > 1


def _first_scale(graph: Graph, operator: Operator) -> Change:
    index = operator.inputs[1]
    q = graph.tensors[index].quantization
    assert q is not None
    return Change(index, replace(q, scales=q.scales[:1], zero_points=q.zero_points[:1], axis=0))
