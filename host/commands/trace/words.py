"""What a trace found, in sentences."""

from __future__ import annotations

from host.commands.trace.values import Trace


def headline(trace: Trace) -> str:
    """The result in one line."""
    if trace.tensors:
        count = len(trace.tensors)
        differ = sum(not tensor.equal for tensor in trace.tensors)
        what = f"{count} tensor{'' if count == 1 else 's'}"
    else:
        count = len(trace.outputs)
        differ = sum(not output.equal for output in trace.outputs)
        what = f"the outputs of all operators ({count})"
    if not differ:
        verb = "equals" if trace.tensors and count == 1 else "equal"
        return f"sample {trace.sample}: {what} {verb} TFLM on the host"
    return f"sample {trace.sample}: of {what}, {differ} differ{'s' if differ == 1 else ''}"
