"""What a trace found, in sentences."""

from __future__ import annotations

from host.commands.trace.values import Trace, TracedTensor
from host.report.formats import number, plain
from host.verdict.differences import difference


def headline(trace: Trace) -> str:
    """The result in one line."""
    if trace.tensors:
        count = len(trace.tensors)
        differ = sum(tensor.difference is not None for tensor in trace.tensors)
        what = f"{count} tensor{'' if count == 1 else 's'}"
    else:
        count = len(trace.outputs)
        differ = sum(not output.equal for output in trace.outputs)
        what = f"the outputs of all operators ({count})"
    if not differ:
        verb = "equals" if trace.tensors and count == 1 else "equal"
        return f"sample {trace.sample}: {what} {verb} TFLM on the host"
    return f"sample {trace.sample}: of {what}, {differ} differ{'s' if differ == 1 else ''}"


def comparison(tensor: TracedTensor) -> str:
    """A line on a tensor that was asked for."""
    operator = tensor.operator
    who = f"tensor {operator.tensor} '{plain(tensor.tensor_name)}' of operator {operator.index} "
    who += plain(operator.name)
    if tensor.difference is None:
        size = 1
        for dimension in tensor.shape:
            size *= dimension
        return f"{who}: all {number(size)} values equal"
    return f"{who}: {difference(tensor.difference)}"
